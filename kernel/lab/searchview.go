package lab

import (
	"fmt"
	"math"

	"github.com/parelab/pare/gomlxops/bayesopt"
	"github.com/parelab/pare/gomlxops/lowrank"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/kernel/show"
)

// Found is what a search found, as far as it went.
type Found struct {
	Search Search
	Study  string
	Digest string // that the search's trials have in common
	Text   string // that they were measured on

	Space      bayesopt.Space
	Trials     []bayesopt.Trial // in the order in which they were asked for
	Numbers    map[int]int      // of the trials in the study, by that order
	Best       bayesopt.Trial
	Ranks      map[string]int // of the best, by linear; one without a rank stays dense
	Allocation *lowrank.Allocation

	linears []transformer.Linear
}

// Attempt returns the best allocation as an attempt, to measure it on the study's own text or to write the model. See [Study.Try].
func (f *Found) Attempt() Attempt {
	a := f.Search.Attempt
	a.Ranks = f.Ranks
	a.Allocate = By(fmt.Sprintf("%s by %s, %d trials", f.Search.Sampler, f.Search.Groups, f.Search.Trials))
	return a
}

// Facts lists the best allocation's ratios, group by group, beside those of the same ratio for all.
func (f *Found) Facts() show.Fragment {
	table := show.Table{
		Title: fmt.Sprintf("Best of %d trials, perplexity %.4f (trial %d)", len(f.Trials), f.Best.Value, f.Numbers[f.Best.ID]),
		Columns: []show.Column{
			{Name: "group"}, {Name: "parameters", Format: show.Integer}, {Name: "removed", Format: show.Percent}, {Name: "at most", Format: show.Percent},
		},
		Caption: fmt.Sprintf("%.2f%% of all decoder linears removed, counted. Measured on %d blocks of %d tokens drawn from %s: compare with trials of this search only.",
			100*f.Allocation.Removed(), f.Search.Blocks, f.Search.BlockLength, f.Text),
	}
	for i, v := range f.Space.Variables {
		table.Rows = append(table.Rows, []any{v.Name, int64(v.Weight), f.Best.At[i], v.Upper})
	}
	return table
}

// HeatMap draws the best allocation's ranks: layers by kinds of linear.
func (f *Found) HeatMap() *show.HeatMap { return ranks(f.Allocation, f.Attempt(), f.linears) }

// Chart draws every trial's perplexity, and the least so far, against the number of trials.
func (f *Found) Chart() show.Chart {
	c := show.Chart{
		Title: "Search by " + string(f.Search.Sampler), X: show.Axis{Label: "trial"}, Y: show.Axis{Label: "perplexity on " + f.Text, Log: true},
	}
	each, least := show.Series{Name: "trial", Style: show.Points}, show.Series{Name: "least so far", Style: show.Steps}
	low, failed := math.Inf(1), 0
	for i, t := range f.Trials {
		if t.State == bayesopt.Failed {
			failed++
		}
		if t.State != bayesopt.Done {
			continue
		}
		low = min(low, t.Value)
		each.X, each.Y = append(each.X, float64(i+1)), append(each.Y, t.Value)
		least.X, least.Y = append(least.X, float64(i+1)), append(least.Y, low)
	}
	c.Series = []show.Series{each, least}
	if failed > 0 {
		c.Caption = fmt.Sprintf("Trials that failed, and have no point: %d.", failed)
	}
	return c
}

// Search runs a search in a cell, or goes on with it. See [Study.Search].
func (s CellStudy) Search(m *Model, search Search) *Found {
	return must(s.Study.Search(interruptible(), m, search))
}

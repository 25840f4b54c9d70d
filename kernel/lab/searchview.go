package lab

import (
	"fmt"
	"math"
	"slices"
	"sync"

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
	Text   string // that they were measured on; "" where a function measures

	Space      bayesopt.Space
	Trials     []bayesopt.Trial // in the order in which they were asked for
	Numbers    map[int]int      // of the trials in the study, by that order
	Best       bayesopt.Trial
	Ranks      map[string]int // of the best, by linear; one without a rank stays dense
	Allocation *lowrank.Allocation

	linears []transformer.Linear
	options bayesopt.Options

	once      sync.Once
	surrogate *bayesopt.Surrogate
	unfit     error // why there is none
	shares    []bayesopt.Importance
}

// Surrogate is the optimiser's model of all trials, whatever sampler asked for them. An error where fewer than two have a value.
func (f *Found) Surrogate() (*bayesopt.Surrogate, error) {
	f.once.Do(func() {
		o, err := bayesopt.New(f.Space, f.options, f.Trials...)
		if err != nil {
			f.unfit = err
			return
		}
		if f.surrogate, f.unfit = o.Surrogate(); f.unfit == nil {
			f.shares = f.surrogate.Importances()
		}
	})
	return f.surrogate, f.unfit
}

// Attempt returns the best allocation as an attempt, to measure it on the study's own text or to write the model. See [Study.Try].
func (f *Found) Attempt() Attempt {
	a := f.Search.Attempt
	a.Ranks = f.Ranks
	a.Allocate = By(fmt.Sprintf("%s, %d trials", f.label(), f.Search.Trials))
	return a
}

// label names the search, but for its seed: "bayes by kind×bands".
func (f *Found) label() string { return fmt.Sprintf("%s by %s", f.Search.Sampler, f.Search.Groups) }

// Facts lists the best allocation's ratios, group by group, beside those of the same ratio for all.
func (f *Found) Facts() show.Fragment {
	table := show.Table{
		Title: fmt.Sprintf("Best of %d trials, %s %.4f (trial %d)", len(f.Trials), f.Search.Objective, f.Best.Value, f.Numbers[f.Best.ID]),
		Columns: []show.Column{
			{Name: "group"}, {Name: "parameters", Format: show.Integer}, {Name: "removed", Format: show.Percent}, {Name: "at most", Format: show.Percent},
		},
		Caption: fmt.Sprintf("%.2f%% of all decoder linears removed, counted. Measured %s: compare with trials of this search only.", 100*f.Allocation.Removed(), f.how()),
	}
	beside := false
	for i, v := range f.Space.Variables {
		table.Rows = append(table.Rows, []any{v.Name, int64(v.Weight), f.Best.At[i], v.Upper})
		beside = beside || f.Best.At[i] > v.Upper
	}
	if beside {
		table.Caption += " Ranks are whole, so that a group may come to lose a little more than the most it is asked for."
	}
	return table
}

// HeatMap draws the best allocation's ranks: layers by kinds of linear.
func (f *Found) HeatMap() *show.HeatMap { return ranks(f.Allocation, f.Attempt(), f.linears) }

// Chart draws what the search made small for every trial, and the least so far, against the number of trials. Trials without a value, and those far worse than most, are
// marks above.
func (f *Found) Chart() show.Chart {
	c := show.Chart{
		Title: "Search by " + string(f.Search.Sampler), X: show.Axis{Label: "trial"}, Y: show.Axis{Label: f.measured()},
	}
	each, least, stopped := show.Series{Name: "trial", Style: show.Points}, show.Series{Name: "least so far", Style: show.Steps}, show.Series{Name: "stopped early, as foretold", Style: show.Points}
	top := f.ceiling()
	marks := []show.Mark{{Label: "failed"}, {Label: fmt.Sprintf("above %.4g", top), Sign: show.Up}, {Label: "under way", Sign: show.Ring}}
	for i, t := range f.Trials {
		x := float64(i + 1)
		switch {
		case t.State == bayesopt.Failed:
			marks[0].X = append(marks[0].X, x)
		case t.State == bayesopt.Pending:
			marks[2].X = append(marks[2].X, x)
		case t.Value > top:
			marks[1].X = append(marks[1].X, x)
		case t.State == bayesopt.Stopped:
			stopped.X, stopped.Y = append(stopped.X, x), append(stopped.Y, t.Value)
		default:
			each.X, each.Y = append(each.X, x), append(each.Y, t.Value)
		}
	}
	low := math.Inf(1)
	for i, v := range f.incumbents() {
		if v <= top && (v < low || i == len(f.Trials)-1) { // a step where it falls, and the end
			low = v
			least.X, least.Y = append(least.X, float64(i+1)), append(least.Y, v)
		}
	}
	if c.Series = []show.Series{each, least}; len(stopped.X) > 0 {
		c.Series = append(c.Series, stopped)
	}
	c.Marks = slices.DeleteFunc(marks, func(m show.Mark) bool { return len(m.X) == 0 })
	return c
}

// farWorse is how many times as far above the best as the median a trial may be to be drawn at its place.
const farWorse = 6

// ceiling is up to where pictures show values: an allocation that starves a group may be worse by orders of magnitude, and would hide how
// the others differ.
func (f *Found) ceiling() float64 {
	values := f.values()
	best, middle := quantile(values, 0), quantile(values, 0.5)
	if top := best + farWorse*(middle-best); top < quantile(values, 1) {
		return top
	}
	return quantile(values, 1)
}

// measured says what was made small, and on what.
func (f *Found) measured() string {
	if f.Search.Objective.Function != nil {
		return f.Search.Objective.Name
	}
	return fmt.Sprintf("%s on %s", f.Search.Objective, f.Text)
}

// how says what a trial was measured by: a function of one's own sees what it likes.
func (f *Found) how() string {
	if f.Search.Objective.Function != nil {
		return "by " + f.Search.Objective.Name
	}
	return fmt.Sprintf("on %d blocks of %d tokens drawn from %s", f.Search.Blocks, f.Search.BlockLength, f.Text)
}

// valued says whether a trial has a value: measured, or foretold when it was stopped.
func valued(t bayesopt.Trial) bool { return t.State == bayesopt.Done || t.State == bayesopt.Stopped }

// values are those of the trials that have one.
func (f *Found) values() (values []float64) {
	for _, t := range f.Trials {
		if valued(t) {
			values = append(values, t.Value)
		}
	}
	return values
}

// incumbents are the least values so far, trial by trial: NaN until one has a value.
func (f *Found) incumbents() []float64 {
	out, low := make([]float64, len(f.Trials)), math.NaN()
	for i, t := range f.Trials {
		if t.State == bayesopt.Done && !(t.Value >= low) {
			low = t.Value
		}
		out[i] = low
	}
	return out
}

// Search runs a search in a cell, or goes on with it. See [Study.Search].
func (s CellStudy) Search(m *Model, search Search) *Found {
	return must(s.Study.Search(interruptible(), m, search))
}

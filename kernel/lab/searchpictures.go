package lab

import (
	"fmt"
	"slices"

	"github.com/parelab/pare/gomlxops/bayesopt"
	"github.com/parelab/pare/kernel/show"
)

// Pictures are all that a search can show of itself: its course, what it found, where it looked, what its model thinks, and whether to trust that.
func (f *Found) Pictures() []show.Fragment {
	return []show.Fragment{f.Facts(), f.Chart(), f.HeatMap(), f.Parallel(), f.Importance(), f.Dependence(), f.Trust().Chart(), f.Trust().Facts()}
}

// ShowSearch displays all pictures of a search in a cell. See [Found.Pictures].
func ShowSearch(f *Found) {
	for _, p := range f.Pictures() {
		Show(p)
	}
}

// Parallel draws every trial as a line over the groups' ratios, coloured by what the search made small.
func (f *Found) Parallel() show.Parallel {
	p := show.Parallel{
		Title: "Where the trials were", Value: show.Axis{Label: f.measured()},
		Caption: "A line for each trial: the ratio removed of each group.",
	}
	for _, v := range f.free() {
		p.Axes = append(p.Axes, show.Axis{Label: f.name(v.Name), Format: show.Percent, Min: 0, Max: f.Search.Upper})
	}
	for _, t := range f.Trials {
		if !valued(t) {
			continue
		}
		line := show.ParallelLine{Name: fmt.Sprintf("trial %d", f.Numbers[t.ID]), Value: t.Value}
		for _, i := range f.freeIndex() {
			line.At = append(line.At, t.At[i])
		}
		p.Lines = append(p.Lines, line)
	}
	p.Value.Min, p.Value.Max = f.Best.Value, f.ceiling()
	if above := f.above(); above > 0 {
		p.Caption += fmt.Sprintf(" Above %.4g, as %s, all have one colour.", p.Value.Max, counted(above, "trial is", "trials are"))
	}
	return p
}

// above counts the trials that are worse than pictures show.
func (f *Found) above() (n int) {
	top := f.ceiling()
	for _, v := range f.values() {
		if v > top {
			n++
		}
	}
	return n
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// freeIndex are the variables that the search could choose.
func (f *Found) freeIndex() (free []int) {
	for i, v := range f.Space.Variables {
		if v.Upper > v.Lower {
			free = append(free, i)
		}
	}
	return free
}

func (f *Found) free() (free []bayesopt.Variable) {
	for _, i := range f.freeIndex() {
		free = append(free, f.Space.Variables[i])
	}
	return free
}

// Importance draws how much of what the surrogate expects to differ over the space each group's ratio explains alone. See
// [bayesopt.Surrogate.Importances].
func (f *Found) Importance() show.Bars {
	b := show.Bars{Title: "Which ratios matter", Format: "%.2f",
		Caption: "Part of the variance of the surrogate's mean over allocations between those that were tried that one group's ratio explains alone, the others " +
			"paying for it (the first-order index of functional ANOVA: Hutter, Hoos and Leyton-Brown, 2014). Values count as the surrogate " +
			"sees them, bad ones compressed. The parts need not add up to 1: under one budget no ratio moves alone."}
	if _, err := f.Surrogate(); err != nil {
		b.Caption = err.Error()
		return b
	}
	for i, share := range f.shares {
		if i == mostPanels {
			b.Caption += fmt.Sprintf(" Not shown: the %d that matter least.", len(f.shares)-i)
			break
		}
		b.Items = append(b.Items, show.Bar{Name: f.name(share.Name), Value: share.Share})
	}
	return b
}

// quantile is the q-quantile of values by linear interpolation; NaN of none.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	if len(sorted) == 0 {
		return nan
	}
	at := q * float64(len(sorted)-1)
	i := min(int(at), len(sorted)-1)
	j := min(i+1, len(sorted)-1)
	return sorted[i] + (at-float64(i))*(sorted[j]-sorted[i])
}

package lab

import (
	"fmt"
	"math"
	"slices"

	"github.com/parelab/pare/kernel/show"
)

// Incumbents draws the least value so far of several searches against the number of trials. Those that differ in nothing but their seed are one line,
// their median, with a band from the lower to the upper quartile. They should have been measured on the same blocks, which depend on the seed, or their
// lines differ by more than the searches do.
func Incumbents(found ...*Found) show.Chart {
	c := show.Chart{Title: "Searches", X: show.Axis{Label: "trials"}, Y: show.Axis{Label: "least so far"}}
	var names []string
	runs := map[string][][]float64{}
	most := 0
	for _, f := range found {
		name := fmt.Sprintf("%s, %s", f.label(), f.Search.Attempt)
		if runs[name] == nil {
			names = append(names, name)
		}
		c.Y.Label = f.measured() + ", least so far"
		runs[name] = append(runs[name], f.incumbents())
		most = max(most, len(runs[name]))
	}
	for _, name := range names {
		s := series(runs[name])
		if s.Name = name; most > 1 {
			s.Name += fmt.Sprintf(" (%d seeds)", len(runs[name]))
		}
		c.Series = append(c.Series, s)
	}
	if most > 1 {
		c.Caption = "Median over seeds, with a band from the lower to the upper quartile."
	}
	return c
}

// series is the median of runs trial by trial, as far as all of them go, with the quartiles where there are several.
func series(runs [][]float64) show.Series {
	s := show.Series{Style: show.Steps}
	for i := 0; ; i++ {
		var at []float64
		for _, r := range runs {
			if i >= len(r) {
				return s
			}
			at = append(at, r[i])
		}
		if slices.ContainsFunc(at, math.IsNaN) { // a run has no value yet
			continue
		}
		s.X, s.Y = append(s.X, float64(i+1)), append(s.Y, quantile(at, 0.5))
		if len(runs) > 1 {
			s.Low, s.High = append(s.Low, quantile(at, 0.25)), append(s.High, quantile(at, 0.75))
		}
	}
}

package lab

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/parelab/pare/kernel/show"
	"github.com/parelab/pare/tracker"
)

// seedParam is the hyperparameter that tells repetitions of a setting apart.
const seedParam = "seed"

// Summary is a study seen through one metric, repetitions with other seeds taken together.
type Summary struct {
	Study    string
	Metric   string
	On       string // the text that the metric was measured on
	Measured string // the protocol of the trials, and how many of another are left out
	Settings []Setting
	other    *Summary // by the metric on the second text
}

// Setting is what was tried with one or several seeds.
type Setting struct {
	Model, Label string
	Ratio        float64 // asked for
	Removed      float64 // of the decoder linears' parameters, counted; mean over seeds
	Groups       int     // that the covariance was pooled over; 0 where there was none
	Seeds        int     // trials that Mean is of, each with another seed
	Mean         float64 // of the metric
	Spread       float64 // standard deviation over seeds, Σ(x−mean)²/(n−1) under the root; NaN for a single one
}

// Estimate is mean and spread as a table shows them.
func (s Setting) Estimate() show.Estimate { return show.Estimate{Value: s.Mean, Spread: s.Spread} }

// Summary takes the seeds of every setting together: all hyperparameters alike but the seed, of trials that were measured as the study
// measures. Of several trials with the
// same seed the latest counts. Dense comes first, then labels, groups and ratios in order.
func (s *Study) Summary(ctx context.Context) (*Summary, error) {
	of, err := s.complete(ctx)
	if err != nil {
		return nil, err
	}
	bySetting := map[string]map[string]*tracker.Trial{} // setting, seed
	for _, t := range of.trials {
		rest := maps.Clone(t.Params)
		delete(rest, seedParam)
		delete(rest, parentParam)
		k := settings(rest)
		if bySetting[k] == nil {
			bySetting[k] = map[string]*tracker.Trial{}
		}
		bySetting[k][name(t, seedParam)] = t
	}
	out := &Summary{Study: s.Name, Metric: perplexityMetric, On: cmp.Or(s.Measure.Text, Pocket), Measured: of.String()}
	out.other = &Summary{Study: s.Name, Metric: elsewhereMetric, On: s.Measure.Elsewhere, Measured: of.String()}
	for _, seeds := range bySetting {
		out.add(seeds)
		out.other.add(seeds)
	}
	return out, nil
}

// Elsewhere is the same study seen through perplexity on the second text.
func (s *Summary) Elsewhere() *Summary { return s.other }

// add takes in the trials of one setting, unless they lack the metric.
func (s *Summary) add(seeds map[string]*tracker.Trial) {
	var values, gone []float64
	var one *tracker.Trial
	for _, seed := range slices.Sorted(maps.Keys(seeds)) {
		if v, ok := seeds[seed].Value(s.Metric); ok {
			one, values, gone = seeds[seed], append(values, v), append(gone, removed(seeds[seed]))
		}
	}
	if one == nil {
		return
	}
	groups, _ := one.Params["groups"].Float64()
	setting := Setting{Model: name(one, "model"), Label: label(one), Ratio: ratio(one), Groups: int(groups), Seeds: len(values)}
	setting.Mean, setting.Spread = meanAndSpread(values)
	setting.Removed, _ = meanAndSpread(gone)
	s.Settings = append(s.Settings, setting)
	slices.SortFunc(s.Settings, func(a, b Setting) int {
		return cmp.Or(cmp.Compare(a.Model, b.Model), first(a.Label == string(Dense), b.Label == string(Dense)),
			cmp.Compare(a.Label, b.Label), cmp.Compare(a.Groups, b.Groups), cmp.Compare(a.Ratio, b.Ratio))
	})
}

// first orders what holds before what does not.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

func meanAndSpread(values []float64) (mean, spread float64) {
	n := float64(len(values))
	for _, v := range values {
		mean += v / n
	}
	sum := 0.0
	for _, v := range values {
		sum += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(sum / (n - 1)) // 0/0 for one value
}

// settings writes hyperparameters down, in the order of their names.
func settings(params map[string]tracker.Value) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(params)) {
		fmt.Fprintf(&b, "%s=%q\n", k, fmt.Sprint(params[k].Any()))
	}
	return b.String()
}

// Summary takes the seeds of every setting together, for a cell. See [Study.Summary].
func (s CellStudy) Summary() *Summary { return must(s.Study.Summary(interruptible())) }

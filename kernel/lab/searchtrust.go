package lab

import (
	"fmt"
	"math"
	"slices"

	"github.com/parelab/pare/kernel/show"
)

var nan = math.NaN()

// Halves of the intervals that should hold half and nine tenths of a normal distribution, in deviations.
const (
	half  = 0.6744897501960817
	tenth = 1.6448536269514722
)

// Coverage holds expectations against what was measured then. Numbers of no trials are null in JSON.
type Coverage struct {
	Trials   int      `json:"trials"`
	Within50 *float64 `json:"within50"` // part of the trials within the interval that should hold half of them
	Within90 *float64 `json:"within90"` // and nine tenths
	RMS      *float64 `json:"rms"`      // of z = (measured − expected)/deviation: 1 where deviations are honest, more where they are too small
	Bias     *float64 `json:"bias"`     // mean of z: above 0 where trials came out worse than expected
	Rank     *float64 `json:"rank"`     // Spearman's correlation of expected and measured
}

// Trust says how far a search's surrogate may be believed.
type Trust struct {
	// Asked is of what was expected of each trial before it was measured, as recorded. A search asks for what looks good, and what looks best is often what
	// the surrogate is most wrong about, so some Bias is to be expected even of an honest one.
	Asked Coverage `json:"asked"`

	// LeftOut is of what the surrogate of all other trials expects of each. See [bayesopt.Surrogate.Calibration].
	LeftOut Coverage `json:"left_out"`

	// Explained is the part of the variance of trials that the surrogate foretells when it is left without them; 0 or less where it knows no more than
	// their mean. Null without a surrogate.
	Explained *float64 `json:"explained"`

	points []expectation
	what   string  // was expected and measured
	top    float64 // up to where pictures go
}

// expectation is a trial with what was expected of it.
type expectation struct {
	number                        int
	measured, expected, deviation float64
}

// Trust compares what the surrogate expected with what was measured.
func (f *Found) Trust() Trust {
	t := Trust{what: f.measured(), top: f.ceiling()}
	var z, expected, measured []float64
	for _, b := range f.Trials {
		if !valued(b) || !(b.Deviation > 0) {
			continue
		}
		t.points = append(t.points, expectation{f.Numbers[b.ID], b.Value, b.Mean, b.Deviation})
		z, expected, measured = append(z, (b.Value-b.Mean)/b.Deviation), append(expected, b.Mean), append(measured, b.Value)
	}
	t.Asked = coverage(z, expected, measured)
	if s, err := f.Surrogate(); err == nil {
		c := s.Calibration()
		z, expected, measured = nil, nil, nil
		for _, r := range c.Residuals {
			z, expected, measured = append(z, r.Z), append(expected, r.Expected), append(measured, r.Measured)
		}
		t.LeftOut, t.Explained = coverage(z, expected, measured), finite(c.Explained)
	}
	return t
}

func coverage(z, expected, measured []float64) Coverage {
	c := Coverage{Trials: len(z)}
	n, in50, in90, sum, square := float64(len(z)), 0.0, 0.0, 0.0, 0.0
	for _, v := range z {
		if math.Abs(v) <= half {
			in50++
		}
		if math.Abs(v) <= tenth {
			in90++
		}
		sum, square = sum+v, square+v*v
	}
	c.Within50, c.Within90, c.Bias, c.RMS = finite(in50/n), finite(in90/n), finite(sum/n), finite(math.Sqrt(square/n))
	c.Rank = finite(spearman(expected, measured))
	return c
}

// finite returns nil for what JSON cannot say.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// spearman is the correlation of ranks, equal values sharing the mean of theirs; NaN where either does not vary.
func spearman(a, b []float64) float64 {
	x, y := places(a), places(b)
	var xx, yy, xy float64
	mean := float64(len(a)-1) / 2
	for i := range x {
		dx, dy := x[i]-mean, y[i]-mean
		xx, yy, xy = xx+dx*dx, yy+dy*dy, xy+dx*dy
	}
	return xy / math.Sqrt(xx*yy)
}

// places are where values stand in order, from 0.
func places(values []float64) []float64 {
	sorted := slices.Sorted(slices.Values(values))
	out := make([]float64, len(values))
	for i, v := range values {
		from, _ := slices.BinarySearch(sorted, v)
		to := from
		for to < len(sorted) && sorted[to] == v {
			to++
		}
		out[i] = float64(from+to-1) / 2
	}
	return out
}

// Verdict says in a sentence or two whether the surrogate may be believed.
func (t Trust) Verdict() string {
	c := t.Asked
	if c.Trials < 5 {
		return fmt.Sprintf("%d trials had an expectation: too few to say whether the surrogate may be trusted.", c.Trials)
	}
	hits := int(math.Round(*c.Within90 * float64(c.Trials)))
	s := fmt.Sprintf("Of %d expectations %d held within the interval that should hold nine in ten.", c.Trials, hits)
	switch {
	case chance(hits, c.Trials, 0.9) < 0.05:
		s += fmt.Sprintf(" The surrogate is too sure of itself: take its deviations %.1f times as large.", max(*c.RMS, 1))
	case hits == c.Trials && c.Trials >= 29 && *c.RMS < 0.7: // 0.9^29 < 0.05
		s += " The surrogate is more careful than it need be."
	default:
		s += " That is no fewer than chance allows: its deviations may be believed."
	}
	if t.Explained != nil {
		s += fmt.Sprintf(" Of how trials differ it foretells %.0f%%.", 100*max(*t.Explained, 0))
	}
	return s
}

// chance is the probability of at most k successes in n, each with probability p.
func chance(k, n int, p float64) (sum float64) {
	for i := range k + 1 {
		choose, _ := math.Lgamma(float64(n + 1))
		a, _ := math.Lgamma(float64(i + 1))
		b, _ := math.Lgamma(float64(n - i + 1))
		sum += math.Exp(choose - a - b + float64(i)*math.Log(p) + float64(n-i)*math.Log(1-p))
	}
	return sum
}

// Facts has the numbers.
func (t Trust) Facts() show.Fragment {
	table := show.Table{
		Title: "May the surrogate be trusted?",
		Columns: []show.Column{{Name: "expected"}, {Name: "trials"}, {Name: "within 50%", Format: show.Percent}, {Name: "within 90%", Format: show.Percent},
			{Name: "RMS of z", Format: "%.2f"}, {Name: "mean of z", Format: "%.2f"}, {Name: "rank correlation", Format: "%.2f"}},
		Caption: t.Verdict() + " As asked: expected before the trial was measured. Left out: expected from all other trials. z is measured less expected, in " +
			"deviations: its RMS should be 1. What looks best is likelier to disappoint, so as asked its mean is above 0 even of an honest model.",
	}
	for _, r := range []struct {
		name string
		c    Coverage
	}{{"as asked", t.Asked}, {"left out", t.LeftOut}} {
		table.Rows = append(table.Rows, []any{r.name, r.c.Trials, r.c.Within50, r.c.Within90, r.c.RMS, r.c.Bias, r.c.Rank})
	}
	return table
}

// Chart draws what was expected of each trial when it was asked for, with the interval that should hold nine in ten, against what was measured.
func (t Trust) Chart() show.Chart {
	c := show.Chart{
		Title: "Expected and measured", Caption: "Bars should cross the line nine times in ten.",
		X: show.Axis{Label: "measured: " + t.what}, Y: show.Axis{Label: "expected"},
	}
	asked, equal := show.Series{Name: "trial, with what was expected when it was asked for", Style: show.Points}, show.Series{Name: "where both agree", Style: show.Curve}
	above, off := 0, 0
	for _, p := range t.points {
		low, high := p.expected-tenth*p.deviation, p.expected+tenth*p.deviation
		if p.measured > t.top {
			if above++; high < p.measured {
				off++
			}
			continue
		}
		asked.X, asked.Y = append(asked.X, p.measured), append(asked.Y, p.expected)
		asked.Low, asked.High = append(asked.Low, low), append(asked.High, high)
	}
	if above > 0 {
		c.Caption += fmt.Sprintf(" Not drawn: %s measured above %.4g, %d of them above the interval.", counted(above, "trial", "trials"), t.top, off)
	}
	if len(asked.X) > 1 {
		lo, hi := slices.Min(asked.X), slices.Max(asked.X)
		equal.X = []float64{lo, hi}
		equal.Y = equal.X
		// Whole bars of a deviation that knows little would leave no room for the others.
		c.Y.Min, c.Y.Max = min(slices.Min(asked.Y), lo)-0.5*(hi-lo), max(slices.Max(asked.Y), hi)+0.5*(hi-lo)
	}
	c.Series = []show.Series{asked, equal}
	return c
}

package bayesopt

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Residual is one trial as the model, fitted without it, expected it.
type Residual struct {
	ID        int     `json:"id"`
	Measured  float64 `json:"measured"`  // a failed trial's is the worst that was measured
	Expected  float64 `json:"expected"`  // in the units of the objective
	Deviation float64 `json:"deviation"` // the same; measurement noise is in it
	Z         float64 `json:"z"`         // (measured − expected)/deviation in the model's standardised values
}

// Calibration tells whether a model may be trusted.
type Calibration struct {
	Residuals []Residual `json:"residuals"` // in the order of the trials
	RMS       float64    `json:"rms"`       // of Z: 1 where deviations are honest, more where the model is too sure of itself
	Within90  float64    `json:"within90"`  // fraction of trials within the interval that should hold nine in ten

	// Explained is 1 − Σ(measured − expected)²/Σ(measured − mean)² in standardised values: how much of what trials differ by the model foretells;
	// 0 or less where it knows no more than the mean.
	Explained float64 `json:"explained"`
}

// Calibration holds what was measured against what the model expects from all other trials, in closed form ([GP.LeaveOneOut]); the
// hyperparameters, and what deviations were widened by, are those of all trials together.
func (s *Surrogate) Calibration() Calibration {
	means, variances := s.gp.LeaveOneOut()
	z := s.outcome.all(s.y)
	limit := distuv.UnitNormal.Quantile(0.95)
	c, off, total := Calibration{}, 0.0, 0.0
	middle := stat.Mean(z, nil)
	for i, v := range s.y {
		variances[i] *= s.wide
		r := Residual{ID: s.ids[i], Measured: v, Z: (z[i] - means[i]) / math.Sqrt(variances[i])}
		r.Expected, r.Deviation = s.outcome.from(means[i], math.Sqrt(variances[i]))
		c.Residuals = append(c.Residuals, r)
		c.RMS += r.Z * r.Z / float64(len(z))
		if math.Abs(r.Z) <= limit {
			c.Within90 += 1 / float64(len(z))
		}
		off += (z[i] - means[i]) * (z[i] - means[i])
		total += (z[i] - middle) * (z[i] - middle)
	}
	c.RMS = math.Sqrt(c.RMS)
	if total > 0 {
		c.Explained = 1 - off/total
	}
	return c
}

// Effect is one point of a partial dependence.
type Effect struct {
	X         float64 `json:"x"`
	Mean      float64 `json:"mean"`      // of the objective, averaged as the model sees it, bad values compressed
	Deviation float64 `json:"deviation"` // mean of the model's deviations there, likewise: at least that of the average
}

// samplePoints is over how many points averages are taken. They lie between trials: on the line from one that ended to another, both and the place drawn
// at random. Elsewhere in the space nobody has looked, and the model says little but what a curve foretells, with a factor from far away: averages over
// all of it told of that, down to groups that it would help to cut away.
const samplePoints = 128

// beyond is how far, in unit coordinates, partial dependences go beyond what was measured of a variable: a tenth of its bounds.
const beyond = 0.1

// PartialDependence returns what the model expects of the objective when a variable has each of steps values, averaged over points
// between trials. The other variables pay for it: each point is moved, by as little as may be, to where the variable has the value and the
// budget is met. Values run from the least to the largest that trials had, and a tenth of the bounds beyond, as far as the budget allows. An error where
// there is no such free variable, or steps is below 2.
func (s *Surrogate) PartialDependence(name string, steps int) ([]Effect, error) {
	k, err := s.variable(name)
	if err != nil {
		return nil, err
	}
	if steps < 2 {
		return nil, fmt.Errorf("steps: expected at least 2, found %d", steps)
	}
	points := s.points()
	lo, hi := s.seen(k)
	v := s.domain.space.Variables[s.domain.free[k]]
	out := make([]Effect, steps)
	together(steps, func(i int) {
		u := lo + (hi-lo)*float64(i)/float64(steps-1)
		mean, deviation := 0.0, 0.0
		for _, p := range points {
			m, variance := s.believe(s.domain.holding(p, k, u))
			mean += m / float64(len(points))
			deviation += math.Sqrt(variance) / float64(len(points))
		}
		out[i].X = v.Lower + u*(v.Upper-v.Lower)
		out[i].Mean, out[i].Deviation = s.outcome.from(mean, deviation)
	})
	return out, nil
}

// Importance is how much of what the model expects to differ over the space one variable explains.
type Importance struct {
	Name string `json:"name"`

	// Share is the variance of the variable's partial dependence over that of the model's mean, in standardised values. Shares need not add up to 1:
	// variables act together, and under a budget one moves at the others' cost.
	Share float64 `json:"share"`
}

// Importances returns the share of every free variable, the largest first:
//
//	share_k = Var(E[m(u) | u_k]) / Var(m(u))
//
// with m the model's mean and u random between trials, as in [Surrogate.PartialDependence]: the first-order index of functional ANOVA, which F. Hutter, H. Hoos and K. Leyton-Brown take of a
// surrogate to tell which hyperparameters matter (An efficient approach for assessing hyperparameter importance, ICML 2014). Their coordinates are
// independent, which under a budget they are not: E is the partial dependence, where the others pay for u_k, and u_k is spread as the points have it, so
// that values which trials hardly ever had hardly count.
func (s *Surrogate) Importances() []Importance {
	points := s.points()
	means := make([]float64, len(points))
	for i, p := range points {
		means[i], _ = s.gp.Predict(p)
	}
	total := stat.Variance(means, nil)
	out := make([]Importance, s.domain.dim())
	together(len(out), func(k int) {
		at := column(points, k)
		effects := make([]float64, importanceSteps)
		for i := range effects {
			v := stat.Quantile((float64(i)+.5)/importanceSteps, stat.Empirical, at, nil)
			for _, p := range points {
				mean, _ := s.gp.Predict(s.domain.holding(p, k, v))
				effects[i] += mean / float64(len(points))
			}
		}
		out[k].Name = s.domain.space.Variables[s.domain.free[k]].Name
		if total > 0 {
			out[k].Share = stat.Variance(effects, nil) / total
		}
	})
	slices.SortStableFunc(out, func(a, b Importance) int { return -compare(a.Share, b.Share) })
	return out
}

// importanceSteps is how many quantiles of a variable stand for its distribution.
const importanceSteps = 16

// column returns coordinate k of the points, sorted.
func column(points [][]float64, k int) []float64 {
	out := make([]float64, len(points))
	for i, p := range points {
		out[i] = p[k]
	}
	slices.Sort(out)
	return out
}

func (s *Surrogate) variable(name string) (int, error) {
	var names []string
	for k, i := range s.domain.free {
		names = append(names, s.domain.space.Variables[i].Name)
		if names[k] == name {
			return k, nil
		}
	}
	return 0, fmt.Errorf("variable: expected one of those that are free, %v, found %q", names, name)
}

// points are the samplePoints. Whole ranks may have put trials beside the budget; the points meet it.
func (s *Surrogate) points() [][]float64 {
	rng := newRand(0, 0xd1a6)
	out := make([][]float64, samplePoints)
	for i := range out {
		from, to, part := s.u[rng.IntN(len(s.u))], s.u[rng.IntN(len(s.u))], rng.Float64()
		out[i] = make([]float64, len(from))
		for k := range out[i] {
			out[i][k] = from[k] + part*(to[k]-from[k])
		}
		s.domain.project(out[i])
	}
	return out
}

// seen returns between which values of free variable k dependences are evaluated.
func (s *Surrogate) seen(k int) (lo, hi float64) {
	at := column(s.u, k)
	least, most := s.domain.reach(k)
	return clip(at[0]-beyond, least, most), clip(at[len(at)-1]+beyond, least, most)
}

// reach returns the least and the largest value that free variable k may have within the budget.
func (d *domain) reach(k int) (lo, hi float64) {
	most := 0.0
	for i, w := range d.w {
		if i != k {
			most += w
		}
	}
	return clip((d.b-most)/d.w[k], 0, 1), clip(d.b/d.w[k], 0, 1)
}

// holding returns the point nearest to u whose coordinate k is v.
func (d *domain) holding(u []float64, k int, v float64) []float64 {
	lower, upper := slices.Clone(d.zero), slices.Clone(d.one)
	lower[k], upper[k] = v, v
	return d.projectBox(slices.Clone(u), lower, upper)
}

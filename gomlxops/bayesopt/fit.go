package bayesopt

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Belief is what is believed of one positive hyperparameter before any value is seen: where it may lie, and which values are likely.
type Belief struct {
	Lower, Upper float64 // bounds, both positive

	// Median and Spread give a log-normal prior: its median, and the deviation of the logarithm. Spread 0 is flat within the bounds.
	Median, Spread float64

	// Horseshoe, where positive, is the scale of a horseshoe prior instead: log p = log log(1 + 3 (τ/√value)²), as Spearmint and
	// OpenBox have it for noise.
	Horseshoe float64
}

// logPrior returns the log density of exp(t), up to a constant, and its derivative with respect to t.
func (b Belief) logPrior(t float64) (value, slope float64) {
	switch {
	case b.Horseshoe > 0:
		// q = 3 τ²/value; d/dt log log(1+q) = −q / ((1+q) log(1+q))
		q := 3 * b.Horseshoe * b.Horseshoe * math.Exp(-t)
		l := math.Log1p(q)
		return math.Log(l), -q / ((1 + q) * l)
	case b.Spread > 0:
		z := (t - math.Log(b.Median)) / b.Spread
		return -z * z / 2, -z / b.Spread
	}
	return 0, 0
}

// typical returns where a fit without a better idea begins.
func (b Belief) typical() float64 {
	if b.Median > 0 {
		return clip(b.Median, b.Lower, b.Upper)
	}
	return math.Sqrt(b.Lower * b.Upper)
}

// FitOptions say how [Fit] chooses hyperparameters. Beliefs with zero bounds are replaced by the defaults for standardised values and points in
// the unit cube, which [DefaultBeliefs] gives.
type FitOptions struct {
	Signal, Length, Trend, Noise Belief

	// Starts are hyperparameters to climb from, those of an earlier fit for instance. Restarts says how many more starts are drawn from the
	// beliefs; where there are neither Starts nor Restarts, the fit begins at the medians.
	Starts   []Hyper
	Restarts int
	Seed     uint64

	// Pool, where positive, believes the length scales alike: their logarithms spread by that much around their mean, and Length tells of the mean
	// alone. At 0 Length tells of each.
	Pool float64

	Iterations int // of L-BFGS from each start; 0 is 100
}

// DefaultBeliefs returns the beliefs for points in the d-dimensional unit cube and values of mean 0 and variance about 1.
//
// Length scales are believed to grow with √d, as distances in the cube do (Hvarfner, Hellsten and Nardi, Vanilla Bayesian optimization
// performs great in high dimensions, ICML 2024, equation 8, where median and spread are e^√2 √d and √3). Theirs are longer and wider, and
// made a model of few trials too sure of itself: over the first 20 to 30 trials of four searches on two small models, what the next trial was
// measured to be lay 1.7 deviations from what was expected, in the root mean square; with these beliefs and [Surrogate]'s widening, 1.1.
// Noise is believed small: the same allocation measures the same, and rounding of ranks is what remains.
func DefaultBeliefs(d int) FitOptions {
	root := math.Sqrt(float64(max(d, 1)))
	return FitOptions{
		Signal: Belief{Lower: 1e-3, Upper: 1e2, Median: 1, Spread: 0.5},
		Length: Belief{Lower: 0.02, Upper: 100 * root, Median: root, Spread: 0.7},
		Trend:  Belief{Lower: 1e-4, Upper: 1e3, Median: 1, Spread: 0.7},
		Noise:  Belief{Lower: 1e-6, Upper: 1, Median: 1e-2, Spread: 2},
	}
}

func (o FitOptions) withDefaults(d int) FitOptions {
	def := DefaultBeliefs(d)
	for _, b := range []struct{ ours, theirs *Belief }{
		{&o.Signal, &def.Signal}, {&o.Length, &def.Length}, {&o.Trend, &def.Trend}, {&o.Noise, &def.Noise},
	} {
		if b.ours.Lower == 0 && b.ours.Upper == 0 {
			*b.ours = *b.theirs
		}
	}
	if o.Iterations == 0 {
		o.Iterations = 100
	}
	return o
}

func (o FitOptions) validate() error {
	for _, b := range []struct {
		name string
		Belief
	}{{"Signal", o.Signal}, {"Length", o.Length}, {"Trend", o.Trend}, {"Noise", o.Noise}} {
		if !(b.Lower > 0 && b.Upper >= b.Lower && b.Upper <= math.MaxFloat64) {
			return fmt.Errorf("fit option %s: expected positive bounds, the lower one first, found %v and %v", b.name, b.Lower, b.Upper)
		}
		if b.Spread < 0 || b.Spread > 0 && !(b.Median > 0) {
			return fmt.Errorf("fit option %s: expected a prior of positive median and spread, found %v and %v", b.name, b.Median, b.Spread)
		}
	}
	if o.Restarts < 0 || o.Iterations < 0 || !(o.Pool >= 0) {
		return fmt.Errorf("fit options: expected no negative Restarts, Iterations or Pool, found %d, %d and %v", o.Restarts, o.Iterations, o.Pool)
	}
	return nil
}

// Fit returns the process whose hyperparameters are the most probable found: those that maximise log marginal likelihood plus log prior
// within the bounds. With flat priors that is maximum likelihood.
//
// Each start climbs by L-BFGS on t, θ = lower + (upper − lower)/(1 + e⁻ᵗ) in logarithms, which keeps the bounds. Errors: those of [NewGP], options
// that cannot be. Cost, for each evaluation, n³/2 multiplications and n² d for the kernel.
func Fit(c Covariance, x [][]float64, y []float64, opt FitOptions) (*GP, error) {
	if err := checkData(x, y); err != nil {
		return nil, err
	}
	if err := c.Kernel.check(); err != nil {
		return nil, err
	}
	opt = opt.withDefaults(len(x[0]))
	if err := opt.validate(); err != nil {
		return nil, err
	}
	lengths := len(x[0])
	if c.Isotropic {
		lengths = 1
	}
	beliefs := opt.beliefs(lengths, len(c.Trends))
	starts, err := opt.starts(beliefs, lengths, len(c.Trends))
	if err != nil {
		return nil, err
	}
	tops := make([][]float64, len(starts))
	values := make([]float64, len(starts))
	together(len(starts), func(i int) {
		tops[i], values[i] = climb(newPosterior(newEvidence(c, x, y), beliefs, opt.Pool), starts[i], opt.Iterations)
	})
	best := 0
	for i := range tops {
		if values[i] > values[best] {
			best = i
		}
	}
	return NewGP(c, hyperOf(tops[best], len(c.Trends)), x, y)
}

func (o FitOptions) beliefs(lengths, trends int) []Belief {
	out := []Belief{o.Signal}
	for range lengths {
		out = append(out, o.Length)
	}
	for range trends {
		out = append(out, o.Trend)
	}
	return append(out, o.Noise)
}

// starts returns the vectors of logarithms to climb from.
func (o FitOptions) starts(beliefs []Belief, lengths, trends int) ([][]float64, error) {
	var out [][]float64
	for _, h := range o.Starts {
		if len(h.Lengths) != lengths || len(h.Trends) != trends {
			return nil, fmt.Errorf("fit option Starts: expected %d length scales and %d trends, found %d and %d", lengths, trends, len(h.Lengths), len(h.Trends))
		}
		out = append(out, h.logs())
	}
	rng := rand.New(rand.NewPCG(o.Seed, 0xf17))
	for k := range o.Restarts {
		start := make([]float64, len(beliefs))
		for i, b := range beliefs {
			start[i] = math.Log(b.typical())
			if k > 0 || len(o.Starts) > 0 {
				start[i] = b.draw(rng)
			}
		}
		out = append(out, start)
	}
	if len(out) == 0 {
		start := make([]float64, len(beliefs))
		for i, b := range beliefs {
			start[i] = math.Log(b.typical())
		}
		out = append(out, start)
	}
	return out, nil
}

// draw returns a logarithm from the prior, or uniformly between the bounds where that is flat.
func (b Belief) draw(rng *rand.Rand) float64 {
	lower, upper := math.Log(b.Lower), math.Log(b.Upper)
	if b.Spread > 0 {
		return clip(math.Log(b.Median)+b.Spread*rng.NormFloat64(), lower, upper)
	}
	return lower + (upper-lower)*rng.Float64()
}

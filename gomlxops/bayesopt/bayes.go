package bayesopt

import (
	"math"
	"math/rand/v2"
	"slices"
)

// bayes is the sampler of this package: a Gaussian process on standardised values ([Surrogate]), and the logarithm of expected improvement
// maximised on the budget surface. See the package comment for what it does when.
type bayes struct {
	initial int
	design  [][]float64
	fits    []fitted // by how many trials had ended, from 1
}

// fitted remembers hyperparameters and what they were fitted to.
type fitted struct {
	u     [][]float64
	y     []float64
	hyper Hyper
}

func (b *bayes) next(h *history, rng *rand.Rand) (proposal, error) {
	if b.design == nil {
		b.design = halton(h.domain, h.seed, b.initial)
	}
	if len(h.trials) < b.initial {
		for _, u := range b.design {
			if x := h.domain.fromUnit(u); !h.asked(x) {
				return proposal{x: x, phase: PhaseDesign}, nil
			}
		}
	}
	s, err := b.surrogate(h)
	if err != nil || s == nil { // nothing measured yet, or nothing that a model could be made of
		return proposal{u: h.domain.random(rng), phase: PhaseRandom}, nil
	}
	return s.propose(h, rng), nil
}

// How often hyperparameters are fitted afresh, from several starts: for each of the first trials, then for one in refitEvery. Between, they climb a
// few steps from the last ones. With so many trials one fit is worth less and costs more: it gets manySteps.
const (
	fullFits   = 64
	refitEvery = 8
	fewSteps   = 3
	manySteps  = 40
)

// surrogate fits the model to a history; nil where nothing has been measured.
func (b *bayes) surrogate(h *history) (*Surrogate, error) {
	u, y, good := h.finished()
	if good == 0 {
		return nil, nil
	}
	hyper, gp, err := b.hyper(h, u, y)
	if err == nil && gp == nil {
		gp, err = NewGP(covariance(h.domain, len(y)), hyper, u, newOutcome(y).all(y))
	}
	if err != nil {
		return nil, err
	}
	return newSurrogate(h, u, y, gp), nil
}

// hyper returns the hyperparameters for the first len(y) trials that ended. They are a function of these trials alone, by way of those for fewer
// of them, so that a search that is resumed finds the same. The process is there where the fit made one.
func (b *bayes) hyper(h *history, u [][]float64, y []float64) (Hyper, *GP, error) {
	n := len(y)
	for len(b.fits) <= n {
		b.fits = append(b.fits, fitted{})
	}
	if f := &b.fits[n]; slices.Equal(f.y, y) && slices.EqualFunc(f.u, u, equal) {
		return f.hyper, nil, nil
	}
	o := newOutcome(y)
	c := covariance(h.domain, n)
	opt := DefaultBeliefs(h.domain.dim())
	opt.Pool = alike
	opt.Seed = h.seed + uint64(n)
	opt.Restarts = 2
	if n > fullFits {
		opt.Iterations = manySteps
	}
	if n > fullFits && n%refitEvery != 0 {
		last, _, err := b.hyper(h, u[:n-1], y[:n-1])
		if err != nil {
			return Hyper{}, nil, err
		}
		if c.fits(last, h.domain.dim()) {
			opt.Starts, opt.Restarts, opt.Iterations = []Hyper{last}, 0, fewSteps
		}
	}
	gp, err := Fit(c, u, o.all(y), opt)
	if err != nil {
		return Hyper{}, nil, err
	}
	b.fits[n] = fitted{u, slices.Clone(y), gp.Hyper()}
	return gp.Hyper(), gp, nil
}

// alike is how far the length scales of variables are believed to spread, in logarithms, around their mean: by a third. A few dozen trials are too few
// to tell wider spreads from chance.
const alike = 0.3

// trialsPerLength is how many trials for each variable there must be before variables get length scales of their own.
const trialsPerLength = 2

// covariance is Matérn-5/2, and where variables have curves a regression on these: one coefficient for their sum, one for how far each
// departs from it, and one for how far those of a label do.
func covariance(d *domain, n int) Covariance {
	c := Covariance{Kernel: Matern52, Isotropic: n < trialsPerLength*d.dim()}
	if d.knotCurves != nil {
		feature := func(i int, u float64) (float64, float64) { return d.knotCurves[i].at(u) }
		c.Trends = []Trend{{Feature: feature}, {Feature: feature, Total: true}}
		for _, pool := range d.pools {
			c.Trends = append(c.Trends, Trend{Feature: feature, Pool: pool})
		}
	}
	return c
}

// fits says whether the numbers are of this covariance's shape.
func (c Covariance) fits(h Hyper, d int) bool { return c.check(h, d) == nil }

// The side of the box around the incumbent that is searched, in unit coordinates to either hand, where there are many variables or curves: far from
// all that was measured a model of many variables knows nothing, and its doubt would draw the search into corners; and with curves the search
// begins at a good point, while in corners losses are no longer the sums that curves foretell. As in TuRBO (Eriksson et al.,
// Scalable global optimization via local Bayesian optimization, NeurIPS 2019) the box grows with success and shrinks with failure.
const (
	trustFrom     = 9 // variables
	trustSide     = 0.2
	trustLeast    = 0.01
	trustFactor   = 1.5
	trustPatience = 3 // trials of the model in a row without success
)

// trust returns the side of the box after the trials so far; more than 1 is no box.
func trust(h *history) float64 {
	if h.domain.dim() < trustFrom && h.domain.knotCurves == nil {
		return 2
	}
	side, best, fails := trustSide, math.Inf(1), 0
	for i := range h.trials {
		t := &h.trials[i]
		switch {
		case t.State == Pending:
		case t.State == Done && t.Value < best:
			best, fails = t.Value, 0
			if t.Phase == PhaseModel {
				side = math.Min(trustFactor*side, trustSide)
			}
		case t.Phase == PhaseModel:
			if fails++; fails == trustPatience {
				side, fails = math.Max(side/trustFactor, trustLeast), 0
			}
		}
	}
	return side
}

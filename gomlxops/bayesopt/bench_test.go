package bayesopt

import (
	"math"
	"math/rand/v2"
	"testing"
)

// longHistory is n trials that ended, at random points of d variables: the sum of squares from the middle, with a little noise, as sklearn_peer.py has it.
func longHistory(tb testing.TB, d, n int) *Optimizer {
	tb.Helper()
	s := newAllocation(d, 0.3, 1).space
	for i := range s.Variables {
		s.Variables[i].Upper = 0.9
	}
	o, err := New(s, Options{Seed: 1})
	if err != nil {
		tb.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		x, sum := o.history.domain.fromUnit(o.history.domain.random(rng)), 0.0
		for k, v := range x {
			sum += (v - float64(k)/float64(d)) * (v - float64(k)/float64(d))
		}
		o.history.trials = append(o.history.trials, Trial{Suggestion: Suggestion{ID: i, X: x, Phase: PhaseModel}, State: Done, Value: sum + 0.01*rng.NormFloat64()})
		o.history.id = i + 1
	}
	return o
}

// BenchmarkAsk times the next suggestion after 200 and 201 trials in 30 dimensions: the first fits hyperparameters afresh, the second climbs from
// the last ones.
func BenchmarkAsk(b *testing.B) {
	for _, bench := range []struct {
		name string
		n    int
	}{{"full", 200}, {"incremental", 201}} {
		b.Run(bench.name+"/d=30", func(b *testing.B) {
			o := longHistory(b, 30, bench.n)
			if _, err := o.next(); err != nil { // and with it the fit that an incremental one begins from
				b.Fatal(err)
			}
			last := math.NaN()
			for b.Loop() {
				o.sampler.(*bayes).fits[bench.n] = fitted{}
				s, err := o.next()
				if err != nil {
					b.Fatal(err)
				}
				if last == last && s.Acquisition != last {
					b.Fatalf("acquisition %v, then %v", last, s.Acquisition)
				}
				last = s.Acquisition
			}
		})
	}
}

// BenchmarkContinue times what a search on a record does for each trial: it takes up 206 trials, six after the last full fit, and asks. One optimizer knows
// what it fitted to fewer of them, a new one does not.
func BenchmarkContinue(b *testing.B) {
	const n = 206
	kept := longHistory(b, 30, n)
	trials := kept.Trials()
	ask := func(o *Optimizer, err error) {
		if err == nil {
			_, err = o.Ask()
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	ask(kept, nil)
	b.Run("one", func(b *testing.B) {
		for b.Loop() {
			kept.sampler.(*bayes).fits[n] = fitted{}
			ask(kept, kept.Continue(trials...))
		}
	})
	b.Run("anew", func(b *testing.B) {
		for b.Loop() {
			ask(New(kept.history.domain.space, kept.options, trials...))
		}
	})
}

// BenchmarkLikelihood times one evaluation of the log marginal likelihood with its gradient.
func BenchmarkLikelihood(b *testing.B) {
	o := longHistory(b, 30, 200)
	u, y, _ := o.history.finished()
	e := newEvidence(Covariance{Kernel: Matern52}, u, newOutcome(y).all(y))
	theta, gradient := make([]float64, 32), make([]float64, 32)
	theta[31] = -5
	for b.Loop() {
		if v := e.at(theta, gradient); !finite(v) {
			b.Fatal(v)
		}
	}
}

package bayesopt

import (
	"math"
	"testing"
)

// TestHonest holds the model to its deviations: what each trial that it asked for was measured to be, less what it expected of it, in its own
// deviations, is about 1 in the root mean square; with curves that are wrong by a factor of e^±0.5 and without, on allocations with walls.
func TestHonest(t *testing.T) {
	for _, curves := range []bool{false, true} {
		sums, counts := make([]float64, 4), make([]int, 4)
		together(len(sums), func(i int) {
			f := newAllocation(7, 0.3, uint64(i))
			space := f.space
			if curves {
				space = f.withCurves(uint64(i))
			}
			uniform, err := space.Uniform()
			if err != nil {
				t.Error(err)
				return
			}
			o, err := New(space, Options{Seed: uint64(i), Starts: [][]float64{uniform}})
			if err != nil {
				t.Error(err)
				return
			}
			sums[i], counts[i] = surprise(t, o, f.perplexity)
		})
		sum, n := 0.0, 0
		for i := range sums {
			sum, n = sum+sums[i], n+counts[i]
		}
		rms := math.Sqrt(sum / float64(n))
		t.Logf("curves %v: %.2f over %d trials", curves, rms, n)
		if n < 60 || rms < 0.6 || rms > 1.25 { // with the longer, wider beliefs that were here before 1.35, with curves
			t.Errorf("curves %v: over %d trials, measurements lie %.2f deviations from what was expected", curves, n, rms)
		}
	}
}

// surprise sums up the squares over 20 trials of one search.
func surprise(t *testing.T, o *Optimizer, f func([]float64) float64) (sum float64, n int) {
	for range 20 {
		before, _ := o.Surrogate()
		s, err := o.Ask()
		if err != nil {
			t.Error(err)
			return 0, 0
		}
		value := f(s.X)
		if s.Phase == PhaseModel && before != nil {
			mean, variance := before.believe(o.history.domain.toUnit(s.X))
			z := (before.outcome.to(value) - mean) / math.Sqrt(variance+before.Hyper().Noise*before.wide)
			sum += z * z
			n++
		}
		if err := o.Tell(s.ID, value); err != nil {
			t.Error(err)
		}
	}
	return sum, n
}

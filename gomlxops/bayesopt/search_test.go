package bayesopt

import (
	"math"
	"strconv"
	"testing"
)

// medianBest is the median over seeds of the best of so many trials.
func medianBest(t *testing.T, s Space, opt Options, f func([]float64) float64, trials, seeds int) float64 {
	t.Helper()
	bests := make([]float64, seeds)
	together(seeds, func(i int) {
		o := opt
		o.Seed = uint64(i)
		bests[i] = trace(t, s, o, f, 0, trials)[trials-1]
	})
	return medianOf(bests)
}

// TestBeatsRandomSearch on every problem of the oracle, at equal evaluations, in the median of 5 seeds against the oracle's median of 41; where one
// variable is all there is, it can only be no worse.
func TestBeatsRandomSearch(t *testing.T) {
	checked := 0
	for _, p := range load(t).Problems {
		for _, trials := range []int{10, 20} {
			got := medianBest(t, boxSpace(p.Lower, p.Upper, p.Rho), Options{}, p.value, trials, 5)
			random := p.RandomMedian[strconv.Itoa(trials)]
			t.Logf("%-17s after %d: %.5g, random search %.5g, optimum %.5g", p.Name, trials, got, random, p.OptimumF)
			if !(got < random) && !(len(p.Lower) == 1 && got <= random+1e-12) {
				t.Errorf("%s after %d: %v, random search %v", p.Name, trials, got, random)
			}
			if got < p.OptimumF-1e-9 {
				t.Errorf("%s: %v is below the optimum %v", p.Name, got, p.OptimumF)
			}
			checked++
		}
	}
	if checked != 14 {
		t.Fatalf("checked %d, expected 14", checked)
	}
}

// TestManyVariables searches 200 variables under one budget, separable and smooth: in 15 trials the search is nearer to the optimum than the start, which
// random search never improves upon; with curves that tell each variable's shape, not its size, by more than half.
func TestManyVariables(t *testing.T) {
	f := newAllocation(200, 0.2, 1)
	f.noise = 0
	clear(f.inter)
	uniform, err := f.space.Uniform()
	if err != nil {
		t.Fatal(err)
	}
	start := f.loss(uniform)
	opt := Options{Starts: [][]float64{uniform}}
	plain := medianBest(t, f.space, opt, f.loss, 15, 3)
	curves := medianBest(t, f.withCurves(1), opt, f.loss, 15, 3)
	opt.Sampler = Random
	random := medianBest(t, f.space, opt, f.loss, 15, 3)
	t.Logf("loss: uniform %.4f, random search %.4f, without curves %.4f, with curves %.4f", start, random, plain, curves)
	if !(plain < random) || !(curves < plain) || !(curves < start/2) {
		t.Error("the search is no better than chance")
	}
	if math.IsNaN(random) {
		t.Error(random)
	}
}

// TestAscent climbs to known maxima on the simplex: of a concave quadratic, the projection of its middle; of a linear function, the best corner.
func TestAscent(t *testing.T) {
	s := boxSpace([]float64{0, 0, 0, 0}, []float64{1, 1, 1, 1}, 0.25)
	d, err := newDomain(s)
	if err != nil {
		t.Fatal(err)
	}
	middle := []float64{0.9, -0.3, 0.4, 0.35}
	want, err := s.Project(middle)
	if err != nil {
		t.Fatal(err)
	}
	got, top := ascend(func(u, g []float64) float64 {
		sum := 0.0
		for i := range u {
			sum -= (u[i] - middle[i]) * (u[i] - middle[i])
			g[i] = -2 * (u[i] - middle[i])
		}
		return sum
	}, d.project, []float64{0.25, 0.25, 0.25, 0.25}, 60)
	for i := range want {
		near(t, "maximum", got[i], want[i], 1e-6, 1)
	}
	if !finite(top) {
		t.Error(top)
	}
	got, _ = ascend(func(u, g []float64) float64 {
		copy(g, []float64{1, 2, 3, 2.9})
		return u[0] + 2*u[1] + 3*u[2] + 2.9*u[3]
	}, d.project, []float64{1, 0, 0, 0}, 60)
	near(t, "corner", got[2], 1, 1e-9, 1)
}

package bayesopt

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// TestSobolAsElsewhere holds points without scrambling against SciPy 1.10's:
//
//	x = scipy.stats.qmc.Sobol(256, scramble=False, bits=32).random(2000)
func TestSobolAsElsewhere(t *testing.T) {
	if n := len(directions()); n != sobolMost {
		t.Fatalf("figures of %d dimensions, expected %d", n, sobolMost)
	}
	for _, c := range []struct {
		n, dimension int
		want         float64
	}{
		{0, 3, 0}, {1, 0, 0.5}, {5, 1, 0.875}, {7, 4, 0.125}, {100, 9, 0.6953125}, {777, 28, 0.0634765625}, {1999, 99, 0.59521484375},
		{1234, 255, 0.17236328125}, {63, 199, 0.390625},
	} {
		if got := float64(directions()[c.dimension].at(uint32(c.n))) / (1 << 32); got != c.want {
			t.Errorf("point %d, dimension %d: %v, expected %v", c.n, c.dimension, got, c.want)
		}
	}
}

// TestSobolFills counts points: scrambled too, 2^k points stand one in each of the 2^k parts of every axis, and in the first two dimensions one in each of the
// 2^k boxes of every shape.
func TestSobolFills(t *testing.T) {
	const k, n = 7, 128
	points := make([][]float64, n)
	for i := range points {
		points[i] = sobolPoint(sobolMost, 11, uint32(i))
	}
	checked := 0
	for d := range sobolMost {
		seen := map[int]bool{}
		for _, p := range points {
			seen[int(p[d]*n)] = true
		}
		if checked++; len(seen) != n {
			t.Errorf("dimension %d: %d of %d parts have a point", d, len(seen), n)
		}
	}
	for tall := range k + 1 {
		seen := map[[2]int]bool{}
		for _, p := range points {
			seen[[2]int{int(p[0] * float64(int(1)<<tall)), int(p[1] * float64(int(1)<<(k-tall)))}] = true
		}
		if checked++; len(seen) != n {
			t.Errorf("boxes 2^-%d by 2^-%d: %d of %d have a point", tall, k-tall, len(seen), n)
		}
	}
	if checked != sobolMost+k+1 {
		t.Errorf("checked %d", checked)
	}
	if other := sobolPoint(5, 12, 3); slices.Equal(other, points[3][:5]) {
		t.Errorf("seeds 11 and 12 give the same point %v", other)
	}
	mean := 0.0
	for _, p := range points {
		mean += p[200] / n
	}
	if math.Abs(mean-0.5) > 1/float64(n) {
		t.Errorf("mean of dimension 200: %v", mean)
	}
}

// TestSobolSearches asks for points of a space: on the budget, apart, and the same after a crash.
func TestSobolSearches(t *testing.T) {
	space, _ := groups()
	o := mustNew(t, space, Options{Sampler: Sobol, Seed: 4})
	var seen [][]float64
	for range 20 {
		s := mustAsk(t, o)
		checkBudgetOf(t, space, Sobol, s.X)
		if repeats(s.X, seen) {
			t.Errorf("%v stands there twice", s.X)
		}
		seen = append(seen, s.X)
	}
	again := mustAsk(t, mustNew(t, space, Options{Sampler: Sobol, Seed: 4}, o.Trials()[:7]...))
	if !slices.Equal(again.X, seen[7]) {
		t.Errorf("resumed after 7: %v, expected %v", again.X, seen[7])
	}
	wide := newAllocation(sobolMost+1, 0.2, 1).space
	if _, err := New(wide, Options{Sampler: Sobol}); err == nil || !strings.Contains(err.Error(), "at most 256 free variables, found 257") {
		t.Errorf("257 variables: %v", err)
	}
}

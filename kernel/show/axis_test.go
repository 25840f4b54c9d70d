package show

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// ranges calls f with many intervals over all magnitudes.
func ranges(t *testing.T, positive bool, f func(lo, hi float64)) {
	t.Helper()
	r := rand.New(rand.NewPCG(5, 6))
	for range 20000 {
		lo := math.Pow(10, 40*r.Float64()-20)
		hi := lo * (1 + math.Pow(10, 9*r.Float64()-7))
		if !positive {
			switch r.IntN(3) {
			case 0:
				lo, hi = -hi, -lo
			case 1:
				lo = -lo * r.Float64()
			}
		}
		f(lo, hi)
	}
}

func TestNiceTicks(t *testing.T) {
	ranges(t, false, func(lo, hi float64) {
		for _, n := range []int{0, 3, 5, 8} {
			ticks := niceTicks(lo, hi, n, false)
			step := ticks[1] - ticks[0]
			switch {
			case len(ticks) < 2 || len(ticks) > max(n, 3):
				t.Fatalf("[%g, %g] in %d: %v", lo, hi, n, ticks)
			case ticks[0] > lo+1e-8*step || ticks[len(ticks)-1] < hi-1e-8*step:
				t.Fatalf("[%g, %g] not covered by %v", lo, hi, ticks)
			case !slices.IsSorted(ticks) || len(slices.Compact(slices.Clone(ticks))) != len(ticks):
				t.Fatalf("[%g, %g]: not increasing: %v", lo, hi, ticks)
			case ticks[0] < lo-step*1.001 || ticks[len(ticks)-1] > hi+step*1.001:
				t.Fatalf("[%g, %g]: more than a step beyond: %v", lo, hi, ticks)
			}
		}
	})
}

func TestTicksAreRound(t *testing.T) {
	for _, c := range []struct {
		lo, hi  float64
		n       int
		integer bool
		want    []float64
	}{
		{0.1, 0.5, 6, false, []float64{0.1, 0.2, 0.3, 0.4, 0.5}},
		{4.31, 9.4, 7, false, []float64{4, 5, 6, 7, 8, 9, 10}},
		{0, 1, 5, false, []float64{0, 0.25, 0.5, 0.75, 1}},
		{-3, 17, 6, false, []float64{-5, 0, 5, 10, 15, 20}},
		{1, 3, 8, true, []float64{1, 2, 3}},
		{0, 10, 6, true, []float64{0, 2, 4, 6, 8, 10}},
	} {
		if got := niceTicks(c.lo, c.hi, c.n, c.integer); !slices.Equal(got, c.want) {
			t.Errorf("[%g, %g] in %d: %v, want %v", c.lo, c.hi, c.n, got, c.want)
		}
	}
}

func TestLogTicks(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		n      int
		want   []float64
	}{
		{0.002, 700, 8, []float64{0.001, 0.01, 0.1, 1, 10, 100, 1000}},
		{4, 55, 7, []float64{2, 5, 10, 20, 50, 100}},
		{1, 1e12, 5, []float64{1, 1e3, 1e6, 1e9, 1e12}},
		{4, 6, 5, []float64{4, 4.5, 5, 5.5, 6}},
	} {
		if got := logTicks(c.lo, c.hi, c.n); !slices.Equal(got, c.want) {
			t.Errorf("[%g, %g] in %d: %v, want %v", c.lo, c.hi, c.n, got, c.want)
		}
	}
	ranges(t, true, func(lo, hi float64) {
		ticks := logTicks(lo, hi, 7)
		if !slices.IsSorted(ticks) || len(ticks) < 1 || len(ticks) > 8 || ticks[0] <= 0 {
			t.Fatalf("[%g, %g]: %v", lo, hi, ticks)
		}
	})
}

// TestTickLabelsDiffer: an axis whose labels repeat cannot be read.
func TestTickLabelsDiffer(t *testing.T) {
	ranges(t, true, func(lo, hi float64) {
		if hi/lo < 1.0001 {
			return // five digits and more are beyond a label
		}
		for _, a := range []Axis{{}, {Log: true}} {
			s := a.fit([]float64{lo, hi}, 6, !a.Log)
			var labels []string
			for _, v := range s.ticks {
				labels = append(labels, s.write(v))
			}
			if unique := slices.Compact(slices.Clone(labels)); len(unique) != len(labels) || len(labels) < 1 {
				t.Fatalf("[%g, %g] log %v: %q for %v", lo, hi, a.Log, labels, s.ticks)
			}
		}
	})
}

func TestScaleKeepsOrderAndEnds(t *testing.T) {
	ranges(t, true, func(lo, hi float64) {
		for _, a := range []Axis{{}, {Log: true}} {
			s := a.fit([]float64{lo, hi}, 6, true)
			s.from, s.to = 300, 20
			if x, z := s.at(lo), s.at(hi); !(x <= 300+1e-6 && z >= 20-1e-6 && x > z) {
				t.Fatalf("[%g, %g]: %g to %g", lo, hi, x, z)
			}
		}
	})
}

func TestSpanOfLittle(t *testing.T) {
	for _, c := range []struct {
		axis   Axis
		values []float64
		lo, hi float64
	}{
		{Axis{}, nil, 0, 1},
		{Axis{Log: true}, nil, 1, 10},
		{Axis{}, []float64{0, 0}, -1, 1},
		{Axis{}, []float64{64}, 57.6, 70.4},
		{Axis{Log: true}, []float64{8}, 4, 16},
		{Axis{Zero: true}, []float64{3, 5}, 0, 5},
		{Axis{Min: 2, Max: 3}, []float64{-7, 70}, 2, 3},
	} {
		if lo, hi := c.axis.span(c.values); math.Abs(lo-c.lo) > 1e-9 || math.Abs(hi-c.hi) > 1e-9 {
			t.Errorf("%+v of %v: %g to %g, want %g to %g", c.axis, c.values, lo, hi, c.lo, c.hi)
		}
	}
}

package bayesopt

import (
	"math"
	"testing"
)

// TestImprovementOverDecades walks z from −10¹⁰⁰ to 10¹⁰⁰: log EI is finite and rises, its slope is positive and falls, and both are what differences
// of them say.
func TestImprovementOverDecades(t *testing.T) {
	var zs []float64
	for e := 100.0; e >= -100; e -= 0.25 {
		zs = append(zs, -math.Pow(10, e))
	}
	for e := -100.0; e <= 100; e += 0.25 {
		zs = append(zs, math.Pow(10, e))
	}
	for i, z := range zs {
		value, slope := logH(z), slopeH(z)
		if !finite(value) || !finite(slope) || !(slope > 0) {
			t.Fatalf("z = %g: log %v, slope %v", z, value, slope)
		}
		if i > 0 && (value < logH(zs[i-1])-2e-16 || slope > slopeH(zs[i-1])*(1+1e-15)) {
			t.Errorf("z = %g: log h %v after %v, slope %v after %v", z, value, logH(zs[i-1]), slope, slopeH(zs[i-1]))
		}
		if math.Abs(z) < 1e3 && math.Abs(z) > 1e-3 {
			h := 1e-6 * math.Abs(z)
			near(t, "slope", (logH(z+h)-logH(z-h))/(2*h), slope, 1e-6, slope+1e-3)
		}
	}
}

// TestImprovementAtTheSeam compares both forms where both have digits; below −2 the sum loses one for each step.
func TestImprovementAtTheSeam(t *testing.T) {
	sum := func(z float64) float64 { return math.Log(density(z) + z*distribution(z)) }
	for z, tolerance := range map[float64]float64{-2: 1e-14, -2.5: 3e-14, -3: 1e-13} {
		near(t, "log h", logH(z), sum(z), tolerance, 1)
		near(t, "slope", slopeH(z), distribution(z)/math.Exp(sum(z)), tolerance, 10)
	}
	below, above := math.Nextafter(seam, -3), math.Nextafter(seam, 0)
	near(t, "log h at the seam", logH(below), logH(above), 1e-14, 1)
	near(t, "slope at the seam", slopeH(below), slopeH(above), 1e-14, 3)
	near(t, "slope at -3, from 50 digits", slopeH(-3), 3.53233751762516051669, 1e-15, 3)
}

func TestImprovementWithoutDoubt(t *testing.T) {
	for _, c := range []struct{ best, mean, want float64 }{{2, 1, 1}, {1, 2, 0}, {1, 1, 0}} {
		if got := ExpectedImprovement(c.best, c.mean, 0, 0); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
		if got := LogExpectedImprovement(c.best, c.mean, 0, 0); got != math.Log(c.want) {
			t.Errorf("%+v: log %v", c, got)
		}
		g := []float64{7}
		got := logImprovement(c.best, &Prediction{Mean: c.mean, MeanGradient: []float64{2}, VarianceGradient: []float64{0}}, g)
		if got != math.Log(c.want) || g[0] != map[bool]float64{true: -2, false: 0}[c.want == 1] {
			t.Errorf("%+v: log %v, gradient %v", c, got, g)
		}
	}
}

package bayesopt

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// trended is a process with every kind of trend, and points that it has not seen.
func trended(t *testing.T, n, d int) (*GP, [][]float64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(n), uint64(d)))
	x, y := make([][]float64, n), make([]float64, n)
	for i := range x {
		for range d {
			x[i] = append(x[i], rng.Float64())
		}
		y[i] = rng.NormFloat64()
	}
	square := func(i int, x float64) (float64, float64) { return x*x + float64(i), 2 * x }
	wave := func(_ int, x float64) (float64, float64) { return math.Sincos(x) }
	pool := make([]int, d)
	pool[d-1] = 1
	c := Covariance{Kernel: Matern52, Trends: []Trend{{Feature: square}, {Feature: wave, Total: true}, {Feature: square, Pool: pool}}}
	h := Hyper{Signal: 1.3, Noise: 1e-3, Trends: []float64{0.4, 0.7, 0.5}}
	for range d {
		h.Lengths = append(h.Lengths, 0.3+rng.Float64())
	}
	g, err := NewGP(c, h, x, y)
	if err != nil {
		t.Fatal(err)
	}
	return g, [][]float64{x[0], []float64{0.5, 0.2, 0.9}[:d]}
}

// TestGradientsAgainstDifferences covers what the oracle does not: trends.
func TestGradientsAgainstDifferences(t *testing.T) {
	g, points := trended(t, 12, 3)
	const h = 1e-5
	for _, x := range points {
		p := g.PredictGradient(x)
		mean, variance := g.Predict(x)
		near(t, "mean", p.Mean, mean, 1e-12, 1)
		near(t, "variance", p.Variance, variance, 1e-12, 1)
		for i := range x {
			up, down := append([]float64(nil), x...), append([]float64(nil), x...)
			up[i] += h
			down[i] -= h
			m1, v1 := g.Predict(up)
			m0, v0 := g.Predict(down)
			near(t, "∂mean", p.MeanGradient[i], (m1-m0)/(2*h), 1e-6, 1)
			near(t, "∂variance", p.VarianceGradient[i], (v1-v0)/(2*h), 1e-6, 1)
		}
	}
	theta, gradient := g.Hyper().logs(), g.LogLikelihoodGradient()
	e := newEvidence(g.covariance, g.x, g.y)
	near(t, "log likelihood", e.at(theta, nil), g.LogLikelihood(), 1e-13, 1e3)
	if len(gradient) != 8 {
		t.Fatalf("%d derivatives, want 8", len(gradient))
	}
	for i := range theta {
		old := theta[i]
		theta[i] = old + h
		up := e.at(theta, nil)
		theta[i] = old - h
		down := e.at(theta, nil)
		theta[i] = old
		near(t, "∂log likelihood", gradient[i], (up-down)/(2*h), 1e-6, 1+math.Abs(gradient[i]))
	}
}

// TestAddIsFromScratch asks for the same bits.
func TestAddIsFromScratch(t *testing.T) {
	whole, points := trended(t, 30, 3)
	g, err := NewGP(whole.covariance, whole.hyper, whole.x[:10], whole.y[:10])
	if err != nil {
		t.Fatal(err)
	}
	for i := 10; i < 30; i++ {
		if err := g.Add(whole.x[i], whole.y[i]); err != nil {
			t.Fatal(err)
		}
	}
	if g.Len() != 30 || g.LogLikelihood() != whole.LogLikelihood() {
		t.Errorf("log likelihood of %d values %v, from scratch %v", g.Len(), g.LogLikelihood(), whole.LogLikelihood())
	}
	for _, x := range points {
		m1, v1 := g.Predict(x)
		m2, v2 := whole.Predict(x)
		if m1 != m2 || v1 != v2 {
			t.Errorf("%v ± %v, from scratch %v ± %v", m1, v1, m2, v2)
		}
	}
}

// TestLeaveOneOut leaves each out in turn.
func TestLeaveOneOut(t *testing.T) {
	g, _ := trended(t, 9, 3)
	means, variances := g.LeaveOneOut()
	for i := range g.y {
		x, y := append([][]float64(nil), g.x[:i]...), append([]float64(nil), g.y[:i]...)
		rest, err := NewGP(g.covariance, g.hyper, append(x, g.x[i+1:]...), append(y, g.y[i+1:]...))
		if err != nil {
			t.Fatal(err)
		}
		mean, variance := rest.Predict(g.x[i])
		near(t, "mean", means[i], mean, 1e-10, 1)
		near(t, "variance", variances[i], variance+g.hyper.Noise, 1e-10, 1)
	}
}

func TestRepeatedPoints(t *testing.T) {
	x := [][]float64{{0.5, 0.5}, {0.5, 0.5}, {0.1, 0.2}}
	g, err := NewGP(Covariance{Kernel: RBF, Isotropic: true}, Hyper{Signal: 1, Lengths: []float64{1}}, x, []float64{1, 1.5, 0})
	if err != nil || g.Jitter == 0 {
		t.Fatalf("%v, jitter %v: expected a jitter without noise", err, g.Jitter)
	}
	if mean, _ := g.Predict(x[0]); math.Abs(mean-1.25) > 1e-3 {
		t.Errorf("mean of 1 and 1.5: %v", mean)
	}
	g, err = NewGP(Covariance{Kernel: RBF, Isotropic: true}, Hyper{Signal: 1, Lengths: []float64{1}}, x[1:], []float64{1.5, 0})
	if err != nil || g.Add(x[0], 1) == nil || g.Len() != 2 {
		t.Errorf("%v, %d values: expected a point that repeats another without noise to be refused", err, g.Len())
	}
}

func TestBadObservations(t *testing.T) {
	x, y := [][]float64{{0.5, 0.5}, {0.1, 0.2}}, []float64{1, 2}
	h := Hyper{Signal: 1, Lengths: []float64{1, 1}, Noise: 0.1}
	c := Covariance{Kernel: RBF}
	for _, bad := range []struct {
		c    Covariance
		h    Hyper
		x    [][]float64
		y    []float64
		want string
	}{
		{c, h, nil, nil, "at least one"},
		{c, h, x, y[:1], "as many points as values"},
		{c, h, [][]float64{{1, 2}, {1}}, y, "observation 1: expected 2 coordinates, found 1"},
		{c, h, [][]float64{{1, math.NaN()}, {1, 2}}, y, "observation 0: expected finite numbers"},
		{c, h, x, []float64{1, math.Inf(1)}, "observation 1: expected finite numbers"},
		{Covariance{Kernel: "cubic"}, h, x, y, `found "cubic"`},
		{Covariance{Kernel: RBF, Isotropic: true}, h, x, y, "expected 1 length scales"},
		{c, Hyper{Signal: -1, Lengths: []float64{1, 1}}, x, y, "signal variance"},
		{c, Hyper{Signal: 1, Lengths: []float64{1, 0}}, x, y, "length scale"},
		{c, Hyper{Signal: 1, Lengths: []float64{1, 1}, Noise: math.NaN()}, x, y, "noise variance"},
	} {
		if _, err := NewGP(bad.c, bad.h, bad.x, bad.y); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%v, expected %q", err, bad.want)
		}
	}
	for _, bad := range []struct {
		opt  FitOptions
		want string
	}{
		{FitOptions{Signal: Belief{Lower: 2, Upper: 1}}, "Signal: expected positive bounds"},
		{FitOptions{Noise: Belief{Lower: 1, Upper: 2, Spread: 1}}, "Noise: expected a prior of positive median"},
		{FitOptions{Restarts: -1}, "no negative Restarts"},
		{FitOptions{Starts: []Hyper{{Signal: 1, Noise: 1}}}, "Starts: expected 2 length scales"},
	} {
		if _, err := Fit(c, x, y, bad.opt); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%v, expected %q", err, bad.want)
		}
	}
}

// TestPriors holds the derivative of each log prior to differences, and Pool to its purpose.
func TestPriors(t *testing.T) {
	for _, b := range []Belief{{Lower: 1, Upper: 2}, {Lower: 1, Upper: 2, Median: 1.5, Spread: 0.7}, {Lower: 1, Upper: 2, Horseshoe: 0.1}} {
		for _, at := range []float64{-20, -3, 0.1, 2} {
			up, _ := b.logPrior(at + 1e-5)
			down, _ := b.logPrior(at - 1e-5)
			_, slope := b.logPrior(at)
			near(t, "slope of the prior", slope, (up-down)/2e-5, 1e-5, math.Max(1, math.Abs(slope)))
		}
	}
	logs := []float64{0.3, -1, 2}
	gradient := make([]float64, 3)
	b := Belief{Median: 2, Spread: 1.5}
	pooled(b, 0.4, logs, gradient)
	for i := range logs {
		scratch := make([]float64, 3)
		old := logs[i]
		logs[i] = old + 1e-5
		up := pooled(b, 0.4, logs, scratch)
		logs[i] = old - 1e-5
		down := pooled(b, 0.4, logs, scratch)
		logs[i] = old
		near(t, "slope of the pool", gradient[i], (up-down)/2e-5, 1e-6, 10)
	}
	whole, _ := trended(t, 25, 3)
	spread := func(pool float64) float64 {
		g, err := Fit(Covariance{Kernel: RBF}, whole.x, whole.y, FitOptions{Pool: pool, Restarts: 2, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		l := g.Hyper().Lengths
		return math.Log(max(l[0], l[1], l[2]) / min(l[0], l[1], l[2]))
	}
	if tight, loose := spread(0.01), spread(5); !(tight < 0.1 && loose > 2*tight) {
		t.Errorf("length scales spread by %v when believed alike, by %v when not", tight, loose)
	}
}

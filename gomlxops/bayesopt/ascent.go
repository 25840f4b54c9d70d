package bayesopt

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// ascend climbs a differentiable function over a convex set by the spectral projected gradient method, and returns the best point seen and
// its value: at a point u with gradient g it looks along d = P(u + α g) − u, α the step that the last two gradients suggest, and accepts what
// is better than the worst of the last few values.
//
//	Birgin, Martínez and Raydan, Nonmonotone spectral projected gradient methods on convex sets, SIAM Journal on
//	Optimization 10 (2000), algorithm 2.2 (SPG2)
//
// f returns the value at u and writes the gradient; project replaces a point by the nearest one of the set. gonum's optimize has no
// constraints.
func ascend(f func(u, gradient []float64) float64, project func([]float64) []float64, start []float64, evaluations int) ([]float64, float64) {
	const memory, little = 5, 1e-4
	n := len(start)
	u := project(append([]float64(nil), start...))
	g := make([]float64, n)
	value := f(u, g)
	best, top := append([]float64(nil), u...), value
	recent := []float64{value}
	d, next, nextG := make([]float64, n), make([]float64, n), make([]float64, n)
	step := 0.0
	if norm := floats.Norm(g, math.Inf(1)); norm > 0 {
		step = 0.1 / norm // a tenth of the unit cube, to begin with
	}
	for left := evaluations - 1; left > 0; {
		for i := range d {
			d[i] = u[i] + step*g[i]
		}
		project(d)
		floats.Sub(d, u)
		rise := floats.Dot(g, d)
		if !(floats.Norm(d, math.Inf(1)) > 1e-7) || !(rise > 0) {
			break
		}
		lambda, reached := 1.0, math.Inf(-1)
		for ; left > 0; left-- {
			for i := range next {
				next[i] = u[i] + lambda*d[i]
			}
			reached = f(next, nextG)
			if reached >= floats.Min(recent)+little*lambda*rise {
				left--
				break
			}
			// The maximum of the parabola through value, slope and what was reached, kept within a tenth and a half.
			lambda *= clip(lambda*rise/(2*(value+lambda*rise-reached)), 0.1, 0.5)
		}
		if !(reached >= floats.Min(recent)) {
			break
		}
		step = spectral(u, next, g, nextG, step)
		copy(u, next)
		copy(g, nextG)
		value = reached
		if recent = append(recent, value); len(recent) > memory {
			recent = recent[1:]
		}
		if value > top {
			top = value
			copy(best, u)
		}
	}
	return best, top
}

// spectral returns the next step: sᵀs/sᵀy, s the move and y how much the gradient fell.
func spectral(u, next, g, nextG []float64, step float64) float64 {
	ss, sy := 0.0, 0.0
	for i := range u {
		s := next[i] - u[i]
		ss += s * s
		sy += s * (g[i] - nextG[i])
	}
	if sy > 0 {
		return clip(ss/sy, 1e-10, 1e10)
	}
	return math.Min(4*step, 1e10)
}

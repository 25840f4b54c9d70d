package bayesopt

import (
	"math"
	"slices"
)

// Notation of this file.
//
//	symbol      meaning                                            shape
//	v           the point to project                               [n]
//	w           weights, all positive                              [n]
//	lower,upper bounds                                             [n]
//	b           what Σ w_i x_i must be                             scalar
//	λ           multiplier of the budget                           scalar
//	x(λ)        clip(v − λ w, lower, upper)                        [n]
//	g(λ)        Σ w_i x_i(λ): continuous, falling, piecewise linear scalar

// project returns the Euclidean projection of v on {x : Σ w_i x_i = b, lower ≤ x ≤ upper}, which must not be empty.
//
// The Lagrangian gives x(λ) above; the root of g(λ) = b lies between two of the 2n values of λ at which a coordinate meets a
// bound, found by sorting them and bisecting over the sorted list, and is exact there since g is linear between them.
// Cost O(n log n). See Pardalos and Kovoor, An algorithm for a singly constrained class of quadratic programs, Mathematical
// Programming 46 (1990). The result is written to dst, which may be v and is made where it is nil.
func project(dst, v, w, lower, upper []float64, b float64) []float64 {
	dst = projectOnce(dst, v, w, lower, upper, b)
	// Far outside the box, v − λw loses digits. Projecting the result, which lies within, again mends the budget to rounding.
	return projectOnce(dst, dst, w, lower, upper, b)
}

func projectOnce(dst, v, w, lower, upper []float64, b float64) []float64 {
	if dst == nil {
		dst = make([]float64, len(v))
	}
	lambda := multiplier(v, w, lower, upper, b)
	for i := range v {
		dst[i] = clip(v[i]-lambda*w[i], lower[i], upper[i])
	}
	return dst
}

// multiplier returns λ with g(λ) = b, or the end nearest to it where rounding leaves b just out of reach.
func multiplier(v, w, lower, upper []float64, b float64) float64 {
	knots := make([]float64, 0, 2*len(v))
	for i := range v {
		knots = append(knots, (v[i]-upper[i])/w[i], (v[i]-lower[i])/w[i])
	}
	slices.Sort(knots)
	used := func(lambda float64) float64 {
		sum := 0.0
		for i := range v {
			sum += w[i] * clip(v[i]-lambda*w[i], lower[i], upper[i])
		}
		return sum
	}
	lo, hi := 0, len(knots)-1 // g(knots[lo]) ≥ b ≥ g(knots[hi]), up to rounding
	for hi-lo > 1 {
		mid := (lo + hi) / 2
		if used(knots[mid]) >= b {
			lo = mid
		} else {
			hi = mid
		}
	}
	// Between the two, coordinate i is free where its own knots span the interval: b = Σ_free w_i (v_i − λ w_i) + Σ_rest w_i bound_i.
	from, to := knots[lo], knots[hi]
	middle := from + (to-from)/2
	sum, slope := -b, 0.0
	for i := range v {
		switch x := v[i] - middle*w[i]; {
		case x >= upper[i]:
			sum += w[i] * upper[i]
		case x <= lower[i]:
			sum += w[i] * lower[i]
		default:
			sum += w[i] * v[i]
			slope += w[i] * w[i]
		}
	}
	if slope == 0 {
		return middle
	}
	return min(max(sum/slope, from), to)
}

// level returns clip(c, lower, upper) with the c that meets Σ w_i x_i = b: the same value wherever bounds allow.
func level(dst, w, lower, upper []float64, b float64) []float64 {
	lo, hi := slices.Min(lower), slices.Max(upper)
	for range 200 { // bisection to the last bit
		mid := lo + (hi-lo)/2
		if mid == lo || mid == hi {
			break
		}
		sum := 0.0
		for i := range w {
			sum += w[i] * clip(mid, lower[i], upper[i])
		}
		if sum < b {
			lo = mid
		} else {
			hi = mid
		}
	}
	for i := range w {
		dst[i] = clip(hi, lower[i], upper[i])
	}
	return projectOnce(dst, dst, w, lower, upper, b)
}

func clip(x, lower, upper float64) float64 { return math.Max(lower, math.Min(x, upper)) }

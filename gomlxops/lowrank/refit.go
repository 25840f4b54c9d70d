package lowrank

import (
	"github.com/parelab/pare/gomlxops/linalg"
	"github.com/parelab/pare/gomlxops/transformer"
)

// Notation of this file, for one linear held as ŷ = B A x + b at rank r:
//
//	x, y  input [in] and what the output should be [out], over n calibration tokens; y = W x + β
//	S     mean of x xᵀ   [in, in]
//	T     mean of y xᵀ   [out, in]
//	K     A S Aᵀ, the second moment of z = A x   [r, r]
//
// With a bias all three are about the means x̄ and ȳ, which b then keeps: b = ȳ − B A x̄.

// task is what a linear should do: the moments of its input and of the output that is wanted for it.
type task struct {
	out, in int
	s, t    []float64
	energy  float64   // mean of ‖y‖², or about ȳ where there is a bias
	x, y    []float64 // x̄ [in] and ȳ [out]; nil where there is no bias
}

// keepWeight is the task of giving W x + β, β nil where there is none: T = W S. Without a mean there is no β either.
func keepWeight(w []float64, beta []float32, in int, s, mean []float64) (*task, error) {
	out := len(w) / in
	t := &task{out: out, in: in, s: s, x: mean}
	var err error
	if t.t, err = linalg.Mul(w, out, in, s, in); err != nil {
		return nil, err
	}
	t.energy = inner(t.t, w)
	if mean == nil {
		return t, nil
	}
	if t.y, err = linalg.Mul(w, out, in, mean, 1); err != nil {
		return nil, err
	}
	for i, v := range beta {
		t.y[i] += float64(v)
	}
	return t, nil
}

// factors are those of one linear, in float64.
type factors struct {
	rank       int
	b, a, bias []float64 // [out, rank], [rank, in], and [out] or nil
}

func widenFactors(f *transformer.Factored) factors {
	wide := factors{f.Rank, widen(f.B), widen(f.A), nil}
	if f.Bias != nil {
		wide.bias = widen(f.Bias)
	}
	return wide
}

// products returns T Aᵀ and K.
func (t *task) products(f factors) (ta, k []float64, err error) {
	if ta, err = linalg.MulT(t.t, t.out, t.in, f.a, f.rank); err != nil {
		return nil, nil, err
	}
	as, err := linalg.Mul(f.a, f.rank, t.in, t.s, t.in)
	if err != nil {
		return nil, nil, err
	}
	k, err = linalg.MulT(as, f.rank, t.in, f.a, f.rank)
	return ta, k, err
}

// relative returns the mean of ‖y − ŷ‖² as a fraction of that of ‖y‖²: mean ‖y‖² − 2 tr(B A Tᵀ) + tr(B K Bᵀ), and with a bias
// ‖ȳ − B A x̄ − b‖² more. 0 of a linear whose outputs are to be zero.
func (t *task) relative(f factors) (float64, error) {
	ta, k, err := t.products(f)
	if err != nil {
		return 0, err
	}
	bk, err := linalg.Mul(f.b, t.out, f.rank, k, f.rank)
	if err != nil {
		return 0, err
	}
	left, all := t.energy-2*inner(ta, f.b)+inner(bk, f.b), t.energy
	if t.x != nil {
		rest, err := t.bias(f)
		if err != nil {
			return 0, err
		}
		for i, b := range f.bias {
			rest[i] -= b
		}
		left, all = left+inner(rest, rest), all+inner(t.y, t.y)
	}
	if all == 0 {
		return 0, nil
	}
	return max(left, 0) / all, nil
}

// bias returns ȳ − B A x̄.
func (t *task) bias(f factors) ([]float64, error) {
	z, err := linalg.Mul(f.a, f.rank, t.in, t.x, 1)
	if err != nil {
		return nil, err
	}
	at, err := linalg.Mul(f.b, t.out, f.rank, z, 1)
	if err != nil {
		return nil, err
	}
	for i, v := range at {
		at[i] = t.y[i] - v
	}
	return at, nil
}

// refit returns the factors with the same A and the B of least mean ‖y − ŷ‖²: SVD-LLM's closed-form update (arXiv 2403.07378,
// first version, section 3.3),
//
//	B' = argmin ‖Y − B' A X‖_F = T Aᵀ K⁺ = B + (T Aᵀ − B K) K⁺
//
// in the last form, which leaves B as it is along directions of z that the calibration says nothing of: of all minimisers the
// one nearest to B. K⁺ is taken of K scaled to a diagonal of ones, so that the rows of A may differ in size as they like, and leaves out
// eigenvalues up to leastCorrelation.
func (t *task) refit(f factors) (factors, error) {
	ta, k, err := t.products(f)
	if err != nil {
		return f, err
	}
	bk, err := linalg.Mul(f.b, t.out, f.rank, k, f.rank)
	if err != nil {
		return f, err
	}
	for i, v := range bk {
		ta[i] -= v
	}
	change, err := solve(ta, t.out, k, f.rank, t.noise(f))
	if err != nil {
		return f, err
	}
	f.b = add(f.b, change)
	if t.x != nil {
		f.bias, err = t.bias(f)
	}
	return f, err
}

// regression returns the matrix M that gives y from x best, at full rank: M = T S⁺ = W + (T − W S) S⁺, which is W itself where y = W x, and
// W along directions of x that the calibration says nothing of. Truncated in the metric of S it is the best of its rank: reduced-rank
// regression (A. J. Izenman, Journal of Multivariate Analysis 5, 1975).
func (t *task) regression(w []float64) ([]float64, error) {
	rest, err := linalg.Mul(w, t.out, t.in, t.s, t.in)
	if err != nil {
		return nil, err
	}
	for i, v := range rest {
		rest[i] = t.t[i] - v
	}
	change, err := solve(rest, t.out, t.s, t.in, make([]float64, t.in))
	if err != nil {
		return nil, err
	}
	return add(w, change), nil
}

// leastCorrelation is the smallest eigenvalue of the scaled K that is divided by. Scatters carry rounding of float32 products, about
// 1e-7; a smaller bound would divide by that, a larger one leave error in that the data tell of.
const leastCorrelation = 1e-6

// noise is, for every row of A, how much of the diagonal of K may be rounding alone: leastCorrelation times Σ_j a_kj² S_jj, what z_k would vary
// by if no inputs went together. Rows that all but cancel what inputs have in common, as most do where there are fewer tokens than ranks, lie below it.
func (t *task) noise(f factors) []float64 {
	floor := make([]float64, f.rank)
	for i, v := range f.a {
		j := i % t.in
		floor[i/t.in] += leastCorrelation * v * v * t.s[j*t.in+j]
	}
	return floor
}

// solve returns H K⁺ [out, r] for a symmetric positive semidefinite K: with D = diag(K)^(−1/2) and D K D = V Λ Vᵀ, it is
// H D V Λ⁺ Vᵀ D. A direction whose diagonal is not above its floor is left out: D is 0 there.
func solve(h []float64, out int, k []float64, r int, floor []float64) ([]float64, error) {
	d := inverseRoots(k, r, floor)
	scaled := scaleRows(scaleColumns(k, d), d)
	if err := linalg.Symmetrize(scaled, r); err != nil { // a small diagonal makes much of rounding
		return nil, err
	}
	values, v, err := linalg.Eigh(scaled, r)
	if err != nil {
		return nil, err
	}
	hv, err := linalg.Mul(scaleColumns(h, d), out, r, v, r)
	if err != nil {
		return nil, err
	}
	for i := range hv {
		if value := values[i%r]; value > leastCorrelation {
			hv[i] /= value
		} else {
			hv[i] = 0
		}
	}
	x, err := linalg.MulT(hv, out, r, v, r)
	if err != nil {
		return nil, err
	}
	return scaleColumns(x, d), nil
}

func inner(a, b []float64) float64 {
	sum := 0.0
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

func add(a, b []float64) []float64 {
	sum := make([]float64, len(a))
	for i, v := range a {
		sum[i] = v + b[i]
	}
	return sum
}

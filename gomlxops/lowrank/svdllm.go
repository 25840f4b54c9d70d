package lowrank

import (
	"errors"

	"github.com/parelab/pare/gomlxops/covariance"
	"github.com/parelab/pare/gomlxops/linalg"
)

// whitening is SVD-LLM (arXiv 2403.07378, algorithm 1 and theorem 3.2):
//
//	W L = U Σ Vᵀ,  B = U_r,  A = Σ_r V_rᵀ L⁻¹,  L Lᵀ = G
//
//	G = Σ x xᵀ   [in, in]   over all calibration tokens, not centred and not divided by their number
//	L            [in, in]   lower triangular, Cholesky's
//
// Inputs L⁻¹ x are white, so that each singular value left out costs its square: Discarded(r) is the summed squared error of
// the outputs over the calibration tokens, and no other matrix of rank r does better. There is no bias.
//
// Any square root of G gives the same product B A, which equals U_r U_rᵀ W with U the eigenvectors of W G Wᵀ: the feature method
// with Uncentred, by another way, kept as its cross-check. Where G is singular, as with fewer tokens than channels, there is no
// L⁻¹ to take. The released code then adds a multiple of I to G and tries again, which changes the answer and can fail again. Here
// the root V √Λ of G's eigenvectors takes its place, and A = U_rᵀ W, which divides by nothing. The released code also works in
// float32 after Cholesky, and splits Σ evenly between B and A; neither is followed.
type whitening struct{}

// leastPivot is the smallest ratio of L's diagonal entries that L⁻¹ is taken of. Rounding grows by about its inverse: 2e-16/1e-7
// leaves A with eight digits, one more than the float32 that it is kept in. A larger bound would take the other root where
// whitening is well defined, a smaller one would let rounding through.
const leastPivot = 1e-7

func (whitening) analyse(p problem) (*analysis, error) {
	l, err := p.roots.of(p.input, "cholesky", lowerRoot)
	if err != nil {
		return nil, err
	}
	if l == nil {
		return byRoot(p, sumOfSquares)
	}
	out, in := p.linear.Out, p.linear.In
	wl, err := linalg.Mul(p.w, out, in, l, in)
	if err != nil {
		return nil, err
	}
	u, s, vt, err := linalg.SVD(wl, out, in)
	if err != nil {
		return nil, err
	}
	a, err := unwhiten(s, vt, l, in)
	return &analysis{values: squares(s), b: u, a: a}, err
}

// unwhiten returns Σ Vᵀ L⁻¹ [k, in], by solving Lᵀ Aᵀ = V Σ.
func unwhiten(s, vt, l []float64, in int) ([]float64, error) {
	k := len(s)
	v := linalg.Transpose(vt, k, in)
	for i := range v {
		v[i] *= s[i%k]
	}
	at, err := linalg.SolveLowerT(l, in, v, k)
	if err != nil {
		return nil, err
	}
	return linalg.Transpose(at, in, k), nil
}

// sumOfSquares returns G.
func sumOfSquares(s *covariance.Stats) []float64 {
	g, n := s.SecondMoment(), float64(s.Count())
	for i := range g {
		g[i] *= n
	}
	return g
}

// lowerRoot returns L, or nil where G is too near a singular matrix.
func lowerRoot(s *covariance.Stats) ([]float64, error) {
	l, err := linalg.Cholesky(sumOfSquares(s), s.Dim)
	if errors.Is(err, linalg.ErrNotPositiveDefinite) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	least, most := l[0], l[0]
	for i := range s.Dim {
		least, most = min(least, l[i*s.Dim+i]), max(most, l[i*s.Dim+i])
	}
	if least < leastPivot*most {
		return nil, nil
	}
	return l, nil
}

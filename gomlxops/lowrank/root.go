package lowrank

import (
	"fmt"
	"math"
	"sync"

	"github.com/parelab/pare/gomlxops/covariance"
	"github.com/parelab/pare/gomlxops/linalg"
)

// byRoot returns the left singular vectors of W R, with R Rᵀ = estimate of the input: the eigenvectors of W R Rᵀ Wᵀ, best first.
// Nothing is inverted, so that no singular estimate can stop it.
func byRoot(p problem, estimate func(*covariance.Stats) []float64) (*analysis, error) {
	r, err := p.roots.of(p.input, "eigenvectors", func(s *covariance.Stats) ([]float64, error) { return root(estimate(s), s.Dim) })
	if err != nil {
		return nil, err
	}
	wr, err := linalg.Mul(p.w, p.linear.Out, p.linear.In, r, p.linear.In)
	if err != nil {
		return nil, err
	}
	return leftVectors(wr, p.linear.Out, p.linear.In)
}

// leftVectors is the analysis of W S [out, in] for a scaling S of the inputs: U of its SVD and its squared singular values.
//
// The best approximation of W S is [W S]_r = U_r U_rᵀ W S, so that [W S]_r S⁻¹ = U_r U_rᵀ W: B = U_r and A = U_rᵀ W, whether or
// not S has an inverse.
func leftVectors(ws []float64, out, in int) (*analysis, error) {
	u, s, _, err := linalg.SVD(ws, out, in)
	if err != nil {
		return nil, err
	}
	return &analysis{values: squares(s), b: u}, nil
}

// roots keeps square roots of input moments: q, k and v read one site, gate and up another. It belongs to one method and one
// set of moments.
type roots struct {
	mutex sync.Mutex
	known map[rootOf]func() ([]float64, error)
}

// rootOf names a root: of what, and how it is taken.
type rootOf struct {
	stats *covariance.Stats
	how   string
}

// of returns take(s), computed once for each s and how.
func (r *roots) of(s *covariance.Stats, how string, take func(*covariance.Stats) ([]float64, error)) ([]float64, error) {
	r.mutex.Lock()
	if r.known == nil {
		r.known = map[rootOf]func() ([]float64, error){}
	}
	at := rootOf{s, how}
	once, ok := r.known[at]
	if !ok {
		once = sync.OnceValues(func() ([]float64, error) { return take(s) })
		r.known[at] = once
	}
	r.mutex.Unlock()
	return once()
}

// root returns V √Λ of the positive semidefinite c [n, n]. Eigenvalues that rounding made negative count as zero.
func root(c []float64, n int) ([]float64, error) {
	values, v, err := linalg.Eigh(c, n)
	if err != nil {
		return nil, fmt.Errorf("input covariance: %w", err)
	}
	for k, value := range values {
		scale := math.Sqrt(max(value, 0))
		for i := range n {
			v[i*n+k] *= scale
		}
	}
	return v, nil
}

// inverseRoots returns the inverse square roots of the diagonal of k [n, n], 0 where it is not above floor.
func inverseRoots(k []float64, n int, floor []float64) []float64 {
	d := make([]float64, n)
	for i := range d {
		if k[i*n+i] > floor[i] {
			d[i] = 1 / math.Sqrt(k[i*n+i])
		}
	}
	return d
}

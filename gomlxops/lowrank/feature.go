package lowrank

import (
	"fmt"
	"math"
	"sync"

	"github.com/parelab/pare/gomlxops/covariance"
	"github.com/parelab/pare/gomlxops/linalg"
)

// feature is the principal component analysis of a linear's outputs (Bolaco, arXiv 2405.10616, equations 1 to 4):
//
//	y ≈ U_r U_rᵀ (y − ȳ) + ȳ,  U the eigenvectors of C_y = W C_x Wᵀ
//
// C_x is the covariance of the inputs over all tokens (SCM) or pooled over groups (PCM); ȳ = W x̄ over all tokens in both
// cases. With the SCM, Discarded(r)·(n−1)/n is the mean squared error of the outputs on the calibration tokens, and no
// other rank-r projection does better; pooling gives that up for directions that vary within texts, not between them.
//
// Where out ≤ in the eigenproblem is that of C_y. Where out > in, C_y has at most in positive eigenvalues, and U comes from
// the thin SVD of W R with C_x = R Rᵀ: [11008, 4096] then costs a problem of 4,096 and not of 11,008. R comes from the
// eigenvectors of C_x, which no singular covariance can stop, and is shared by the linears of a site.
type feature struct {
	estimate func(*covariance.Stats) []float64 // C_x, [in, in]
}

func (feature) needsMoments() bool { return true }

func (f feature) analyse(p problem) (*analysis, error) {
	out, in := p.linear.Out, p.linear.In
	mean, err := linalg.Mul(p.w, out, in, p.input.Mean(), 1)
	if err != nil {
		return nil, err
	}
	if out > in {
		return f.byRoot(p, mean)
	}
	c, err := linalg.Congruence(p.w, out, in, f.estimate(p.input))
	if err != nil {
		return nil, err
	}
	values, u, err := linalg.Eigh(c, out)
	if err != nil {
		return nil, err
	}
	return &analysis{values, u, mean}, nil
}

func (f feature) byRoot(p problem, mean []float64) (*analysis, error) {
	out, in := p.linear.Out, p.linear.In
	r, err := p.roots.of(p.input, f.estimate)
	if err != nil {
		return nil, err
	}
	wr, err := linalg.Mul(p.w, out, in, r, in)
	if err != nil {
		return nil, err
	}
	u, s, _, err := linalg.SVD(wr, out, in)
	if err != nil {
		return nil, err
	}
	return &analysis{squares(s), u, mean}, nil
}

// roots keeps square roots of covariances: gate and up read one site. It belongs to one method and one set of moments.
type roots struct {
	mutex sync.Mutex
	known map[*covariance.Stats]func() ([]float64, error)
}

// of returns R with R Rᵀ = estimate(s), computed once.
func (r *roots) of(s *covariance.Stats, estimate func(*covariance.Stats) []float64) ([]float64, error) {
	r.mutex.Lock()
	if r.known == nil {
		r.known = map[*covariance.Stats]func() ([]float64, error){}
	}
	once, ok := r.known[s]
	if !ok {
		once = sync.OnceValues(func() ([]float64, error) { return root(estimate(s), s.Dim) })
		r.known[s] = once
	}
	r.mutex.Unlock()
	return once()
}

// root returns V √Λ of the covariance c [n, n]. Eigenvalues that rounding made negative count as zero.
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

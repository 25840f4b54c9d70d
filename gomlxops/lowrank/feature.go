package lowrank

import (
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
// Where out ≤ in the eigenproblem is that of C_y, with the vectors that are to be kept: half of them, as by default, cost a fifth less than all. Where out > in, C_y has at most in positive eigenvalues, and U comes from
// the thin SVD of W R with C_x = R Rᵀ: [11008, 4096] then costs a problem of 4,096 and not of 11,008. R comes from the
// eigenvectors of C_x, which no singular covariance can stop, and is shared by the linears of a site.
//
// Without centring C_x is the second moment (1/n) Σ x xᵀ, about zero; pooled over equal groups it is the same matrix. The factors
// then are those of [SVDLLM], and the energies 1/n of its.
type feature struct {
	covariance func(*covariance.Stats) []float64 // C_x, [in, in], centred
	centring   Centring
}

func (f feature) analyse(p problem) (*analysis, error) {
	a, err := f.directions(p)
	if err != nil || f.centring != KeepMean {
		return a, err
	}
	a.mean, err = linalg.Mul(p.w, p.linear.Out, p.linear.In, p.input.Mean(), 1)
	return a, err
}

// estimate returns C_x.
func (f feature) estimate(s *covariance.Stats) []float64 {
	if f.centring == Uncentred {
		return s.SecondMoment()
	}
	return f.covariance(s)
}

func (f feature) directions(p problem) (*analysis, error) {
	out, in := p.linear.Out, p.linear.In
	if out > in {
		return byRoot(p, f.estimate)
	}
	c, err := linalg.Congruence(p.w, out, in, f.estimate(p.input))
	if err != nil {
		return nil, err
	}
	r := out
	if p.keep > 0 {
		r = min(r, p.keep)
	}
	values, u, err := linalg.EighTop(c, out, r)
	if err != nil {
		return nil, err
	}
	return &analysis{values: values, b: u}, nil
}

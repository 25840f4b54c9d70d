package lowrank

import "math"

// activation is ASVD (arXiv 2312.05821, section 3.3), the weight with columns scaled by the size of what they multiply:
//
//	What = [W S]_r S⁻¹,  S = diag(s),  s_j = (mean over tokens of |x_j|)^α
//
// In exact arithmetic What = U_r U_rᵀ W with U the left singular vectors of W S, which is how it is computed: B = U_r, A = U_rᵀ W. So
// a channel that was always zero, s_j = 0, is not divided by: it has no say in U, and its column of W is projected like the
// others. The released code adds 1e-6 to s instead, takes an approximate decomposition with random vectors, and replaces the
// linear by a random one where that fails. Discarded(r) = ‖W S − What S‖²_F. There is no bias.
//
// The paper's search for ranks by perplexity is no part of this.
type activation struct {
	alpha float64
}

func (c activation) analyse(p problem) (*analysis, error) {
	scales := make([]float64, p.linear.In)
	for j, size := range p.input.AbsMean {
		scales[j] = math.Pow(size, c.alpha)
	}
	return leftVectors(scaleColumns(p.w, scales), p.linear.Out, p.linear.In)
}

// scaleColumns returns W diag(s).
func scaleColumns(w, s []float64) []float64 {
	out := make([]float64, len(w))
	for i, v := range w {
		out[i] = v * s[i%len(s)]
	}
	return out
}

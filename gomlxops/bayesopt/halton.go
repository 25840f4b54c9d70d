package bayesopt

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distmv"
	"gonum.org/v1/gonum/stat/samplemv"
)

// quasi walks along a scrambled Halton sequence (Owen, A randomized Halton algorithm, arXiv 1706.02808, as gonum has it), projected on the
// budget.
type quasi struct{}

func (quasi) next(h *history, _ *rand.Rand) (proposal, error) {
	points := halton(h.domain, h.seed, h.id+1)
	return proposal{u: points[h.id], phase: PhaseDesign}, nil
}

// halton returns the first n points of the sequence.
func halton(d *domain, seed uint64, n int) [][]float64 {
	out := make([][]float64, n)
	if d.dim() == 0 {
		return out
	}
	batch := mat.NewDense(n, d.dim(), nil)
	source := rand.NewPCG(seed, 0x4a17)
	samplemv.Halton{Kind: samplemv.Owen, Q: distmv.NewUnitUniform(d.dim(), nil), Src: source}.Sample(batch)
	for i := range out {
		out[i] = d.project(batch.RawRowView(i))
	}
	return out
}

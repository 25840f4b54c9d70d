package lowrank

import (
	"fmt"
	"math"

	"github.com/parelab/pare/gomlxops/importance"
	"github.com/parelab/pare/gomlxops/linalg"
)

// fisherRows is FWSVD (arXiv 2207.00112, equations 6 to 8) with one weight for each output:
//
//	What = D⁻¹ [D W]_r,  D = diag(d),  d_i = √(Σ_j F_ij)   [out]
//	F    [out, in]   mean over sequences of the squared gradient, as importance.Fisher has it
//
// In exact arithmetic What = W V_r V_rᵀ with V the right singular vectors of D W, which is how it is computed: A = V_rᵀ, B = W V_r.
// So an output that no gradient reached, d_i = 0, is not divided by: it has no say in V, and its row of W is projected like the
// others. Discarded(r) = ‖D W − D What‖²_F. There is no bias.
//
// The paper's layers compute x W, so that its rows are inputs: the paper's reading is fisherCols.
type fisherRows struct{}

func (fisherRows) analyse(p problem) (*analysis, error) {
	out, in := p.linear.Out, p.linear.In
	_, s, vt, err := linalg.SVD(scaleRows(p.w, sqrt(p.fisher.Row)), out, in)
	if err != nil {
		return nil, err
	}
	return &analysis{values: squares(s), a: vt}, nil
}

// fisherCols is FWSVD with one weight for each input, which is the paper's reading:
//
//	What = [W D]_r D⁻¹,  D = diag(d),  d_j = √(Σ_i F_ij)   [in]
//
// As with ASVD What = U_r U_rᵀ W, U the left singular vectors of W D, and nothing is divided by. Discarded(r) = ‖W D − What D‖²_F.
type fisherCols struct{}

func (fisherCols) analyse(p problem) (*analysis, error) {
	return leftVectors(scaleColumns(p.w, sqrt(p.fisher.Col)), p.linear.Out, p.linear.In)
}

func sqrt(v []float64) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = math.Sqrt(x)
	}
	return out
}

// scaleRows returns diag(d) W.
func scaleRows(w, d []float64) []float64 {
	out, in := make([]float64, len(w)), len(w)/len(d)
	for i, v := range w {
		out[i] = v * d[i/in]
	}
	return out
}

// checkFisher says what is wrong with Fisher sums for a method that needs them.
func (d *decomposer) checkFisher(f *importance.Fisher) error {
	if f == nil {
		return fmt.Errorf("method %q needs Fisher sums, found none; set Options.Fisher to what importance.Collect returns", d.method)
	}
	return f.For(d.model)
}

package layer

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// Linear returns y = x Wᵀ (+ bias).
//
//	symbol  meaning                          shape
//	x       input rows                       [N, in]
//	w       weight, as checkpoints hold it   [out, in]
//	bias    nil, or one number per output    [out]
//	y       output rows                      [N, out]
//
// Backward: dx = dy W, and dW as the transpose of xᵀ dy, so that xᵀ is made once for all linears that read the same x
// (q, k and v; gate and up) and only W-sized results are transposed besides. Where y is narrower than x, as in an MLP's last
// linear, dW = dyᵀ x moves less.
func (s Style) Linear(x, w, bias *Node) *Node {
	x.AssertRank(2)
	out, in := w.Shape().Dim(0), x.Shape().Dim(1)
	w.AssertDims(out, in)
	y := DotGeneral(x, []int{1}, nil, w, []int{1}, nil)
	if s.Manual {
		y = CustomVJP([]*Node{x, w}, y, func(dy *Node) []*Node {
			dx := DotGeneral(dy, []int{1}, nil, w, []int{0}, nil)
			if out < in {
				return []*Node{dx, DotGeneral(s.transpose(dy), []int{1}, nil, x, []int{0}, nil)}
			}
			dwT := DotGeneral(s.transpose(x), []int{1}, nil, dy, []int{0}, nil)
			return []*Node{dx, s.transpose(dwT)}
		})
	}
	if bias == nil {
		return y
	}
	bias.AssertDims(out)
	return Add(y, ExpandLeftToRank(bias, 2))
}

// Factored returns y = (x Aᵀ) Bᵀ (+ bias): a linear whose weight is held as the product B A.
//
//	symbol  meaning                          shape
//	x       input rows                       [N, in]
//	b       left factor                      [out, r]
//	a       right factor                     [r, in]
//	bias    nil, or one number per output    [out]
//
// Cost: r (in + out) multiplications a row instead of in·out.
func (s Style) Factored(x, b, a, bias *Node) *Node {
	return s.Linear(s.Linear(x, a, nil), b, bias)
}

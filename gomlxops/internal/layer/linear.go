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
//
// Where W is of a narrower type than x, bfloat16 beside float32, x and dy are rounded to it before they are multiplied, the products are summed in x's
// type, and y and dx have that.
func (s Style) Linear(x, w, bias *Node) *Node {
	x.AssertRank(2)
	out, in := w.Shape().Dim(0), x.Shape().Dim(1)
	w.AssertDims(out, in)
	var y *Node
	if w.DType() != x.DType() {
		y = s.narrow(x, w)
	} else if y = DotGeneral(x, []int{1}, nil, w, []int{1}, nil); s.Manual {
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

// narrow is Linear without a bias for a W of a narrower type than x. Graph's own gradient would be of two types at once.
func (s Style) narrow(x, w *Node) *Node {
	product := func(a *Node, aAxis int, b *Node, bAxis int) *Node {
		y := Dot(ConvertDType(a, w.DType()), ConvertDType(b, w.DType())).WithAccumulatorDType(x.DType()).WithOutputDType(x.DType())
		return y.General([]int{aAxis}, nil, []int{bAxis}, nil)
	}
	return CustomVJP([]*Node{x, w}, product(x, 1, w, 1), func(dy *Node) []*Node {
		return []*Node{product(dy, 1, w, 0), ConvertDType(product(s.transpose(dy), 1, x, 0), w.DType())}
	})
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

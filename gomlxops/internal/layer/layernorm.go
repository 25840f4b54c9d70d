package layer

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// LayerNorm takes the mean from every row, scales it to unit variance, and then by g, and adds b.
//
//	symbol  meaning                          shape
//	x       input rows                       [N, D]
//	g, b    learnt scale and bias            [D]
//	μ       mean_j x_j                       [N, 1]
//	r       1/sqrt(mean_j (x_j − μ)² + ε)    [N, 1]
//	x̂       (x − μ)·r                        [N, D]
//	y       x̂·g + b                          [N, D]
//
// Backward, with t = dy·g:
//
//	dg = Σ_N dy·x̂        db = Σ_N dy
//	dx = r·(t − mean_j t_j − x̂·mean_j(t_j x̂_j))
//
// Means over rows are products with the backend's matrix kernel, which reads memory once.
//
// J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer Normalization", 2016, https://arxiv.org/abs/1607.06450, with the variance over all D
// (not D−1) and ε inside the root, as PyTorch has it.
func (s Style) LayerNorm(x, g, b *Node, eps float64) *Node {
	x.AssertRank(2)
	d := x.Shape().Dim(1)
	g.AssertDims(d)
	b.AssertDims(d)
	scale, bias := ExpandLeftToRank(g, 2), ExpandLeftToRank(b, 2)
	if !s.Manual {
		centred := Sub(x, ReduceAndKeep(x, ReduceMean, -1))
		variance := ReduceAndKeep(Square(centred), ReduceMean, -1)
		return Add(Mul(Div(centred, Sqrt(AddScalar(variance, eps))), scale), bias)
	}
	perDim := 1 / float64(d)
	ones := OnesLike(g)
	mean := func(v *Node) *Node {
		return ExpandAxes(MulScalar(DotGeneral(v, []int{1}, nil, ones, []int{0}, nil), perDim), -1)
	}
	meanProduct := func(v, w *Node) *Node {
		return ExpandAxes(MulScalar(DotGeneral(v, []int{1}, []int{0}, w, []int{1}, []int{0}), perDim), -1)
	}
	centred := Sub(x, mean(x))
	r := Reciprocal(Sqrt(AddScalar(meanProduct(centred, centred), eps)))
	unit := Mul(centred, r)
	return CustomVJP([]*Node{x, g, b}, Add(Mul(unit, scale), bias), func(dy *Node) []*Node {
		t := Mul(dy, scale)
		dx := Mul(Sub(Sub(t, mean(t)), Mul(unit, meanProduct(t, unit))), r)
		return []*Node{dx, ReduceSum(Mul(dy, unit), 0), ReduceSum(dy, 0)}
	})
}

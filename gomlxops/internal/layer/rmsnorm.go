package layer

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// RMSNorm scales every row to unit root mean square and then by g.
//
//	symbol  meaning                          shape
//	x       input rows                       [N, D]
//	g       learnt scale                     [D]
//	r       1/sqrt(mean_j x_j² + ε)          [N, 1]
//	x̂       x·r                              [N, D]
//	y       x̂·g                              [N, D]
//
// Backward, with t = dy·x̂:
//
//	dg = Σ_N t
//	dx = r·(dy·g − x̂·mean_j(t_j g_j))
//
// The mean square and the mean in dx are products with the backend's matrix kernel, which reads memory once.
//
// B. Zhang, R. Sennrich, "Root Mean Square Layer Normalization", NeurIPS 2019, https://arxiv.org/abs/1910.07467, with LLaMA's ε
// inside the root.
func (s Style) RMSNorm(x, g *Node, eps float64) *Node {
	x.AssertRank(2)
	d := x.Shape().Dim(1)
	g.AssertDims(d)
	scale := ExpandLeftToRank(g, 2)
	if !s.Manual {
		mean := ReduceAndKeep(Square(x), ReduceMean, -1)
		return Mul(Div(x, Sqrt(AddScalar(mean, eps))), scale)
	}
	perDim := 1 / float64(d)
	sumSq := ExpandAxes(DotGeneral(x, []int{1}, []int{0}, x, []int{1}, []int{0}), -1)
	r := Reciprocal(Sqrt(AddScalar(MulScalar(sumSq, perDim), eps)))
	unit := Mul(x, r)
	return CustomVJP([]*Node{x, g}, Mul(unit, scale), func(dy *Node) []*Node {
		t := Mul(dy, unit)
		m := ExpandAxes(MulScalar(DotGeneral(t, []int{1}, nil, g, []int{0}, nil), perDim), -1)
		dx := Mul(Sub(Mul(dy, scale), Mul(unit, m)), r)
		return []*Node{dx, ReduceSum(t, 0)}
	})
}

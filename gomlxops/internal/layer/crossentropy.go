package layer

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// CrossEntropy returns −ln p(target) of every row, in nats.
//
//	symbol  meaning                                 shape
//	l       logits                                  [N, V]
//	target  index of the right column, int32        [N]
//	m       largest logit of a row                  [N, 1]
//	e, z    exp(l − m) and its row sum              [N, V], [N, 1]
//	y       ln z − (l[target] − m)                  [N]
//
// The bracket matters: ln z + m would round ln z away where logits are large.
//
// Backward: dl = (e/z)·dy, and then −dy added at the N target places, so that no one-hot [N, V] array is ever made.
//
// A target outside [0, V) is not noticed here: check tokens before.
func (s Style) CrossEntropy(l, target *Node) *Node {
	l.AssertRank(2)
	n := l.Shape().Dim(0)
	target.AssertDims(n)
	rows := Iota(l.Graph(), shapes.Make(dtypes.Int32, n), 0)
	place := Stack([]*Node{rows, ConvertDType(target, dtypes.Int32)}, -1)
	m := StopGradient(ReduceAndKeep(l, ReduceMax, -1))
	e := Exp(Sub(l, m))
	z := ReduceAndKeep(e, ReduceSum, -1)
	y := Sub(Squeeze(Log(z), -1), Sub(Gather(l, place), Squeeze(m, -1)))
	if !s.Manual {
		return y
	}
	return CustomVJP([]*Node{l}, y, func(dy *Node) []*Node {
		p := Mul(e, Mul(Reciprocal(z), ExpandAxes(dy, -1)))
		return []*Node{ScatterSum(p, place, Neg(dy), true, true)}
	})
}

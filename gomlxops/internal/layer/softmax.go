package layer

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// farBelow is how far below the largest score of its head the largest of a row may be, for exponentials that are measured from the former:
// they then add up to at least exp(−60) = 9e-27, and what is too small for float32, 1e-38, does not count beside that.
const farBelow = 60

// exponentials returns what softmax over the keys is made of, for queries q [B, G, rep·m, hd] of chunk c, already divided by √hd, and the keys
// k [B, G, n, hd] that it may see.
//
//	symbol  meaning                                       shape
//	s       q kᵀ, −∞ where a query does not see a key     [B, G, rep·m, n]
//	e, z    exp(s − t) and its row sums                   [B, G, rep·m, n], [B, G, rep·m, 1]
//	t       the largest score of the row's head, seen     [B, G, rep·m, 1]
//	        or not, or the row's own largest
//
// On the Go backend the largest of each row takes longer than the exponentials, the largest of a whole head takes little. So t is the
// head's wherever none of its rows is far below that, which a query's score of its own token tells, since it always sees that one. What t
// is depends on the head alone, not on what else is in the batch. Numbers that are not finite come out as such either way.
func (a *Attention) exponentials(q, k *Node, c chunk) (e, z *Node) {
	s := matmulT(q, k)
	dims, rows := s.Shape().Dimensions, c.hi-c.lo
	heads := Reshape(s, a.d.Batch*a.d.Heads, rows*(c.hi-c.from))
	top := ReduceAndKeep(heads, ReduceMax, -1)
	own := GatherSlices(heads, []int{1}, c.own(s.Graph()), []int{1}, true)
	near := LessThan(Sub(top, ReduceMin(own, 0)), Scalar(s.Graph(), s.DType(), farBelow))
	s = Reshape(Add(heads, c.mask), dims...)
	each := func(x *Node) *Node { return BroadcastToDims(x, a.d.Batch*a.d.Heads, rows) }
	t := Where(each(near), each(top), Reshape(tops(s, LogicalAll(near)), a.d.Batch*a.d.Heads, rows))
	e = Exp(Sub(s, Reshape(t, dims[0], dims[1], dims[2], 1)))
	return e, ReduceAndKeep(e, ReduceSum, -1)
}

// tops returns the largest number of each row of s, or zeros where needless is true.
//
// What a branch of If reads must be needed after it too: compute v0.1.14 frees it twice otherwise.
func tops(s, needless *Node) *Node {
	dims := s.Shape().Clone()
	dims.Dimensions[3] = 1
	return If(needless,
		NewClosure(s.Graph(), func(g *Graph) []*Node { return []*Node{ConstTensor(g, tensors.FromShape(dims))} }),
		NewClosure(s.Graph(), func(*Graph) []*Node { return []*Node{ReduceAndKeep(s, ReduceMax, -1)} }))[0]
}

// own lists where, among the scores of a head, each query meets its own token, [hi-lo, 1].
func (c chunk) own(g *Graph) *Node {
	places := make([][]int32, c.hi-c.lo)
	for i := range places {
		places[i] = []int32{int32(i*(c.hi-c.from) + c.lo + i - c.from)}
	}
	return Const(g, places)
}

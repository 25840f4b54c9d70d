package layer

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// forward holds what one chunk's backward pass needs; the symbols are [Attention]'s.
type forward struct {
	chunk
	q  *Node // the chunk's queries, [B, G, rep·(hi-lo), hd]
	e  *Node // [B, G, rep·(hi-lo), hi-from]
	rz *Node // 1/z, [B, G, rep·(hi-lo), 1]
	o  *Node // [B, G, rep·(hi-lo), hd]
}

// manual is attention with the hand-written backward pass; q is already divided by √hd.
func (a *Attention) manual(q, k, v *Node) *Node {
	qh, kh, vh := a.split(q, a.d.Heads), a.split(k, a.d.KVHeads), a.split(v, a.d.KVHeads)
	parts := make([]forward, len(a.chunks))
	outs := make([]*Node, len(a.chunks))
	for i, c := range a.chunks {
		q := a.rows(qh, c)
		e, z := a.exponentials(q, a.tokens(kh, c.from, c.hi), c)
		rz := Reciprocal(z)
		o := Mul(matmul(e, a.tokens(vh, c.from, c.hi)), rz)
		parts[i] = forward{c, q, e, rz, o}
		outs[i] = a.ungroup(o, c)
	}
	y := a.join(concatenate(outs, 2), a.d.Heads)
	return CustomVJP([]*Node{q, k, v}, y, func(dy *Node) []*Node {
		return a.backward(parts, kh, vh, dy)
	})
}

// backward returns dq, dk and dv, in the shapes of q, k and v.
func (a *Attention) backward(parts []forward, kh, vh, dy *Node) []*Node {
	dh := a.split(dy, a.d.Heads)
	var dkT, dvT *Node // [B, G, hd, T], sums over chunks
	dqs := make([]*Node, len(parts))
	for i, p := range parts {
		d := Mul(a.rows(dh, p.chunk), p.rz)
		delta := ReduceAndKeep(Mul(d, p.o), ReduceSum, -1)
		ds := Mul(p.e, Sub(matmulT(d, a.tokens(vh, p.from, p.hi)), delta))
		dqs[i] = a.ungroup(matmul(ds, a.tokens(kh, p.from, p.hi)), p.chunk)
		dkT = a.accumulate(dkT, matmul(turn(p.q), ds), p.chunk)
		dvT = a.accumulate(dvT, matmul(turn(d), p.e), p.chunk)
	}
	return []*Node{a.join(concatenate(dqs, 2), a.d.Heads), a.joinT(dkT), a.joinT(dvT)}
}

// ungroup turns a chunk's [B, G, rep·(hi-lo), hd] into [B, H, hi-lo, hd].
func (a *Attention) ungroup(x *Node, c chunk) *Node {
	return Reshape(x, a.d.Batch, a.d.Heads, c.hi-c.lo, a.d.HeadDim)
}

// joinT brings the transposed key or value gradient x, [B, G, hd, T], back to [B·T, G·hd], by tiles of tokens as [Style.transpose] does it.
func (a *Attention) joinT(x *Node) *Node {
	b, width, n := a.d.Batch, a.d.KVHeads*a.d.HeadDim, a.d.Length
	const t = transposeTile
	if n%t != 0 {
		return TransposeAllAxes(Reshape(TransposeAllAxes(x, 1, 2, 0, 3), width, b*n), 1, 0)
	}
	tiles := TransposeAllAxes(Reshape(x, b, width, n/t, t), 0, 2, 1, 3)
	return Reshape(turn(tiles), b*n, width)
}

// accumulate adds a chunk's gradient, which covers the keys [from, hi), to the sum over all T keys.
func (a *Attention) accumulate(sum, x *Node, c chunk) *Node {
	if around := (PadAxis{Start: c.from, End: a.d.Length - c.hi}); around != (PadAxis{}) {
		x = Pad(x, ScalarZero(x.Graph(), x.DType()), PadAxis{}, PadAxis{}, PadAxis{}, around)
	}
	if sum == nil {
		return x
	}
	return Add(sum, x)
}

func concatenate(parts []*Node, axis int) *Node {
	if len(parts) == 1 {
		return parts[0]
	}
	return Concatenate(parts, axis)
}

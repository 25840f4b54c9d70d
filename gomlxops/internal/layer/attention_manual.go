package layer

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// forward holds what one chunk's backward pass needs; the symbols are [Attention]'s.
type forward struct {
	chunk
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
		s := a.scores(a.rows(qh, c), within(kh, 2, c.from, c.hi), c)
		e := Exp(Sub(s, ReduceAndKeep(s, ReduceMax, -1)))
		rz := Reciprocal(ReduceAndKeep(e, ReduceSum, -1))
		o := Mul(matmul(e, within(vh, 2, c.from, c.hi)), rz)
		parts[i] = forward{c, e, rz, o}
		outs[i] = a.ungroup(o, c)
	}
	y := a.join(concatenate(outs, 2), a.d.Heads)
	return CustomVJP([]*Node{q, k, v}, y, func(dy *Node) []*Node {
		return a.backward(parts, q, kh, vh, dy)
	})
}

// backward returns dq, dk and dv, in the shapes of q, k and v.
func (a *Attention) backward(parts []forward, q, kh, vh, dy *Node) []*Node {
	dz := a.overZ(parts, dy)
	dh, dT, qT := a.split(dz, a.d.Heads), a.splitT(dz), a.splitT(q)
	var dkT, dvT *Node // [B, G, hd, T], sums over chunks
	dqs := make([]*Node, len(parts))
	for i, p := range parts {
		d := a.rows(dh, p.chunk)
		delta := ReduceAndKeep(Mul(d, p.o), ReduceSum, -1)
		ds := Mul(p.e, Sub(matmulT(d, within(vh, 2, p.from, p.hi)), delta))
		dqs[i] = a.ungroup(matmul(ds, within(kh, 2, p.from, p.hi)), p.chunk)
		dkT = a.accumulate(dkT, matmul(a.columnsT(qT, p.chunk), ds), p.chunk)
		dvT = a.accumulate(dvT, matmul(a.columnsT(dT, p.chunk), p.e), p.chunk)
	}
	return []*Node{a.join(concatenate(dqs, 2), a.d.Heads), a.joinT(dkT), a.joinT(dvT)}
}

// overZ returns d = dy/z in dy's shape, [B·T, H·hd].
func (a *Attention) overZ(parts []forward, dy *Node) *Node {
	rzs := make([]*Node, len(parts))
	for i, p := range parts {
		rzs[i] = Reshape(p.rz, a.d.Batch, a.d.Heads, p.hi-p.lo, 1)
	}
	rz := TransposeAllAxes(concatenate(rzs, 2), 0, 2, 1, 3)
	n, h := a.d.Batch*a.d.Length, a.d.Heads
	return Reshape(Mul(Reshape(dy, n*h, a.d.HeadDim), Reshape(rz, n*h, 1)), n, h*a.d.HeadDim)
}

// ungroup turns a chunk's [B, G, rep·(hi-lo), hd] into [B, H, hi-lo, hd].
func (a *Attention) ungroup(x *Node, c chunk) *Node {
	return Reshape(x, a.d.Batch, a.d.Heads, c.hi-c.lo, a.d.HeadDim)
}

// splitT lays x, [B·T, H·hd], out by group and transposed, [B, G, hd, rep, T]. One 2-D transpose and one that keeps
// the last axis: the two that the Go backend does fast.
func (a *Attention) splitT(x *Node) *Node {
	rep := a.d.Heads / a.d.KVHeads
	xT := Reshape(a.style.transpose(x), a.d.KVHeads, rep, a.d.HeadDim, a.d.Batch, a.d.Length)
	return TransposeAllAxes(xT, 3, 0, 2, 1, 4)
}

// columnsT takes chunk c out of a splitT array: [B, G, hd, rep·(hi-lo)].
func (a *Attention) columnsT(x *Node, c chunk) *Node {
	rep := a.d.Heads / a.d.KVHeads
	return Reshape(within(x, 4, c.lo, c.hi), a.d.Batch, a.d.KVHeads, a.d.HeadDim, rep*(c.hi-c.lo))
}

// joinT brings the transposed key or value gradient x, [B, G, hd, T], back to [B·T, G·hd].
func (a *Attention) joinT(x *Node) *Node {
	xT := Reshape(TransposeAllAxes(x, 1, 2, 0, 3), a.d.KVHeads*a.d.HeadDim, a.d.Batch*a.d.Length)
	return TransposeAllAxes(xT, 1, 0)
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

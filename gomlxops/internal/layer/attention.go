package layer

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"
)

// Dims are the sizes of one call of attention.
type Dims struct {
	Batch, Length  int // sequences, and tokens of each
	Heads, KVHeads int // query heads, and key/value heads; the former is a multiple of the latter
	HeadDim        int // channels of a head
	Window         int // keys that a query sees, its own among them; 0: all before it
}

// Attention is causal self-attention, with rotary positions where it is given any; one serves all layers of a graph that have its
// dims.
//
//	symbol  meaning                                               shape
//	q       queries                                               [B·T, H·hd]
//	k, v    keys and values                                       [B·T, G·hd]
//	rep     query heads that share a key/value head, H/G
//	w       window: query i sees the keys j with i−w < j ≤ i; all j ≤ i without one
//	s       q kᵀ/√hd, −∞ where a query does not see a key         [B, G, rep·T, T]
//	e, z    exp(s − t) and its row sum, t as large as s or larger [B, G, rep·T, T], [B, G, rep·T, 1]
//	o       e v / z                                               [B, G, rep·T, hd]
//
// Key/value heads are never repeated in memory: the rep query heads of a group are the rows of one product.
//
// Backward of the manual form, with d = do/z and δ = Σ_hd d·o, which never needs e/z itself:
//
//	dv = eᵀ d      ds = e·(d vᵀ − δ)      dq = ds k/√hd      dk = dsᵀ q/√hd
//
// where the two products over rows are made as (dᵀ e)ᵀ and (qᵀ ds)ᵀ, so that only [T, hd] operands are transposed and never
// a [T, T] one.
//
// From 256 tokens on the manual form goes by chunks of queries, each against the keys up to its end: less than two thirds of
// the products and of the memory. Keys that no query of a chunk sees through its window are left out too.
//
// A. Vaswani et al., "Attention Is All You Need", NeurIPS 2017, eq. 1; groups: J. Ainslie et al., "GQA", EMNLP 2023,
// https://arxiv.org/abs/2305.13245; windows: A. Q. Jiang et al., "Mistral 7B", 2023, https://arxiv.org/abs/2310.06825, section 2.
type Attention struct {
	style  Style
	d      Dims
	q, k   *Rope // nil without rotary positions
	chunks []chunk
}

// chunk is the queries [lo, hi) of each sequence, which see the keys [from, hi) at most.
type chunk struct {
	from, lo, hi int
	mask         *Node // [1, (hi-lo)·(hi-from)]: 0, or masked where the query does not see the key
}

// masked is added to a score that must not count: far below any real score, finite so that no difference is NaN, and its
// exponential is exactly 0.
const masked = -1e30

// chunkFrom is the length from which chunks pay. Measured at 256 tokens, 8 heads of 32 channels (BenchmarkStep/peer, processor time, in turns): 5 percent
// of a step; at 1,024 a third.
const chunkFrom = 256

// NewAttention returns attention over sequences of dims d with positions r. tables are the nodes of [Style.Tables] of the same
// dims and positions, constants or parameters of the graph.
func (s Style) NewAttention(d Dims, r Rotary, tables []*Node) *Attention {
	d.assert(r)
	next := func() *Node {
		if len(tables) == 0 {
			exceptions.Panicf("layer: attention was given too few tables")
		}
		t := tables[0]
		tables = tables[1:]
		return t
	}
	a := &Attention{style: s, d: d}
	if len(r.Freq) > 0 {
		a.q, a.k = s.ropes(d, r, next)
	}
	for _, c := range s.chunks(d) {
		c.mask = next()
		a.chunks = append(a.chunks, c)
	}
	return a
}

// ropes builds the rotations of queries and of keys from the tables that next hands out.
func (s Style) ropes(d Dims, r Rotary, next func() *Node) (q, k *Rope) {
	cos, sin := next(), next()
	if !s.Manual {
		return &Rope{s, d, r, d.Heads, cos, sin, nil}, &Rope{s, d, r, d.KVHeads, cos, sin, nil}
	}
	turn := next()
	q = &Rope{s, d, r, d.Heads, cos, sin, turn}
	if d.KVHeads == d.Heads {
		return q, q
	}
	return q, &Rope{s, d, r, d.KVHeads, next(), next(), turn}
}

func chunkSize(s Style, length int) int {
	if !s.Manual || length < chunkFrom {
		return length
	}
	return min(256, (length+3)/4)
}

// chunks covers the queries by chunks of equal size, the last one perhaps shorter.
func (s Style) chunks(d Dims) (chunks []chunk) {
	size := chunkSize(s, d.Length)
	for lo := 0; lo < d.Length; lo += size {
		c := chunk{lo: lo, hi: min(lo+size, d.Length)}
		if d.Window > 0 {
			c.from = max(0, lo-d.Window+1)
		}
		chunks = append(chunks, c)
	}
	return chunks
}

// Apply turns q and k by their positions and returns the heads' outputs side by side, [B·T, H·hd].
func (a *Attention) Apply(q, k, v *Node) *Node {
	q, k = a.Turn(q, k)
	return a.Attend(q, k, v)
}

// Turn turns queries and keys by their positions.
func (a *Attention) Turn(q, k *Node) (*Node, *Node) {
	if a.q == nil {
		return q, k
	}
	return a.q.Apply(q), a.k.Apply(k)
}

// Attend is Apply for q and k that are turned already.
func (a *Attention) Attend(q, k, v *Node) *Node {
	n, d := a.d.Batch*a.d.Length, a.d
	q.AssertDims(n, d.Heads*d.HeadDim)
	k.AssertDims(n, d.KVHeads*d.HeadDim)
	v.AssertDims(n, d.KVHeads*d.HeadDim)
	q = MulScalar(q, 1/math.Sqrt(float64(d.HeadDim)))
	if a.style.Manual {
		return a.manual(q, k, v)
	}
	return a.plain(q, k, v)
}

// plain is the formula as it stands.
func (a *Attention) plain(q, k, v *Node) *Node {
	qh, kh, vh := a.split(q, a.d.Heads), a.split(k, a.d.KVHeads), a.split(v, a.d.KVHeads)
	c, n := a.chunks[0], a.d.Length
	s := matmulT(a.rows(qh, c), kh)
	s = Reshape(Add(Reshape(s, a.d.Batch*a.d.Heads, n*n), c.mask), s.Shape().Dimensions...)
	e := Exp(Sub(s, StopGradient(ReduceAndKeep(s, ReduceMax, -1))))
	p := Div(e, ReduceAndKeep(e, ReduceSum, -1))
	o := Reshape(matmul(p, vh), a.d.Batch, a.d.Heads, a.d.Length, a.d.HeadDim)
	return a.join(o, a.d.Heads)
}

// split lays x, [B·T, H·hd], out by heads, [B, H, T, hd].
func (a *Attention) split(x *Node, heads int) *Node {
	return TransposeAllAxes(Reshape(x, a.d.Batch, a.d.Length, heads, a.d.HeadDim), 0, 2, 1, 3)
}

// join is the inverse of split.
func (a *Attention) join(x *Node, heads int) *Node {
	return Reshape(TransposeAllAxes(x, 0, 2, 1, 3), a.d.Batch*a.d.Length, heads*a.d.HeadDim)
}

// rows takes the queries of chunk c out of x, [B, H, T, hd], grouped: [B, G, rep·(hi-lo), hd].
func (a *Attention) rows(x *Node, c chunk) *Node {
	rep := a.d.Heads / a.d.KVHeads
	return Reshape(a.tokens(x, c.lo, c.hi), a.d.Batch, a.d.KVHeads, rep*(c.hi-c.lo), a.d.HeadDim)
}

// tokens takes the tokens [lo, hi) out of x, [B, H, T, hd]. On the Go backend a gather copies each head's stretch at once, where a slice
// goes number by number.
func (a *Attention) tokens(x *Node, lo, hi int) *Node {
	if !a.style.Manual || hi-lo == a.d.Length {
		return within(x, 2, lo, hi)
	}
	return GatherSlices(x, []int{2}, Const(x.Graph(), []int32{int32(lo)}), []int{hi - lo}, true)
}

// within is x[…, lo:hi, …] along axis, and x itself where that is all of it.
func within(x *Node, axis, lo, hi int) *Node {
	if lo == 0 && hi == x.Shape().Dim(axis) {
		return x
	}
	return SliceAxis(x, axis, AxisRange(lo, hi))
}

// matmul is x y for each (sequence, group): [B, G, m, k] by [B, G, k, n].
func matmul(x, y *Node) *Node {
	return DotGeneral(x, []int{3}, []int{0, 1}, y, []int{2}, []int{0, 1})
}

// matmulT is x yᵀ for each (sequence, group): [B, G, m, k] by [B, G, n, k].
func matmulT(x, y *Node) *Node {
	return DotGeneral(x, []int{3}, []int{0, 1}, y, []int{3}, []int{0, 1})
}

package layer

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// Frequencies returns the inverse frequencies of rotary positions: theta^(−2j/hd) for 0 ≤ j < hd/2.
func Frequencies(theta float64, hd int) []float64 {
	f := make([]float64, hd/2)
	for j := range f {
		f[j] = math.Pow(theta, -2*float64(j)/float64(hd))
	}
	return f
}

// Rope rotates queries or keys by their position. One Rope serves all layers of a graph.
//
//	symbol  meaning                                           shape
//	x       queries or keys                                   [B·T, H·hd]
//	t       position in the sequence, from 0
//	f_j     inverse frequency of channel pair j               [hd/2]
//	c, s    cos(t f_j), sin(t f_j), for both halves of hd     [1, T·H·hd] manual, [1, T, 1, hd] plain
//	R       the quarter turn: x R = (−b, a) for x = (a, b)    [hd, hd]
//
// Channel j is paired with channel j+hd/2, as in Hugging Face checkpoints:
//
//	y = x·c + (x R)·s        dx = dy·c − (dy R)·s
//
// The manual form makes x R as a product with the constant R, exact because R holds one ±1 in each column: on the Go
// backend that is several times faster than slicing and joining halves.
//
// J. Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding", 2021, https://arxiv.org/abs/2104.09864, eq. 34.
type Rope struct {
	style    Style
	d        Dims
	heads    int
	cos, sin *Node
	turn     *Node
}

// newRope takes the tables that [Style.Tables] lists for heads heads.
func newRope(s Style, d Dims, heads int, cos, sin, turn *Node) *Rope {
	return &Rope{style: s, d: d, heads: heads, cos: cos, sin: sin, turn: turn}
}

// Apply rotates x, [B·T, H·hd].
func (r *Rope) Apply(x *Node) *Node {
	n, w := r.d.Batch*r.d.Length, r.heads*r.d.HeadDim
	x.AssertDims(n, w)
	if !r.style.Manual {
		x4 := Reshape(x, r.d.Batch, r.d.Length, r.heads, r.d.HeadDim)
		half := r.d.HeadDim / 2
		a, b := SliceAxis(x4, 3, AxisRange(0, half)), SliceAxis(x4, 3, AxisRange(half, r.d.HeadDim))
		turned := Concatenate([]*Node{Neg(b), a}, 3)
		return Reshape(Add(Mul(x4, r.cos), Mul(turned, r.sin)), n, w)
	}
	return CustomVJP([]*Node{x}, r.rotate(x, Add), func(dy *Node) []*Node {
		return []*Node{r.rotate(dy, Sub)}
	})
}

// rotate returns x·c ± (x R)·s, with tables laid out so that the backend broadcasts along the leading axis only.
func (r *Rope) rotate(x *Node, combine func(a, b *Node) *Node) *Node {
	n, w := x.Shape().Dim(0), x.Shape().Dim(1)
	turned := DotGeneral(Reshape(x, n*r.heads, r.d.HeadDim), []int{1}, nil, r.turn, []int{0}, nil)
	flat := func(v *Node) *Node { return Reshape(v, r.d.Batch, r.d.Length*w) }
	return Reshape(combine(Mul(flat(x), r.cos), Mul(flat(turned), r.sin)), n, w)
}

// ropeTables returns cos and sin for every position, head and channel, [T, heads, hd].
func ropeTables(d Dims, heads int, freq []float64) (cos, sin []float64) {
	for t := range d.Length {
		var c, s []float64
		for j := range d.HeadDim {
			y, x := math.Sincos(float64(t) * freq[j%len(freq)])
			c, s = append(c, x), append(s, y)
		}
		for range heads {
			cos, sin = append(cos, c...), append(sin, s...)
		}
	}
	return cos, sin
}

// quarterTurn returns R, [hd, hd]: (a, b) R = (−b, a).
func quarterTurn(hd int) []float64 {
	r, half := make([]float64, hd*hd), hd/2
	for j := range half {
		r[(j+half)*hd+j] = -1
		r[j*hd+j+half] = 1
	}
	return r
}

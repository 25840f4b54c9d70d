package layer

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// Rotary says how positions turn the channels of queries and keys. The zero value turns none.
//
// The first 2·len(Freq) channels of a head turn, in pairs; the others stay as they are.
type Rotary struct {
	Freq        []float64 // inverse frequency of each pair, radians a token
	Interleaved bool      // channel 2j is paired with 2j+1; otherwise j with j+len(Freq), as in most Hugging Face checkpoints
	Scale       float64   // multiplies what turns; 0 is 1
}

// Frequencies returns the inverse frequencies of rotary positions: theta^(−2j/n) for 0 ≤ j < n/2, for n channels that turn.
func Frequencies(theta float64, n int) []float64 {
	f := make([]float64, n/2)
	for j := range f {
		f[j] = math.Pow(theta, -2*float64(j)/float64(n))
	}
	return f
}

// Rope rotates queries or keys by their position. One Rope serves all layers of a graph that have its dims.
//
//	symbol  meaning                                           shape
//	x       queries or keys                                   [B·T, H·hd]
//	t       position in the sequence, from 0
//	f_j     inverse frequency of channel pair j
//	c, s    cos(t f_j), sin(t f_j), for both channels of a    [1, T·H·hd] manual, [1, T, 1, hd] plain
//	        pair; 1 and 0 for a channel that does not turn
//	R       the quarter turn: x R = (−b, a) for a pair        [hd, hd]
//	        x = (a, b), 0 for a channel that does not turn
//
//	y = x·c + (x R)·s        dx = dy·c − (dy R)·s
//
// The manual form makes x R as a product with the constant R, exact because R holds at most one ±1 in each column: on the Go
// backend that is several times faster than slicing and joining halves.
//
// J. Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding", 2021, https://arxiv.org/abs/2104.09864, eq. 34.
type Rope struct {
	style    Style
	d        Dims
	rotary   Rotary
	heads    int
	cos, sin *Node
	turn     *Node // R; nil in the plain form
}

// Apply rotates x, [B·T, H·hd].
func (r *Rope) Apply(x *Node) *Node {
	n, w := r.d.Batch*r.d.Length, r.heads*r.d.HeadDim
	x.AssertDims(n, w)
	if !r.style.Manual {
		x4 := Reshape(x, r.d.Batch, r.d.Length, r.heads, r.d.HeadDim)
		return Reshape(Add(Mul(x4, r.cos), Mul(r.rotary.quarter(x4), r.sin)), n, w)
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

// quarter turns each pair of x, [B, T, H, hd], by a right angle. Channels that do not turn come out as they are: their sine is 0.
func (r Rotary) quarter(x *Node) *Node {
	half, hd := len(r.Freq), x.Shape().Dim(3)
	var parts []*Node
	if r.Interleaved {
		pairs := Reshape(within(x, 3, 0, 2*half), append(x.Shape().Dimensions[:3:3], half, 2)...)
		a, b := within(pairs, 4, 0, 1), within(pairs, 4, 1, 2)
		parts = []*Node{Reshape(Concatenate([]*Node{Neg(b), a}, 4), append(x.Shape().Dimensions[:3:3], 2*half)...)}
	} else {
		parts = []*Node{Neg(within(x, 3, half, 2*half)), within(x, 3, 0, half)}
	}
	if 2*half < hd {
		parts = append(parts, within(x, 3, 2*half, hd))
	}
	return concatenate(parts, 3)
}

// Pair returns the two channels of pair j, of a head.
func (r Rotary) Pair(j int) (a, b int) {
	if r.Interleaved {
		return 2 * j, 2*j + 1
	}
	return j, j + len(r.Freq)
}

// angles returns c and s for every position, head and channel, [T, heads, hd].
func (r Rotary) angles(d Dims, heads int) (cos, sin []float64) {
	scale := r.Scale
	if scale == 0 {
		scale = 1
	}
	for t := range d.Length {
		c, s := make([]float64, d.HeadDim), make([]float64, d.HeadDim)
		for i := range c {
			c[i] = 1
		}
		for j, f := range r.Freq {
			a, b := r.Pair(j)
			y, x := math.Sincos(float64(t) * f)
			c[a], s[a] = scale*x, scale*y
			c[b], s[b] = c[a], s[a]
		}
		for range heads {
			cos, sin = append(cos, c...), append(sin, s...)
		}
	}
	return cos, sin
}

// quarterTurn returns R, [hd, hd].
func (r Rotary) quarterTurn(hd int) []float64 {
	turn := make([]float64, hd*hd)
	for j := range r.Freq {
		a, b := r.Pair(j)
		turn[b*hd+a] = -1
		turn[a*hd+b] = 1
	}
	return turn
}

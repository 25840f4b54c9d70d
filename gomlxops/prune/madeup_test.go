package prune_test

import (
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/parelab/pare/gomlxops/prune"
)

// linear is x Wᵀ for x [n, in] and w [out, in].
func linear(x, w *Node) *Node { return DotGeneral(x, []int{1}, nil, w, []int{1}, nil) }

// span is columns lo to hi of x, [n, …].
func span(x *Node, lo, hi int) *Node { return SliceAxis(x, 1, AxisRange(lo, hi)) }

// softmax is over the last axis.
func softmax(x *Node) *Node {
	e := Exp(Sub(x, ReduceAndKeep(x, ReduceMax, -1)))
	return Div(e, ReduceAndKeep(e, ReduceSum, -1))
}

// evenOdd turns pairs of neighbouring channels, x [b, t, heads, d], by a table of constants.
func evenOdd(x *Node) *Node {
	b, t, h, d := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	angles := ConstTensor(x.Graph(), tensors.FromFlatDataAndDimensions(make([]float32, t*d/2), 1, t, 1, d/2))
	pairs := Reshape(x, b, t, h, d/2, 2)
	even := Reshape(Slice(pairs, AxisRange(), AxisRange(), AxisRange(), AxisRange(), AxisRange(0, 1)), b, t, h, d/2)
	odd := Reshape(Slice(pairs, AxisRange(), AxisRange(), AxisRange(), AxisRange(), AxisRange(1, 2)), b, t, h, d/2)
	re := Sub(Mul(even, Cos(angles)), Mul(odd, Sin(angles)))
	im := Add(Mul(even, Sin(angles)), Mul(odd, Cos(angles)))
	return Reshape(Stack([]*Node{re, im}, -1), b, t, h, d)
}

const b, t = 2, 3 // sequences and tokens in what follows

// norm is a layer norm with gain and bias.
func norm(x, gain, bias *Node) *Node {
	x = Sub(x, ReduceAndKeep(x, ReduceMean, -1))
	x = Div(x, Sqrt(AddScalar(ReduceAndKeep(Square(x), ReduceMean, -1), 1e-5)))
	return Add(Mul(x, ExpandLeftToRank(gain, 2)), ExpandLeftToRank(bias, 2))
}

// TestParallelMultiQuery: a block that pare has no family for. Attention and a gated MLP stand side by side behind one norm; four query heads share
// one key-value head; one matrix makes queries, keys, values and both halves of the MLP; rotary positions turn neighbouring channels.
func TestParallelMultiQuery(t *testing.T) {
	const dim, heads, hd, ffn = 12, 4, 6, 10
	const q, k, v, gate, up = 0, heads * hd, heads*hd + hd, heads*hd + 2*hd, heads*hd + 2*hd + ffn
	g, err := prune.Trace([]prune.Operand{{Name: "x", Shape: []int{b * 3, dim}, Data: true}, {Name: "gain", Shape: []int{dim}}, {Name: "bias", Shape: []int{dim}},
		{Name: "fused", Shape: []int{up + ffn, dim}}, {Name: "o", Shape: []int{dim, heads * hd}}, {Name: "down", Shape: []int{dim, ffn}}},
		func(in []*Node) []*Node {
			x, gain, bias, fused, o, down := in[0], in[1], in[2], in[3], in[4], in[5]
			all := linear(norm(x, gain, bias), fused)
			query := evenOdd(Reshape(span(all, q, k), b, 3, heads, hd))
			key := evenOdd(Reshape(span(all, k, v), b, 3, 1, hd))
			scores := DotGeneral(query, []int{3}, []int{0}, Reshape(key, b, 3, hd), []int{2}, []int{0}) // [b, t, heads, t]
			read := DotGeneral(softmax(scores), []int{3}, []int{0}, Reshape(span(all, v, gate), b, 3, hd), []int{1}, []int{0})
			attended := linear(Reshape(read, b*3, heads*hd), o)
			a := span(all, gate, up)
			mid := Mul(Mul(a, Sigmoid(a)), span(all, up, up+ffn))
			return []*Node{Add(Add(x, attended), linear(mid, down))}
		})
	if err != nil {
		t.Fatal(err)
	}
	only(t, g, prune.Heads, 0) // there is one key-value head: without it there is no attention
	for i, group := range only(t, g, prune.QueryHeads, 1)[0].Groups {
		same(t, "query head", group, member("fused", 0, indices(i*hd, (i+1)*hd)...), member("o", 1, indices(i*hd, (i+1)*hd)...))
	}
	for i, group := range only(t, g, prune.Channels, 1)[0].Groups {
		same(t, "channel", group, member("fused", 0, gate+i, up+i), member("down", 1, i))
	}
	for i, group := range only(t, g, prune.Hidden, 1)[0].Groups {
		same(t, "hidden", group, member("gain", 0, i), member("bias", 0, i), member("fused", 1, i), member("o", 0, i), member("down", 0, i))
	}
	for _, d := range only(t, g, prune.Parts, 2) { // the even and the odd ones
		if d.Fixed == "" {
			t.Errorf("%v can be cut", d.Slots)
		}
	}
	turned := only(t, g, prune.HeadChannels, 2)
	if turned[0].Fixed == "" {
		t.Error("a table of angles does not hold the turned channels")
	}
	for i, group := range turned[0].Groups { // pairs, in every query head and in the key
		var rows []int
		for h := range heads + 1 {
			rows = append(rows, h*hd+2*i, h*hd+2*i+1)
		}
		same(t, "pair", group, member("fused", 0, rows...))
	}
	for i, group := range turned[1].Groups {
		var columns []int
		for h := range heads {
			columns = append(columns, h*hd+i)
		}
		same(t, "value channel", group, member("fused", 0, v+i), member("o", 1, columns...))
	}
	if n := len(turned[0].Groups) + len(turned[1].Groups) + len(g.Of(prune.Channels)[0].Groups) + len(g.Of(prune.Hidden)[0].Groups) + len(g.Of(prune.QueryHeads)[0].Groups); n != hd/2+hd+ffn+dim+heads {
		t.Errorf("checked %d groups, expected %d", n, hd/2+hd+ffn+dim+heads)
	}
	if len(g.Branches) != 2 || strings.Join(g.Branches[0].Weights, " ") != "o" || strings.Join(g.Branches[1].Weights, " ") != "down" {
		t.Errorf("branches %v: expected attention's and the MLP's, each with the weight that only it reads", g.Branches)
	}
}

// TestInterleavedRepeated: queries, keys and values of a head lie together in one matrix, and keys and values are repeated in memory for the
// query heads that share them.
func TestInterleavedRepeated(t *testing.T) {
	const dim, kv, rep, hd = 16, 3, 2, 4
	const each = (rep + 2) * hd // rows of a key-value head: its query heads, its key, its value
	g, err := prune.Trace([]prune.Operand{{Name: "x", Shape: []int{b * 3, dim}, Data: true}, {Name: "qkv", Shape: []int{kv * each, dim}}, {Name: "bias", Shape: []int{kv * each}},
		{Name: "o", Shape: []int{dim, kv * rep * hd}}},
		func(in []*Node) []*Node {
			all := Reshape(Add(linear(in[0], in[1]), ExpandLeftToRank(in[2], 2)), b, 3, kv, each)
			part := func(lo, hi int) *Node { return SliceAxis(all, 3, AxisRange(lo, hi)) }
			repeat := func(x *Node) *Node { // [b, t, kv, hd] to [b, t, kv·rep, hd]
				return Reshape(BroadcastToDims(Reshape(x, b, 3, kv, 1, hd), b, 3, kv, rep, hd), b, 3, kv*rep, hd)
			}
			q := Reshape(part(0, rep*hd), b, 3, kv*rep, hd)
			k, v := repeat(part(rep*hd, (rep+1)*hd)), repeat(part((rep+1)*hd, each))
			scores := DotGeneral(q, []int{3}, []int{0, 2}, k, []int{3}, []int{0, 2})
			seen := LowerTriangular(in[0].Graph(), 3)
			scores = Where(BroadcastToShape(Reshape(seen, 1, 1, 3, 3), shapes.Make(dtypes.Bool, scores.Shape().Dimensions...)), scores, Scalar(in[0].Graph(), dtypes.Float32, -1e9))
			read := DotGeneral(softmax(scores), []int{3}, []int{0, 1}, v, []int{1}, []int{0, 2}) // [b, heads, t, hd]
			read = Reshape(TransposeAllAxes(read, 0, 2, 1, 3), b*3, kv*rep*hd)
			return []*Node{Add(linear(read, in[3]), in[0])}
		})
	if err != nil {
		t.Fatal(err)
	}
	for i, group := range only(t, g, prune.Heads, 1)[0].Groups {
		rows := indices(i*each, (i+1)*each)
		same(t, "head", group, member("qkv", 0, rows...), member("bias", 0, rows...), member("o", 1, indices(i*rep*hd, (i+1)*rep*hd)...))
	}
	for i, group := range only(t, g, prune.QueryHeads, 1)[0].Groups {
		var rows, columns []int
		for h := range kv {
			rows = append(rows, indices(h*each+i*hd, h*each+(i+1)*hd)...)
			columns = append(columns, indices((h*rep+i)*hd, (h*rep+i+1)*hd)...)
		}
		same(t, "query head", group, member("qkv", 0, rows...), member("bias", 0, rows...), member("o", 1, columns...))
	}
	if n := len(g.Of(prune.Heads)[0].Groups) + len(g.Of(prune.QueryHeads)[0].Groups); n != kv+rep {
		t.Errorf("%d heads and query heads, expected %d", n, kv+rep)
	}
	if len(g.Branches) != 1 || len(g.Branches[0].Weights) != 3 {
		t.Errorf("branches %v: expected one with three weights", g.Branches)
	}
}

// TestConcatenated: two paths of different widths, one of them turned round, side by side in front of one matrix, whose output meets the input
// by a product and not by a sum.
func TestConcatenated(t *testing.T) {
	const dim, wide, narrow = 6, 5, 3
	g, err := prune.Trace([]prune.Operand{{Name: "x", Shape: []int{7, dim}, Data: true}, {Name: "a", Shape: []int{wide, dim}}, {Name: "b", Shape: []int{dim, narrow}},
		{Name: "scale", Shape: []int{narrow}}, {Name: "c", Shape: []int{dim, wide + narrow}}},
		func(in []*Node) []*Node {
			left := Tanh(linear(in[0], in[1]))
			right := Mul(Dot(in[0], in[2]).Product(), ExpandLeftToRank(in[3], 2)) // stored the other way about
			both := Concatenate([]*Node{left, Reverse(right, 1)}, 1)
			return []*Node{Mul(in[0], linear(both, in[4]))}
		})
	if err != nil {
		t.Fatal(err)
	}
	dims := only(t, g, prune.Channels, 3) // the input's channels too: nothing carries them past a branch
	checked := 0
	for _, d := range dims {
		for i, group := range d.Groups {
			checked++
			switch len(d.Groups) {
			case dim:
				same(t, "input", group, member("a", 1, i), member("b", 0, i), member("c", 0, i))
			case wide:
				same(t, "left", group, member("a", 0, i), member("c", 1, i))
			case narrow:
				same(t, "right", group, member("b", 1, i), member("scale", 0, i), member("c", 1, wide+narrow-1-i))
			}
		}
	}
	if checked != dim+wide+narrow || len(g.Branches) != 0 {
		t.Errorf("checked %d groups of %d; branches %v", checked, dim+wide+narrow, g.Branches)
	}
}

// TestLearntPositions: a table of positions is as long as the data says, and its columns are the stream's.
func TestLearntPositions(t *testing.T) {
	g, err := prune.Trace([]prune.Operand{{Name: "tokens", Shape: []int{b, 3}, Data: true, Int: true}, {Name: "words", Shape: []int{11, 4}}, {Name: "positions", Shape: []int{8, 4}},
		{Name: "w", Shape: []int{4, 4}}},
		func(in []*Node) []*Node {
			x := Add(Gather(in[1], Reshape(in[0], b, 3, 1)), ExpandLeftToRank(Slice(in[2], AxisRange(0, 3)), 3))
			x = Reshape(x, b*3, 4)
			return []*Node{Add(x, linear(x, in[3]))}
		})
	if err != nil {
		t.Fatal(err)
	}
	for i, group := range only(t, g, prune.Hidden, 1)[0].Groups {
		same(t, "hidden", group, member("words", 1, i), member("positions", 1, i), member("w", 0, i), member("w", 1, i))
	}
	for _, d := range only(t, g, prune.Indexed, 2) {
		if d.Fixed == "" {
			t.Errorf("%v can be cut", d.Slots)
		}
	}
}

// TestUncovered names the operation that no rule covers.
func TestUncovered(t *testing.T) {
	x := []prune.Operand{{Name: "x", Shape: []int{2, 6}, Data: true}, {Name: "w", Shape: []int{6, 6}}}
	for name, build := range map[string]func(x, w *Node) *Node{
		"ArgMinMax":    func(x, w *Node) *Node { return ArgMax(linear(x, w), 1) },
		"ReduceWindow": func(x, w *Node) *Node { return MaxPool(Reshape(linear(x, w), 2, 6, 1)).Window(2).Done() },
	} {
		_, err := prune.Trace(x, func(in []*Node) []*Node { return []*Node{build(in[0], in[1])} })
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: expected an error that names it, found %v", name, err)
		}
	}
	if _, err := prune.Trace(x, func(in []*Node) []*Node { return []*Node{Dot(in[0], Transpose(in[1], 0, 1)).Product()} }); err != nil {
		t.Error(err)
	}
	if _, err := prune.Trace(append(x, x[0]), func(in []*Node) []*Node { return in }); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("two operands of one name: %v", err)
	}
	if _, err := prune.Trace(x, func([]*Node) []*Node { return nil }); err == nil {
		t.Error("a computation without a result")
	}
}

// TestTied: a reshape that cuts across heads ties what it touches together, and nothing can be cut.
func TestTied(t *testing.T) {
	g, err := prune.Trace([]prune.Operand{{Name: "x", Shape: []int{2, 5}, Data: true}, {Name: "w", Shape: []int{24, 5}}, {Name: "u", Shape: []int{6, 3}}},
		func(in []*Node) []*Node {
			y := linear(in[0], in[1])
			four := ReduceSum(Reshape(y, 2, 4, 6), 1)
			six := ReduceSum(Reshape(y, 2, 6, 4), 2)
			return []*Node{linear(Add(four, six), Transpose(in[2], 0, 1))}
		})
	if err != nil {
		t.Fatal(err)
	}
	d := only(t, g, prune.Channels, 3)[0]
	if d.Fixed == "" || len(d.Groups) != 1 {
		t.Errorf("%d groups, %q: expected one that cannot be cut", len(d.Groups), d.Fixed)
	}
	same(t, "tied", d.Groups[0], member("w", 0, indices(0, 24)...), member("u", 0, indices(0, 6)...))
}

// TestNested: two paths that are laid out by six and by two meet element by element, in either order: the finer one splits the other.
func TestNested(t *testing.T) {
	const dim, six, two, inner = 5, 6, 2, 4
	for _, finerFirst := range []bool{true, false} {
		g, err := prune.Trace([]prune.Operand{{Name: "x", Shape: []int{7, dim}, Data: true}, {Name: "a", Shape: []int{six * inner, dim}}, {Name: "b", Shape: []int{six * inner, dim}},
			{Name: "six", Shape: []int{six}}, {Name: "two", Shape: []int{two}}},
			func(in []*Node) []*Node {
				scaled := func(w, s *Node) *Node {
					n := s.Shape().Dim(0)
					y := Reshape(linear(in[0], w), 7, n, six*inner/n)
					return Reshape(Mul(y, Reshape(s, 1, n, 1)), 7, six*inner)
				}
				p, q := scaled(in[1], in[3]), scaled(in[2], in[4])
				if !finerFirst {
					p, q = q, p
				}
				return []*Node{Mul(p, q)}
			})
		if err != nil {
			t.Fatal(err)
		}
		checked := 0
		for _, d := range only(t, g, prune.Channels, 4) {
			for i, group := range d.Groups {
				checked++
				every := func(groups ...int) (rows []int) { // rows of groups of inner
					for _, j := range groups {
						rows = append(rows, indices(j*inner, (j+1)*inner)...)
					}
					return rows
				}
				switch len(d.Groups) {
				case dim:
					same(t, "input", group, member("a", 1, i), member("b", 1, i))
				case two:
					rows := every(3*i, 3*i+1, 3*i+2)
					same(t, "outer", group, member("a", 0, rows...), member("b", 0, rows...), member("six", 0, 3*i, 3*i+1, 3*i+2), member("two", 0, i))
				case six / two:
					rows := every(i, i+3)
					same(t, "middle", group, member("a", 0, rows...), member("b", 0, rows...), member("six", 0, i, i+3))
				case inner:
					rows := []int{i, i + 4, i + 8, i + 12, i + 16, i + 20}
					same(t, "inner", group, member("a", 0, rows...), member("b", 0, rows...))
				}
			}
		}
		if checked != dim+two+six/two+inner {
			t.Errorf("checked %d groups", checked)
		}
	}
}

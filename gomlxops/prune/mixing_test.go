package prune_test

import (
	"strings"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/parelab/pare/gomlxops/prune"
)

// TestTokensMixed: a block that pare has no family for. Tokens look at those before and after them by shifts, a running sum and a convolution for each channel; values
// are sorted over the tokens, and clamped. Channels stay apart all the way, so they are what can be cut.
func TestTokensMixed(t *testing.T) {
	const dim, wide, tokens, kernel = 6, 10, 5, 3
	g, err := prune.Trace([]prune.Operand{{Name: "x", Shape: []int{b * tokens, dim}, Data: true}, {Name: "in", Shape: []int{wide, dim}}, {Name: "gate", Shape: []int{wide, dim}},
		{Name: "conv", Shape: []int{kernel, 1, wide}}, {Name: "low", Shape: []int{wide}}, {Name: "out", Shape: []int{dim, wide}}},
		func(in []*Node) []*Node {
			x, g := in[0], in[0].Graph()
			y := Reshape(linear(x, in[1]), b, tokens, wide)
			zero := ScalarZero(g, y.DType())
			before := SliceAxis(Pad(y, zero, compute.PadAxis{}, compute.PadAxis{Start: 1}, compute.PadAxis{}), 1, AxisRange(0, tokens))
			after := SliceAxis(Pad(y, zero, compute.PadAxis{}, compute.PadAxis{End: 2}), 1, AxisRange(2, tokens+2))
			y = Add(Sub(Sub(y, before), after), CumSum(y, 1))
			y = Convolve(y, in[3]).ChannelGroupCount(wide).PaddingPerDim([][2]int{{kernel - 1, 0}}).Done()
			y = Clip(y, BroadcastToShape(Reshape(in[4], 1, 1, wide), y.Shape()), OnePlus(ZerosLike(y)))
			y = Mul(Sort(y, 1, true), Sigmoid(Reshape(linear(x, in[2]), b, tokens, wide)))
			return []*Node{Add(x, linear(Reshape(y, b*tokens, wide), in[5]))}
		})
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for i, group := range only(t, g, prune.Channels, 1)[0].Groups {
		same(t, "channel", group, member("in", 0, i), member("gate", 0, i), member("conv", 2, i), member("low", 0, i), member("out", 1, i))
		checked++
	}
	for i, group := range only(t, g, prune.Hidden, 1)[0].Groups {
		same(t, "hidden", group, member("in", 1, i), member("gate", 1, i), member("out", 0, i))
		checked++
	}
	if d := only(t, g, prune.Parts, 1)[0]; d.Fixed == "" || len(d.Groups) != kernel || d.Slots[0] != (prune.Slot{Weight: "conv", Axis: 0}) {
		t.Errorf("the places of the kernel: %v", d)
	}
	if checked != wide+dim || len(g.Branches) != 1 {
		t.Errorf("checked %d groups, branches %v", checked, g.Branches)
	}
}

// TestConvolution: a convolution over all channels is a product: what it makes is apart from what it reads.
func TestConvolution(t *testing.T) {
	const dim, wide, tokens = 4, 7, 6
	g, err := prune.Trace([]prune.Operand{{Name: "x", Shape: []int{b, tokens, dim}, Data: true}, {Name: "first", Shape: []int{3, dim, wide}}, {Name: "second", Shape: []int{1, wide, dim}}},
		func(in []*Node) []*Node {
			return []*Node{Add(in[0], Convolve(Tanh(Convolve(in[0], in[1]).PadSame().Done()), in[2]).Done())}
		})
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for i, group := range only(t, g, prune.Channels, 1)[0].Groups {
		same(t, "channel", group, member("first", 2, i), member("second", 1, i))
		checked++
	}
	for i, group := range only(t, g, prune.Hidden, 1)[0].Groups {
		same(t, "hidden", group, member("first", 1, i), member("second", 2, i))
		checked++
	}
	if checked != wide+dim || len(g.Branches) != 1 {
		t.Errorf("checked %d groups, branches %v", checked, g.Branches)
	}
}

// TestMixedLater: what was mixed along tokens turns out to be a weight's axis afterwards: a table of positions as long as the text.
func TestMixedLater(t *testing.T) {
	g, err := prune.Trace([]prune.Operand{{Name: "x", Shape: []int{5, 4}, Data: true}, {Name: "positions", Shape: []int{5, 4}}},
		func(in []*Node) []*Node { return []*Node{Add(CumSum(in[0], 0), in[1])} })
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, d := range g.Dimensions {
		if d.Slots[0].Axis == 0 {
			checked++
			if !strings.Contains(d.Fixed, "mixes") {
				t.Errorf("rows of positions: %q", d.Fixed)
			}
		} else if d.Fixed != "" {
			t.Errorf("columns of positions: %q", d.Fixed)
		}
	}
	if checked != 1 {
		t.Errorf("checked %d", checked)
	}
}

// TestMixedChannels: along channels the same operations are refused, each by its name, and so are convolutions between the two kinds.
func TestMixedChannels(t *testing.T) {
	operands := []prune.Operand{{Name: "x", Shape: []int{2, 6}, Data: true}, {Name: "w", Shape: []int{6, 6}}}
	three := func(x *Node) *Node { return Reshape(x, 1, 2, 6) }
	checked := 0
	for want, build := range map[string]func(x, w *Node) *Node{
		"CumSum has no rule along an axis of weights": func(x, w *Node) *Node { return CumSum(linear(x, w), 1) },
		"Sort has no rule along an axis of weights":   func(x, w *Node) *Node { return Sort(linear(x, w), 1, true) },
		"Pad has no rule along an axis of weights": func(x, w *Node) *Node {
			return Pad(linear(x, w), ScalarZero(x.Graph(), x.DType()), compute.PadAxis{}, compute.PadAxis{End: 1})
		},
		"ConvGeneral has no rule along an axis of weights": func(x, w *Node) *Node {
			return Convolve(Reshape(linear(x, w), 2, 6, 1), Reshape(w, 36, 1, 1)).PadSame().Done()
		},
		"ConvGeneral has no rule in 2 groups of channels": func(x, w *Node) *Node {
			return Convolve(three(x), Reshape(w, 2, 3, 6)).ChannelGroupCount(2).PadSame().Done()
		},
		"ConvGeneral has no rule with a kernel that the data makes": func(x, w *Node) *Node {
			return Convolve(three(linear(x, w)), Reshape(x, 1, 6, 2)).Done()
		},
	} {
		checked++
		_, err := prune.Trace(operands, func(in []*Node) []*Node { return []*Node{build(in[0], in[1])} })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("expected an error with %q, found %v", want, err)
		}
	}
	if checked != 6 {
		t.Errorf("checked %d", checked)
	}
}

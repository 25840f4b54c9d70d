package prune

import (
	"slices"

	"github.com/parelab/pare/gomlxops/transformer"
)

// Holding says how a linear is held where that is not as its model's configuration says: as factors B [out, r] and A [r, in].
type Holding struct {
	Rank int  // r; 0 is dense
	Bias bool // beside the factors
}

// Holdings lists the linears of v that are held as factors, by name.
func Holdings(v *transformer.Variant) map[string]Holding {
	all := make(map[string]Holding)
	for _, l := range v.Model().Linears() {
		parts := v.Held(l).Parts()
		if len(parts) > 1 && parts[0].Suffix == partA {
			all[l.Name] = Holding{parts[0].Shape[0], len(parts) > 2}
		}
	}
	return all
}

// numbers counts what a linear holds:
//
//	min(out·in, r·(out + in)), and out of a bias
//
// since [Cut] multiplies factors out that would hold no fewer numbers than the matrix.
func (h Holding) numbers(out, in int, bias bool) int {
	n := out * in
	if h.Rank > 0 {
		n, bias = min(n, h.Rank*(out+in)), h.Bias
	}
	if bias {
		n += out
	}
	return n
}

// counter counts the numbers in the linears of one layer's attention, by its heads, or of its MLP, by its channels.
type counter []counted

// counted is a linear that has out rows and in columns for no units, and more for each unit.
type counted struct {
	Holding
	bias                   bool
	out, in, perOut, perIn int
}

// newCounter looks at layer l of a model of configuration c with one more unit.
func newCounter(c *transformer.Config, l int, channels bool, holdings map[string]Holding) (all counter) {
	units, queries := Units(c, l)
	was, more := c.Shape(l), c.Shape(l)
	switch {
	case channels:
		units, more.MLP = was.MLP, was.MLP+1
	case queries:
		more.Heads++
	default:
		more.Heads, more.KVHeads = was.Heads+was.Heads/was.KVHeads, was.KVHeads+1
	}
	now, then := ofLayer(c, l, was), ofLayer(c, l, more)
	for i, n := range now {
		if site := n.Kind.Site(); channels == (site == transformer.MLPIn || site == transformer.MLPMid) {
			perOut, perIn := then[i].Out-n.Out, then[i].In-n.In
			all = append(all, counted{holdings[n.Name], n.Bias, n.Out - units*perOut, n.In - units*perIn, perOut, perIn})
		}
	}
	return all
}

// ofLayer lists the linears of layer l, had it the given shape.
func ofLayer(c *transformer.Config, l int, s transformer.Shape) []transformer.Linear {
	other := *c
	other.Shapes = make([]transformer.Shape, c.Layers)
	for i := range other.Shapes {
		other.Shapes[i] = c.Shape(i)
	}
	other.Shapes[l] = s
	return slices.DeleteFunc(other.Linears(), func(x transformer.Linear) bool { return x.Layer != l })
}

// of counts what so many units leave.
func (c counter) of(units int) (n int) {
	for _, l := range c {
		n += l.numbers(l.out+units*l.perOut, l.in+units*l.perIn, l.bias)
	}
	return n
}

package export

import (
	"fmt"
	"strconv"
)

// onnxGraph is a graph under way. Values are named by text.
type onnxGraph struct {
	body    message // of GraphProto
	values  int
	known   map[string]string // constants by what they hold
	weights []onnxWeight
	kind    onnxType // of weights
	at      int64    // end of the weights so far
}

// onnxWeight is a tensor of the file of weights.
type onnxWeight struct {
	name string
	dims []int
	at   int64
	kind onnxType
	read func(dst []float32) error
}

// onnxAlignment is where weights begin in their file: pages, so that it can be mapped.
const onnxAlignment = 4096

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// attribute of a node.
type attribute struct {
	name  string
	value any
}

// node adds an operator and returns its result. attributes stand among the inputs.
func (g *onnxGraph) node(op string, parts ...any) string {
	var n message
	var attributes []message
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			n.text(1, p)
		case attribute:
			attributes = append(attributes, onnxAttribute(p.name, p.value))
		}
	}
	g.values++
	out := fmt.Sprintf("v%d", g.values)
	n.text(2, out)
	n.text(3, fmt.Sprintf("%s_%d", op, g.values))
	n.text(4, op)
	for _, a := range attributes {
		n.raw(5, a)
	}
	g.body.raw(1, n)
	return out
}

// constant is a small tensor: a scalar of []float32, or a list of []int64 and []float64.
func (g *onnxGraph) constant(values any, dims ...int64) string {
	what := fmt.Sprintf("%T %v %v", values, values, dims)
	if name, ok := g.known[what]; ok {
		return name
	}
	name := fmt.Sprintf("c%d", len(g.known))
	g.known[what] = name
	g.body.raw(5, onnxConstant(name, values, dims...))
	return name
}

func (g *onnxGraph) scalar(x float64) string { return g.constant([]float32{float32(x)}) }
func (g *onnxGraph) ints(values ...int64) string {
	return g.constant(values, int64(len(values)))
}
func (g *onnxGraph) integer(n int64) string { return g.constant([]int64{n}) }

// weight is a tensor of the file of weights, widened where it is used.
func (g *onnxGraph) weight(name string, kind onnxType, dims []int, read func([]float32) error) string {
	width := int64(4)
	if kind == onnxHalf {
		width = 2
	}
	size := width
	for _, d := range dims {
		size *= int64(d)
	}
	g.weights = append(g.weights, onnxWeight{name, dims, g.at, kind, read})
	g.body.raw(5, onnxOutside(name, kind, dims, onnxDataName, g.at, size))
	g.at = (g.at + size + onnxAlignment - 1) / onnxAlignment * onnxAlignment
	if kind == onnxHalf {
		return g.node("Cast", name, attribute{"to", int64(onnxFloat)})
	}
	return name
}

func (g *onnxGraph) reshape(x string, dims ...int64) string {
	return g.node("Reshape", x, g.ints(dims...))
}

func (g *onnxGraph) transpose(x string, axes ...int64) string {
	return g.node("Transpose", x, attribute{"perm", axes})
}

// slice is x from lo to hi along the last axis.
func (g *onnxGraph) slice(x string, lo, hi, step int) string {
	return g.node("Slice", x, g.ints(int64(lo)), g.ints(int64(hi)), g.ints(-1), g.ints(int64(step)))
}

func (g *onnxGraph) concat(axis int64, parts ...string) string {
	all := []any{attribute{"axis", axis}}
	for _, p := range parts {
		all = append(all, p)
	}
	return g.node("Concat", all...)
}

func (g *onnxGraph) mean(x string) string {
	return g.node("ReduceMean", x, attribute{"axes", []int64{-1}}, attribute{"keepdims", int64(1)})
}

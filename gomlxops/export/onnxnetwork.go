package export

import (
	"math"

	"github.com/parelab/pare/gomlxops/transformer"
)

// onnxNetwork writes a variant as a graph: input_ids [batch, sequence] to logits [batch, sequence, vocabulary]. Factors are two products.
//
//	symbol  meaning                                        shape
//	h       residual stream                                [batch, sequence, hidden]
//	q       queries, a group of which shares keys          [batch, groups, per group, sequence, head dim]
//	k, v    keys and values                                [batch, groups, 1, sequence, head dim]
type onnxNetwork struct {
	*onnxGraph
	v     *transformer.Variant
	c     *transformer.Config
	table map[transformer.Place]transformer.Table
	norms map[transformer.Place][]transformer.Norm // in the order of layers

	place, row, column string // positions of tokens, [sequence], [sequence, 1] and [1, sequence], int64
	cos, sin           string // [sequence, pairs]
	pairs              int
	hidden             map[int]string
}

func newONNXNetwork(v *transformer.Variant, kind onnxType) *onnxNetwork {
	n := &onnxNetwork{onnxGraph: &onnxGraph{known: map[string]string{}, kind: kind}, v: v, c: v.Model().Config(),
		table: map[transformer.Place]transformer.Table{}, norms: map[transformer.Place][]transformer.Norm{}, hidden: map[int]string{}}
	for _, t := range n.c.Tables() {
		n.table[t.Place] = t
	}
	for _, norm := range n.c.Norms() {
		n.norms[norm.Place] = append(n.norms[norm.Place], norm)
	}
	return n
}

// build adds all nodes.
func (n *onnxNetwork) build() {
	shape := n.node("Shape", "input_ids")
	length := n.node("Gather", shape, n.integer(1))
	n.place = n.node("Range", n.integer(0), length, n.integer(1))
	n.row, n.column = n.node("Unsqueeze", n.place, n.ints(1)), n.node("Unsqueeze", n.place, n.ints(0))
	table := n.matrix(transformer.Embedding)
	h := n.node("Gather", table, "input_ids")
	if n.c.Positions.Learned {
		at := n.node("Add", n.place, n.integer(int64(n.c.Positions.Offset)))
		h = n.node("Add", h, n.node("Gather", n.matrix(transformer.PositionTable), at))
	} else {
		n.turns()
	}
	linears := n.v.Model().Linears()
	for l := range n.c.Layers {
		block := map[transformer.Kind]transformer.Linear{}
		for _, linear := range linears[l*len(n.c.Kinds()):][:len(n.c.Kinds())] {
			block[linear.Kind] = linear
		}
		h = n.node("Add", h, n.attention(l, block, n.norm(transformer.InputNorm, l, h)))
		h = n.node("Add", h, n.mlp(block, n.norm(transformer.MLPNorm, l, h)))
	}
	h = n.norm(transformer.FinalNorm, 0, h)
	if !n.c.TieEmbeddings {
		table = n.matrix(transformer.Head)
	}
	logits := n.node("MatMul", h, n.transpose(table, 1, 0))
	var last message
	last.text(1, logits)
	last.text(2, "logits")
	last.text(4, "Identity")
	n.body.raw(1, last)
}

// matrix is a table of the model.
func (n *onnxNetwork) matrix(at transformer.Place) string {
	t := n.table[at]
	return n.plain(t.Name+".weight", n.kind, t.Rows, t.Columns)
}

// plain is a tensor of the model as it is.
func (n *onnxNetwork) plain(name string, kind onnxType, dims ...int) string {
	return n.weight(name, kind, dims, func(dst []float32) error { return n.v.Model().Read(name, dst) })
}

// turns makes cosines and sines, in float64 up to there as everywhere here.
func (n *onnxNetwork) turns() {
	const double = int64(onnxDouble)
	f, scale := n.c.Turning()
	n.pairs = len(f)
	angle := n.node("Mul", n.node("Cast", n.row, attribute{"to", double}), n.constant(f, 1, int64(len(f))))
	factor := n.scalar(scale)
	turn := func(op string) string {
		return n.node("Mul", n.node("Cast", n.node(op, angle), attribute{"to", int64(onnxFloat)}), factor)
	}
	n.cos, n.sin = turn("Cos"), turn("Sin")
}

// norm is the norm of a place in layer l.
func (n *onnxNetwork) norm(at transformer.Place, l int, x string) string {
	norm := n.norms[at][l]
	if norm.Bias {
		x = n.node("Sub", x, n.mean(x))
	}
	deviation := n.node("Sqrt", n.node("Add", n.mean(n.node("Mul", x, x)), n.scalar(n.c.NormEps)))
	y := n.node("Mul", n.node("Div", x, deviation), n.plain(norm.Name+".weight", onnxFloat, norm.Width))
	if norm.Bias {
		y = n.node("Add", y, n.plain(norm.Name+".bias", onnxFloat, norm.Width))
	}
	return y
}

// linear applies one, as it is held. Matrices lie [in, out] in the file, as products want them.
func (n *onnxNetwork) linear(l transformer.Linear, x string) string {
	f := n.v.Held(l)
	for i, p := range f.Parts() {
		name := l.Name + "." + p.Suffix
		if len(p.Shape) == 1 {
			x = n.node("Add", x, n.weight(name, onnxFloat, p.Shape, func(dst []float32) error { return f.Read(i, dst) }))
			continue
		}
		turned := []int{p.Shape[1], p.Shape[0]}
		x = n.node("MatMul", x, n.weight(name, n.kind, turned, func(dst []float32) error { return readTurned(f, i, dst) }))
	}
	return x
}

// readTurned reads a matrix [out, in] as [in, out].
func readTurned(f transformer.Form, part int, dst []float32) error {
	out, in := f.Parts()[part].Shape[0], f.Parts()[part].Shape[1]
	values := make([]float32, len(dst))
	if err := f.Read(part, values); err != nil {
		return err
	}
	for from := 0; from < in; from += 64 { // a few columns at a time stay in the cache
		for o := range out {
			for i := from; i < min(from+64, in); i++ {
				dst[i*out+o] = values[o*in+i]
			}
		}
	}
	return nil
}

func (n *onnxNetwork) attention(l int, block map[transformer.Kind]transformer.Linear, x string) string {
	s, d := n.c.Shape(l), int64(n.c.HeadDim)
	heads, groups := int64(s.Heads), int64(s.KVHeads)
	split := func(k transformer.Kind, count int64, at transformer.Place) string {
		y := n.reshape(n.linear(block[k], x), 0, 0, count, d)
		if at != "" && n.c.Block.QKNorm {
			y = n.norm(at, l, y)
		}
		return n.transpose(y, 0, 2, 1, 3)
	}
	q := n.turn(split(transformer.Query, heads, transformer.QueryNorm), heads)
	k := n.turn(split(transformer.Key, groups, transformer.KeyNorm), groups)
	q = n.reshape(q, 0, groups, heads/groups, -1, d)
	k = n.reshape(k, 0, groups, 1, -1, d)
	v := n.reshape(split(transformer.Value, groups, ""), 0, groups, 1, -1, d)
	scores := n.node("Mul", n.node("MatMul", q, n.transpose(k, 0, 1, 2, 4, 3)), n.scalar(1/math.Sqrt(float64(d))))
	scores = n.node("Add", scores, n.mask(l))
	y := n.node("MatMul", n.node("Softmax", scores, attribute{"axis", int64(-1)}), v)
	y = n.transpose(n.reshape(y, 0, heads, -1, d), 0, 2, 1, 3)
	return n.linear(block[transformer.Output], n.reshape(y, 0, 0, heads*d))
}

// turn turns queries or keys, [batch, heads, sequence, head dim].
func (n *onnxNetwork) turn(x string, heads int64) string {
	if n.cos == "" {
		return x
	}
	turned := n.pairs * 2
	var a, b string
	if n.c.Positions.Interleaved {
		a, b = n.slice(x, 0, turned, 2), n.slice(x, 1, turned, 2)
	} else {
		a, b = n.slice(x, 0, turned/2, 1), n.slice(x, turned/2, turned, 1)
	}
	first := n.node("Sub", n.node("Mul", a, n.cos), n.node("Mul", b, n.sin))
	second := n.node("Add", n.node("Mul", b, n.cos), n.node("Mul", a, n.sin))
	parts := []string{first, second}
	if n.c.Positions.Interleaved {
		last := n.ints(-1)
		pairs := n.concat(-1, n.node("Unsqueeze", first, last), n.node("Unsqueeze", second, last))
		parts = []string{n.reshape(pairs, 0, heads, -1, int64(turned))}
	}
	if turned < n.c.HeadDim {
		parts = append(parts, n.slice(x, turned, n.c.HeadDim, 1))
	}
	return n.concat(-1, parts...)
}

// hiddenScore is added to a score that must not count: its exponential is 0.
const hiddenScore = -1e30

// mask is what is added to the scores of layer l, [sequence, sequence]: layers with the same window share one.
func (n *onnxNetwork) mask(l int) string {
	window := 0
	if l < len(n.c.Positions.Windows) {
		window = n.c.Positions.Windows[l]
	}
	if name, ok := n.hidden[window]; ok {
		return name
	}
	seen := n.node("LessOrEqual", n.column, n.row)
	if window > 0 {
		seen = n.node("And", seen, n.node("Greater", n.column, n.node("Sub", n.row, n.integer(int64(window)))))
	}
	n.hidden[window] = n.node("Where", seen, n.scalar(0), n.scalar(hiddenScore))
	return n.hidden[window]
}

func (n *onnxNetwork) mlp(block map[transformer.Kind]transformer.Linear, x string) string {
	up := n.linear(block[transformer.Up], x)
	if n.c.Block.Ungated {
		return n.linear(block[transformer.Down], n.activate(up))
	}
	gate := n.activate(n.linear(block[transformer.Gate], x))
	return n.linear(block[transformer.Down], n.node("Mul", gate, up))
}

// activate is the function inside the MLP: see layer.Activation for the formulas.
func (n *onnxNetwork) activate(x string) string {
	switch n.c.Block.Activation {
	case transformer.ReLU:
		return n.node("Relu", x)
	case transformer.GELU:
		cdf := n.node("Add", n.node("Erf", n.node("Mul", x, n.scalar(math.Sqrt2/2))), n.scalar(1))
		return n.node("Mul", n.node("Mul", x, cdf), n.scalar(0.5))
	case transformer.GELUTanh:
		cube := n.node("Mul", n.node("Mul", n.node("Mul", x, x), x), n.scalar(0.044715))
		t := n.node("Tanh", n.node("Mul", n.node("Add", x, cube), n.scalar(math.Sqrt(2/math.Pi))))
		return n.node("Mul", n.node("Mul", x, n.node("Add", t, n.scalar(1))), n.scalar(0.5))
	}
	return n.node("Mul", x, n.node("Sigmoid", x))
}

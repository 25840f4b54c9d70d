package transformer

import (
	"maps"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"

	"github.com/parelab/pare/gomlxops/internal/layer"
)

// Weights are the logical tensors of a model inside a graph, by name. A linear may be given dense ("….weight", with or without
// "….bias") or factored ("….A.weight", "….B.weight", with or without "….B.bias"), and have the parts of a [Side] beside it.
type Weights map[string]*Node

// Loss returns the mean of −ln p over all predictions of tokens, int32 [B, T+1], as a scalar node: the first T tokens of a
// sequence are read and each predicts the next.
//
// Its gradient with respect to the weights is for training: on the pure Go backend the backward pass is hand-written and
// several times faster than the derived one. The element type is that of the final norm; matrices may be held in a narrower one, and are multiplied in it.
// Weights of wrong shape, or missing,
// panic while the graph is built; [graph.Exec.Call] returns that as an error.
//
// Tokens outside the vocabulary are not noticed inside a graph: check them before.
func (c *Config) Loss(tokens *Node, w Weights) *Node {
	return c.loss(tokens, w, layer.For(tokens.Graph().Backend()))
}

// microBatches is how many parts of a batch go through the graph side by side on the pure Go backend. Its elementwise operations
// use one processor each, so two independent parts keep two of them busy; the products use all processors as they are. Measured on two
// busy cores: steps of 8×256 tokens in 0.54 to 0.79 s instead of 0.63 to 0.80 s, at 256 channels and 4 layers (BenchmarkStep/peer).
const microBatches = 2

func (c *Config) loss(tokens *Node, w Weights, style layer.Style) *Node {
	parts := c.predict(tokens, w, style)
	sum := ReduceAllMean(parts[0].losses)
	for _, p := range parts[1:] {
		sum = Add(sum, ReduceAllMean(p.losses))
	}
	return DivScalar(sum, float64(len(parts)))
}

// Predict is [Config.Loss] before the mean: −ln p of each prediction, [B, T], and the logits that it is made of, [B·T, vocabulary].
func (c *Config) Predict(tokens *Node, w Weights) (losses, logits *Node) {
	var all [2][]*Node
	for _, p := range slices.Backward(c.predict(tokens, w, layer.For(tokens.Graph().Backend()))) {
		all[0], all[1] = append(all[0], p.losses), append(all[1], p.logits)
	}
	losses, logits = all[0][0], all[1][0]
	if len(all[0]) > 1 {
		losses, logits = Concatenate(all[0], 0), Concatenate(all[1], 0)
	}
	return Reshape(losses, tokens.Shape().Dim(0), tokens.Shape().Dim(1)-1), logits
}

// predicted is what comes of some sequences: the loss of each prediction, [sequences·T], and the logits.
type predicted struct{ losses, logits *Node }

// predict returns what comes of all sequences, in parts, the last sequences first.
func (c *Config) predict(tokens *Node, w Weights, style layer.Style) (all []predicted) {
	tokens.AssertRank(2)
	b, t := tokens.Shape().Dim(0), tokens.Shape().Dim(1)-1
	if t < 1 {
		exceptions.Panicf("transformer: sequences of %d token leave nothing to predict", t+1)
	}
	parts := 1
	if style.Manual && b%microBatches == 0 {
		parts = microBatches
	}
	decoders := map[layer.Dims]*decoder{}
	for rows := b / parts; b > 0; b -= rows {
		g := &wholeGraph{c: c, w: w.rows((b-rows)*t, b*t), style: style, decoders: decoders}
		all = append(all, g.predict(Slice(tokens, AxisRange(b-rows, b))))
	}
	return all
}

// rows returns the weights for tokens from up to to: those that have a row for each token are cut.
func (w Weights) rows(from, to int) Weights {
	cut := maps.Clone(w)
	for name, node := range w {
		if strings.HasSuffix(name, maskSuffix) {
			cut[name] = SliceAxis(node, 0, AxisRange(from, to))
		}
	}
	return cut
}

// wholeGraph is a graph of the whole model for a part of a batch; the decoders are the same for all parts.
type wholeGraph struct {
	c        *Config
	w        Weights
	style    layer.Style
	decoders map[layer.Dims]*decoder // by the sizes of their attention
}

// predict returns what comes of some sequences.
func (g *wholeGraph) predict(tokens *Node) predicted {
	c, w := g.c, g.w
	b, t := tokens.Shape().Dim(0), tokens.Shape().Dim(1)-1
	read := Reshape(Slice(tokens, AxisRange(), AxisRange(0, t)), b*t, 1)
	next := Reshape(Slice(tokens, AxisRange(), AxisRange(1, t+1)), b*t)
	h := w.embed(c, read, b, t)
	for i := range c.Layers {
		h = g.decoder(h, c.attentionDims(i, b, t)).block(h, w.block(c, i), nil)
	}
	d := &decoder{Style: g.style, c: c}
	logits := d.Linear(d.norm(FinalNorm, h, w.finalNorm(c)), w.one(c.head()), nil)
	return predicted{d.CrossEntropy(logits, ConvertDType(next, dtypes.Int32)), logits}
}

// decoder returns the one for attention of dims, whose tables have the element type of h.
func (g *wholeGraph) decoder(h *Node, dims layer.Dims) *decoder {
	if g.decoders[dims] == nil {
		tables := g.style.Tables(dims, g.c.rotary(dims.Length+1)) // the sequence has one token more than is read
		g.decoders[dims] = newDecoder(g.c, g.style, dims, layer.Constants(h, tables))
	}
	return g.decoders[dims]
}

// embed looks up tokens, [b·t, 1], and adds what their positions add.
func (w Weights) embed(c *Config, tokens *Node, b, t int) *Node {
	tables := c.embeddings()
	wide := w.one(c.finalNorm()[0]).DType()
	h := ConvertDType(Gather(w.one(tables[0]), tokens), wide)
	if !c.Positions.Learned {
		return h
	}
	places := ConvertDType(SliceAxis(w.one(tables[1]), 0, AxisRange(c.Positions.Offset, c.Positions.Offset+t)), wide)
	return Reshape(Add(Reshape(h, b, t, c.HiddenSize), ExpandLeftToRank(places, 3)), b*t, c.HiddenSize)
}

// get returns the named weight and checks its shape.
func (w Weights) get(name string, dims ...int) *Node {
	n, ok := w[name]
	if !ok {
		exceptions.Panicf("transformer: weight %s is missing: expected it with shape %v", name, dims)
	}
	if n.Shape().CheckDims(dims...) != nil {
		exceptions.Panicf("transformer: weight %s: expected shape %v, found %s", name, dims, n.Shape())
	}
	return n
}

// one returns the weight of a logical tensor.
func (w Weights) one(t TensorShape) *Node { return w.get(t.Name, t.Shape...) }

func (w Weights) all(tensors []TensorShape) (nodes []*Node) {
	for _, t := range tensors {
		nodes = append(nodes, w.one(t))
	}
	return nodes
}

func (w Weights) finalNorm(c *Config) normWeights {
	n, _ := c.takeNorm(w.all(c.finalNorm()))
	return n
}

// block gathers the weights of one layer.
func (w Weights) block(c *Config, layer int) blockWeights {
	b, _ := c.takeBlock(w.all(c.blockNorms(layer)), nil)
	for _, k := range c.Kinds() {
		l := c.linear(layer, k)
		o := w.operand(l)
		o.sides = w.sides(l, o)
		b.linears[k] = o
	}
	return b
}

// operand finds linear l, dense or factored.
func (w Weights) operand(l Linear) operand {
	form, parts := formDense, denseParts(l.Out, l.In, w[l.Name+".bias"] != nil)
	if a := w[l.Name+".A.weight"]; a != nil {
		form, parts = formFactored, factoredParts(l.Out, l.In, a.Shape().Dim(0), w[l.Name+".B.bias"] != nil)
	}
	o := operand{form: form}
	for _, p := range parts {
		o.parts = append(o.parts, w.get(l.Name+"."+p.Suffix, p.Shape...))
	}
	return o
}

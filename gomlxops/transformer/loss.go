package transformer

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"

	"github.com/parelab/pare/gomlxops/internal/layer"
)

// Weights are the tensors of a model inside a graph, by checkpoint name. A linear may be given dense ("….weight", with or
// without "….bias") or factored ("….A.weight", "….B.weight", with or without "….B.bias").
type Weights map[string]*Node

// Loss returns the mean of −ln p over all predictions of tokens, int32 [B, T+1], as a scalar node: the first T tokens of a
// sequence are read and each predicts the next.
//
// Its gradient with respect to the weights is for training: on the pure Go backend the backward pass is hand-written and
// several times faster than the derived one. The element type is that of the embedding. Weights of wrong shape, or missing,
// panic while the graph is built; [graph.Exec.Call] returns that as an error.
//
// Tokens outside the vocabulary are not noticed inside a graph: check them before.
func (c *Config) Loss(tokens *Node, w Weights) *Node {
	return c.loss(tokens, w, layer.For(tokens.Graph().Backend()))
}

func (c *Config) loss(tokens *Node, w Weights, style layer.Style) *Node {
	tokens.AssertRank(2)
	b, t := tokens.Shape().Dim(0), tokens.Shape().Dim(1)-1
	if t < 1 {
		exceptions.Panicf("transformer: sequences of %d token leave nothing to predict", t+1)
	}
	table := w.get(embeddingName, c.VocabSize, c.HiddenSize)
	d := newDecoder(c, style, b, t, layer.Constants(table, c.attentionTables(style, t)))
	read := Reshape(Slice(tokens, AxisRange(), AxisRange(0, t)), b*t, 1)
	next := Reshape(Slice(tokens, AxisRange(), AxisRange(1, t+1)), b*t)
	h := Gather(table, read)
	for i := range c.Layers {
		h = d.block(h, w.block(c, i), nil)
	}
	h = d.RMSNorm(h, w.get(finalNormName, c.HiddenSize), c.RMSNormEps)
	logits := d.Linear(h, w.head(c), nil)
	return ReduceAllMean(d.CrossEntropy(logits, ConvertDType(next, dtypes.Int32)))
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

// head is the matrix that makes logits, [vocabulary, hidden]: the embedding where they are tied.
func (w Weights) head(c *Config) *Node {
	if c.TieEmbeddings {
		return w.get(embeddingName, c.VocabSize, c.HiddenSize)
	}
	return w.get(headName, c.VocabSize, c.HiddenSize)
}

// block gathers the weights of one layer.
func (w Weights) block(c *Config, layer int) blockWeights {
	b := blockWeights{
		inputNorm: w.get(inputNormName(layer), c.HiddenSize),
		mlpNorm:   w.get(mlpNormName(layer), c.HiddenSize),
		linears:   make(map[Kind]operand, len(Kinds)),
	}
	for _, k := range Kinds {
		b.linears[k] = w.operand(c.linear(layer, k))
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

package transformer

import (
	"maps"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/parelab/pare/gomlxops/internal/layer"
)

// PredictAgain is [Config.Predict] for training with less memory: what a block computes is forgotten when its output is there, and computed
// again on the way back. Of the way forward stay the residual stream before each block, and what the head makes. Values and gradients are
// those of Predict; a step costs another forward pass of the blocks.
//
// Tianqi Chen, Bing Xu, Chiyuan Zhang and Carlos Guestrin, "Training Deep Nets with Sublinear Memory Cost", 2016, https://arxiv.org/abs/1604.06174,
// section 4, with a segment for each block.
func (c *Config) PredictAgain(tokens *Node, w Weights) (losses, logits *Node) {
	g := &wholeGraph{c: c, w: w, style: layer.For(tokens.Graph().Backend()), decoders: map[layer.Dims]*decoder{}}
	b, t := tokens.Shape().Dim(0), tokens.Shape().Dim(1)-1
	read := Reshape(Slice(tokens, AxisRange(), AxisRange(0, t)), b*t, 1)
	next := ConvertDType(Reshape(Slice(tokens, AxisRange(), AxisRange(1, t+1)), b*t), dtypes.Int32)
	h := w.embed(c, read, b, t)
	for i := range c.Layers {
		h = g.blockAgain(i, h, b, t)
	}
	d := &decoder{Style: g.style, c: c}
	logits = d.Linear(d.norm(FinalNorm, h, w.finalNorm(c)), w.one(c.head()), nil)
	return Reshape(d.CrossEntropy(logits, next), b, t), logits
}

// blockAgain is a block that is computed again on the way back: of the way forward its gradient takes its input and weights only, and does so when the
// gradient of its output is there.
func (g *wholeGraph) blockAgain(i int, h *Node, b, t int) *Node {
	names := g.blockNames(i)
	inputs := []*Node{h}
	for _, name := range names {
		inputs = append(inputs, g.w[name])
	}
	build := func(h *Node) *Node {
		return g.decoder(h, g.c.attentionDims(i, b, t)).block(h, g.w.block(g.c, i), nil)
	}
	return layer.CustomVJP(inputs, build(h), func(dy *Node) []*Node {
		held := slices.Clone(inputs)
		held[0] = SchedulingBarrier(h, dy)
		return Gradient(ReduceAllSum(Mul(build(held[0]), StopGradient(dy))), held...)
	})
}

// blockNames lists the weights of block i, masks of branches not among them: these are no weights, and nothing is differentiated by them.
func (g *wholeGraph) blockNames(i int) (names []string) {
	for _, n := range g.c.blockNorms(i) {
		names = append(names, n.Name)
	}
	for _, k := range g.c.Kinds() {
		prefix := g.c.linear(i, k).Name + "."
		for _, name := range slices.Sorted(maps.Keys(g.w)) {
			if strings.HasPrefix(name, prefix) && !strings.HasSuffix(name, maskSuffix) {
				names = append(names, name)
			}
		}
	}
	return names
}

package transformer

// A model is spoken of by logical tensors: each linear has a matrix [out, in] of its own and perhaps a bias, each norm a scale. A
// checkpoint may hold several in one tensor, or transposed. This file says which tensor holds what; view.go reads.

// TensorShape is the name and shape of one tensor.
type TensorShape struct {
	Name  string
	Shape []int
}

// Elements counts the tensor's numbers.
func (t TensorShape) Elements() int { return Part{Shape: t.Shape}.Elements() }

// storedTensor is a tensor as a checkpoint holds it.
type storedTensor struct {
	TensorShape
	// parts are the logical tensors in it, one after another along their first axis; itself where it is one.
	parts []TensorShape
	// linears are those whose weights or biases the parts are; none where it belongs to no decoder linear.
	linears []Linear
	// transposed: a part [out, in] lies as [in, out], beside the others.
	transposed bool
	// packed: its linears' matrices lie transposed, or several in one tensor.
	packed bool
}

// storedTensors lists the tensors of a checkpoint of a dense model of configuration c, in order: embedding, blocks, final norm, and
// the head where it is not tied.
func (c *Config) storedTensors() []storedTensor {
	lay := &c.family().layout
	var all []storedTensor
	add := func(tensors ...TensorShape) {
		for _, t := range tensors {
			all = append(all, storedTensor{TensorShape: t, parts: []TensorShape{t}})
		}
	}
	add(c.embeddings()...)
	for layer := range c.Layers {
		for _, k := range c.Kinds() {
			if with := lay.fused(k); with[0] == k {
				all = append(all, c.storedLinears(layer, with)...)
			}
		}
		add(c.blockNorms(layer)...)
	}
	add(c.norm(lay.finalNorm)...)
	if !c.TieEmbeddings {
		add(c.head())
	}
	return all
}

// storedLinears lists the tensors that hold the linears of some kinds: the weights, and the biases where they have them.
func (c *Config) storedLinears(layer int, kinds []Kind) []storedTensor {
	lay := &c.family().layout
	name := lay.name(lay.linears[kinds[0]], layer)
	weight := storedTensor{TensorShape: TensorShape{Name: name + ".weight"}, transposed: lay.transposed}
	bias := storedTensor{TensorShape: TensorShape{Name: name + ".bias"}}
	out := 0
	for _, k := range kinds {
		l := c.linear(layer, k)
		out += l.Out
		weight.parts, bias.parts = append(weight.parts, l.weight()), append(bias.parts, l.bias())
		weight.linears = append(weight.linears, l)
	}
	bias.linears = weight.linears
	weight.packed = lay.transposed || len(kinds) > 1
	bias.packed = weight.packed
	in := weight.linears[0].In
	weight.Shape, bias.Shape = []int{out, in}, []int{out}
	if lay.transposed {
		weight.Shape = []int{in, out}
	}
	if !weight.linears[0].Bias {
		return []storedTensor{weight}
	}
	return []storedTensor{weight, bias}
}

// Transposed says whether the family's checkpoints hold the matrices of linears as [in, out], as GPT-2's do.
func (c *Config) Transposed() bool { return c.family().layout.transposed }

// embeddings are the tables that tokens, and positions where they are learned, are looked up in.
func (c *Config) embeddings() []TensorShape {
	lay := &c.family().layout
	all := []TensorShape{{lay.embedding + ".weight", []int{c.VocabSize, c.HiddenSize}}}
	if c.Positions.Learned {
		all = append(all, TensorShape{lay.positions + ".weight", []int{c.MaxPositions + c.Positions.Offset, c.HiddenSize}})
	}
	return all
}

// embeddingName is the table of tokens.
func (c *Config) embeddingName() string { return c.family().layout.embedding + ".weight" }

// head is the matrix that makes logits; the embedding, by its own name, where they are tied.
func (c *Config) head() TensorShape {
	name := c.family().layout.head + ".weight"
	if c.TieEmbeddings {
		name = c.embeddingName()
	}
	return TensorShape{name, []int{c.VocabSize, c.HiddenSize}}
}

// norm lists the tensors of a norm over the residual stream.
func (c *Config) norm(name string) []TensorShape {
	all := []TensorShape{{name + ".weight", []int{c.HiddenSize}}}
	if c.Block.LayerNorm {
		all = append(all, TensorShape{name + ".bias", []int{c.HiddenSize}})
	}
	return all
}

// finalNorm lists the tensors of the norm before the head.
func (c *Config) finalNorm() []TensorShape { return c.norm(c.family().layout.finalNorm) }

// blockNorms lists the tensors of a block's norms: before attention, before the MLP, of queries and of keys.
func (c *Config) blockNorms(layer int) []TensorShape {
	lay := &c.family().layout
	all := append(c.norm(lay.name(lay.inputNorm, layer)), c.norm(lay.name(lay.mlpNorm, layer))...)
	if c.Block.QKNorm {
		all = append(all, TensorShape{lay.name(lay.queryNorm, layer) + ".weight", []int{c.HeadDim}},
			TensorShape{lay.name(lay.keyNorm, layer) + ".weight", []int{c.HeadDim}})
	}
	return all
}

// TensorShapes lists the logical tensors of a dense model of configuration c: embedding, blocks, final norm, and the head where it is
// not tied. For most families they are the checkpoint's own; of a tensor that holds several linears each is listed.
func (c *Config) TensorShapes() []TensorShape {
	var all []TensorShape
	for _, t := range c.storedTensors() {
		all = append(all, t.parts...)
	}
	return all
}

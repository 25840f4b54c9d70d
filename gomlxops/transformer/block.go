package transformer

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"

	"github.com/parelab/pare/gomlxops/internal/layer"
)

// decoder is what all blocks of one graph share that have the same attention: the way pieces are built, rotary tables and masks.
type decoder struct {
	layer.Style
	c         *Config
	attention *layer.Attention
	taps      *taps // catch gradients; nil where nobody asks for them

	recall *recall // between the way forward and the way back; nil where there is one only

	// keep, where it is not nil, is shown what a later token attends to: turned keys, and values.
	keep func(k, v *Node)
}

// newDecoder prepares a graph of the given style for blocks whose attention has dims d; tables are the nodes of attentionTables for
// the same dims.
func newDecoder(c *Config, style layer.Style, d layer.Dims, tables []*Node) *decoder {
	return &decoder{Style: style, c: c, attention: style.NewAttention(d, c.rotary(d.Length), tables)}
}

// attentionDims are the sizes of attention in layer l. Layers with equal ones share tables, and graphs where their weights have
// equal shapes too.
func (c *Config) attentionDims(l, sequences, length int) layer.Dims {
	s := c.Shape(l)
	return layer.Dims{Batch: sequences, Length: length, Heads: s.Heads, KVHeads: s.KVHeads, HeadDim: c.HeadDim, Window: c.window(l, length)}
}

// attentionTables lists the fixed numbers that attention of some dims reads; the batch has no part in them.
func (c *Config) attentionTables(style layer.Style, d layer.Dims) []layer.Table {
	return style.Tables(d, c.rotary(d.Length))
}

// blockWeights are the weights of one block inside a graph.
type blockWeights struct {
	inputNorm, mlpNorm normWeights
	queryNorm, keyNorm *Node            // [head dim]; nil where there is none
	linears            map[Kind]operand // all of the configuration's Kinds
}

// normWeights are the weights of a norm inside a graph, each [hidden].
type normWeights struct {
	scale, bias *Node // bias is nil in an RMSNorm
}

// operand is a linear inside a graph: the name of its form without branches, that form's parts in their order, and the branches.
type operand struct {
	form  string
	parts []*Node
	sides []branch
}

// takeNorm takes a norm's weights from the front of nodes, which are in the order of [Config.norm].
func (c *Config) takeNorm(in []*Node) (normWeights, []*Node) {
	if c.Block.LayerNorm {
		return normWeights{in[0], in[1]}, in[2:]
	}
	return normWeights{in[0], nil}, in[1:]
}

// takeBlock takes a block's weights from the front of nodes: the norms in the order of [Config.blockNorms], then the parts of each linear in
// the order of Kinds, held as forms says.
func (c *Config) takeBlock(in []*Node, forms []held) (w blockWeights, rest []*Node) {
	w.linears = make(map[Kind]operand, len(forms))
	w.inputNorm, in = c.takeNorm(in)
	w.mlpNorm, in = c.takeNorm(in)
	if c.Block.QKNorm {
		w.queryNorm, w.keyNorm, in = in[0], in[1], in[2:]
	}
	for i, h := range forms {
		w.linears[c.Kinds()[i]] = takeOperand(h, in[:h.parts])
		in = in[h.parts:]
	}
	return w, in
}

// block adds one decoder block to the graph: attention and MLP, each reading a norm of the residual stream h and adding to it.
//
//	h = h + o_proj(attention(q_proj x, k_proj x, v_proj x)),  x = norm(h)
//	h = h + down_proj(f(gate_proj x) · up_proj x),            x = norm(h)
//
// without gate_proj where the MLP is not gated: down_proj f(up_proj x). Where queries and keys have norms these come before the
// rotation, over the channels of each head.
//
// h is [tokens, hidden] and so is the result. tap, where it is not nil, is shown the input of every site.
//
// H. Touvron et al., "LLaMA", 2023, https://arxiv.org/abs/2302.13971, section 2.2, as Hugging Face's LlamaForCausalLM computes it; what
// other families do differently is in [Block] and in their files.
func (d *decoder) block(h *Node, w blockWeights, tap func(Site, *Node)) *Node {
	h.AssertDims(-1, d.c.HiddenSize)
	at := func(site Site, x *Node) *Node {
		if tap != nil {
			tap(site, x)
		}
		return x
	}
	x := at(AttentionIn, d.norm(InputNorm, h, w.inputNorm))
	q, k := d.linear(x, w, Query), d.linear(x, w, Key)
	if w.queryNorm != nil {
		q, k = d.headNorm(QueryNorm, q, w.queryNorm), d.headNorm(KeyNorm, k, w.keyNorm)
	}
	q, k = d.attention.Turn(q, k)
	v := d.linear(x, w, Value)
	if d.keep != nil {
		d.keep(k, v)
	}
	o := d.attention.Attend(q, k, v)
	h = d.recall.of(Add(h, d.linear(at(AttentionOut, o), w, Output)))
	x = at(MLPIn, d.norm(MLPNorm, h, w.mlpNorm))
	return Add(h, d.linear(at(MLPMid, d.mid(x, w)), w, Down))
}

// norm is the configuration's kind of norm.
func (d *decoder) norm(at Place, h *Node, w normWeights) *Node {
	if w.bias != nil {
		return d.taps.onNorm(at, d.LayerNorm(h, w.scale, w.bias, d.c.NormEps), w.scale, w.bias, func(one, zero *Node) *Node {
			return d.LayerNorm(h, one, zero, d.c.NormEps)
		})
	}
	return d.rmsNorm(at, h, w.scale)
}

func (d *decoder) rmsNorm(at Place, h, scale *Node) *Node {
	return d.taps.onNorm(at, d.RMSNorm(h, scale, d.c.NormEps), scale, nil, func(one, _ *Node) *Node {
		return d.RMSNorm(h, one, d.c.NormEps)
	})
}

// headNorm is an RMSNorm over the channels of each head of x, [tokens, heads·head dim].
func (d *decoder) headNorm(at Place, x, scale *Node) *Node {
	rows, width := x.Shape().Dim(0), x.Shape().Dim(1)
	perHead := Reshape(x, rows*width/d.c.HeadDim, d.c.HeadDim)
	return Reshape(d.rmsNorm(at, perHead, scale), rows, width)
}

// mid is what goes into the MLP's last linear.
func (d *decoder) mid(x *Node, w blockWeights) *Node {
	f := layer.Activation(d.c.activation())
	if d.c.Block.Ungated {
		return d.Activate(f, d.linear(x, w, Up))
	}
	return d.Gated(f, d.linear(x, w, Gate), d.linear(x, w, Up))
}

// linear applies the block's linear of kind k to x, in whatever form it is held.
func (d *decoder) linear(x *Node, w blockWeights, k Kind) *Node {
	y := d.apply(x, w, k)
	if recalled(k) {
		y = d.recall.of(y)
	}
	return y
}

func (d *decoder) apply(x *Node, w blockWeights, k Kind) *Node {
	o, ok := w.linears[k]
	if !ok {
		exceptions.Panicf("transformer: block without %s", k)
	}
	part := func(i int) *Node {
		if i < len(o.parts) {
			return o.parts[i]
		}
		return nil
	}
	switch o.form {
	case formDense:
		return d.taps.on(Place(k), o, x, d.beside(o, "", x, d.Linear(x, part(0), part(1))))
	case formFactored:
		return d.taps.on(Place(k), o, x, d.beside(o, "", x, d.factored(o, x, part(1), part(0), part(2))))
	}
	exceptions.Panicf("transformer: %s is held in the form %q, which no graph is known for", k, o.form)
	return nil
}

package transformer

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"

	"github.com/parelab/pare/gomlxops/internal/layer"
)

// decoder is what all blocks of one graph share: the way pieces are built, rotary tables and masks.
type decoder struct {
	layer.Style
	c         *Config
	attention *layer.Attention
}

// newDecoder prepares a graph of the given style; tables are the nodes of attentionTables for the same length.
func newDecoder(c *Config, style layer.Style, sequences, length int, tables []*Node) *decoder {
	return &decoder{style, c, style.NewAttention(c.attentionDims(sequences, length), tables)}
}

func (c *Config) attentionDims(sequences, length int) layer.Dims {
	return layer.Dims{Batch: sequences, Length: length, Heads: c.Heads, KVHeads: c.KVHeads, HeadDim: c.HeadDim}
}

// attentionTables lists the fixed numbers that attention over sequences of one length reads.
func (c *Config) attentionTables(style layer.Style, length int) []layer.Table {
	return style.Tables(c.attentionDims(1, length), layer.Frequencies(c.RopeTheta, c.HeadDim))
}

// blockWeights are the weights of one block inside a graph.
type blockWeights struct {
	inputNorm, mlpNorm *Node            // [hidden]
	linears            map[Kind]operand // all of Kinds
}

// operand is a linear inside a graph: the name of its form, and the form's parts in their order.
type operand struct {
	form  string
	parts []*Node
}

// block adds one decoder block to the graph: attention and MLP, each reading a norm of the residual stream h and adding to it.
//
//	h = h + o_proj(attention(q_proj x, k_proj x, v_proj x)),  x = RMSNorm(h)
//	h = h + down_proj(silu(gate_proj x) · up_proj x),         x = RMSNorm(h)
//
// h is [tokens, hidden] and so is the result. tap, where it is not nil, is shown the input of every site.
//
// H. Touvron et al., "LLaMA", 2023, https://arxiv.org/abs/2302.13971, section 2.2, as Hugging Face's LlamaForCausalLM computes it.
func (d *decoder) block(h *Node, w blockWeights, tap func(Site, *Node)) *Node {
	h.AssertDims(-1, d.c.HiddenSize)
	at := func(site Site, x *Node) *Node {
		if tap != nil {
			tap(site, x)
		}
		return x
	}
	x := at(AttentionIn, d.RMSNorm(h, w.inputNorm, d.c.RMSNormEps))
	o := d.attention.Apply(d.linear(x, w, Query), d.linear(x, w, Key), d.linear(x, w, Value))
	h = Add(h, d.linear(at(AttentionOut, o), w, Output))
	x = at(MLPIn, d.RMSNorm(h, w.mlpNorm, d.c.RMSNormEps))
	mid := d.SwiGLU(d.linear(x, w, Gate), d.linear(x, w, Up))
	return Add(h, d.linear(at(MLPMid, mid), w, Down))
}

// linear applies the block's linear of kind k to x, in whatever form it is held.
func (d *decoder) linear(x *Node, w blockWeights, k Kind) *Node {
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
		return d.Linear(x, part(0), part(1))
	case formFactored:
		return d.Factored(x, part(1), part(0), part(2))
	}
	exceptions.Panicf("transformer: %s is held in the form %q, which no graph is known for", k, o.form)
	return nil
}

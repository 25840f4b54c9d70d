package transformer

import "fmt"

// Kind says which linear of a block it is, by the checkpoint's own word.
type Kind string

// The seven linears of a LLaMA block, in forward order.
const (
	Query  Kind = "q_proj"
	Key    Kind = "k_proj"
	Value  Kind = "v_proj"
	Output Kind = "o_proj"
	Gate   Kind = "gate_proj"
	Up     Kind = "up_proj"
	Down   Kind = "down_proj"
)

// Kinds lists all kinds in forward order.
var Kinds = []Kind{Query, Key, Value, Output, Gate, Up, Down}

// Site is a distinct input of linears: those of one site read the same activations.
type Site string

// The four sites of a block, in forward order.
const (
	AttentionIn  Site = "attention_in"  // read by q_proj, k_proj, v_proj
	AttentionOut Site = "attention_out" // read by o_proj
	MLPIn        Site = "mlp_in"        // read by gate_proj, up_proj
	MLPMid       Site = "mlp_mid"       // read by down_proj
)

// Sites lists all sites in forward order.
var Sites = []Site{AttentionIn, AttentionOut, MLPIn, MLPMid}

// Site returns the input that linears of kind k read; the empty Site for an unknown kind.
func (k Kind) Site() Site {
	switch k {
	case Query, Key, Value:
		return AttentionIn
	case Output:
		return AttentionOut
	case Gate, Up:
		return MLPIn
	case Down:
		return MLPMid
	}
	return ""
}

// Linear is one weight matrix of a block: y = W x with W [Out, In].
type Linear struct {
	Name    string // as in the checkpoint, without ".weight": "model.layers.3.mlp.down_proj"
	Layer   int
	Kind    Kind
	Out, In int
}

// Params counts the weights of the dense matrix.
func (l Linear) Params() int64 { return int64(l.Out) * int64(l.In) }

// Names of the tensors outside the blocks.
const (
	embeddingName = "model.embed_tokens.weight"
	finalNormName = "model.norm.weight"
	headName      = "lm_head.weight"
)

// linearName returns the checkpoint's name of a linear, without ".weight".
func linearName(layer int, k Kind) string {
	part := "mlp"
	if s := k.Site(); s == AttentionIn || s == AttentionOut {
		part = "self_attn"
	}
	return fmt.Sprintf("model.layers.%d.%s.%s", layer, part, k)
}

// inputNormName and mlpNormName name a block's two norm weights, each [HiddenSize].
func inputNormName(layer int) string {
	return fmt.Sprintf("model.layers.%d.input_layernorm.weight", layer)
}

func mlpNormName(layer int) string {
	return fmt.Sprintf("model.layers.%d.post_attention_layernorm.weight", layer)
}

// linear describes one linear of a model of configuration c.
func (c *Config) linear(layer int, k Kind) Linear {
	l := Linear{Name: linearName(layer, k), Layer: layer, Kind: k}
	hidden, q, kv, mid := c.HiddenSize, c.Heads*c.HeadDim, c.KVHeads*c.HeadDim, c.IntermediateSize
	switch k {
	case Query:
		l.Out, l.In = q, hidden
	case Key, Value:
		l.Out, l.In = kv, hidden
	case Output:
		l.Out, l.In = hidden, q
	case Gate, Up:
		l.Out, l.In = mid, hidden
	case Down:
		l.Out, l.In = hidden, mid
	}
	return l
}

// Linears lists the decoder linears in forward order, layer by layer.
func (c *Config) Linears() []Linear {
	all := make([]Linear, 0, c.Layers*len(Kinds))
	for layer := range c.Layers {
		for _, k := range Kinds {
			all = append(all, c.linear(layer, k))
		}
	}
	return all
}

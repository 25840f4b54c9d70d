package transformer

import "slices"

// Kind says which linear of a block it is, by the word of LLaMA's checkpoints. Other families' linears have other names and
// the same kinds: GPT-2's c_fc is an Up.
type Kind string

// The seven linears of a LLaMA block, in forward order. A block whose MLP is not gated lacks the Gate; see [Config.Kinds].
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

// Linear is one weight matrix of a block: y = W x with W [Out, In], + β where it has a bias.
type Linear struct {
	Name    string // without ".weight", as in the checkpoint: "model.layers.3.mlp.down_proj"; of one in a shared tensor, that tensor's name and the kind
	Layer   int
	Kind    Kind
	Out, In int
	Bias    bool // the dense linear has a bias [Out]
}

// Params counts the numbers of the dense linear: the matrix, and the bias where it has one.
func (l Linear) Params() int64 {
	n := int64(l.Out) * int64(l.In)
	if l.Bias {
		n += int64(l.Out)
	}
	return n
}

// weight and bias name the linear's tensors.
func (l Linear) weight() TensorShape { return TensorShape{l.Name + ".weight", []int{l.Out, l.In}} }
func (l Linear) bias() TensorShape   { return TensorShape{l.Name + ".bias", []int{l.Out}} }

// linear describes one linear of a model of configuration c.
func (c *Config) linear(layer int, k Kind) Linear {
	l := Linear{Name: c.family().layout.linear(layer, k), Layer: layer, Kind: k, Bias: c.hasBias(k)}
	s := c.Shape(layer)
	hidden, q, kv, mid := c.HiddenSize, s.Heads*c.HeadDim, s.KVHeads*c.HeadDim, s.MLP
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

// hasBias says whether the linears of kind k have a bias.
func (c *Config) hasBias(k Kind) bool { return slices.Contains(c.Block.Biases, k) }

// Linears lists the decoder linears in forward order, layer by layer.
func (c *Config) Linears() []Linear {
	kinds := c.Kinds()
	all := make([]Linear, 0, c.Layers*len(kinds))
	for layer := range c.Layers {
		for _, k := range kinds {
			all = append(all, c.linear(layer, k))
		}
	}
	return all
}

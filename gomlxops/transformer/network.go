package transformer

import (
	"slices"
	"strings"
)

// network says what a program must know to run a model whose family it does not know. Names are patterns, in which {} is the
// layer. The section "pare" says besides how replaced linears are held; the others are matrices [out, in], with a bias where Biases has
// their kind.
type network struct {
	Vocabulary int     `json:"vocab_size"`
	Hidden     int     `json:"hidden_size"`
	HeadDim    int     `json:"head_dim"`
	Longest    int     `json:"max_position_embeddings"`
	NormEps    float64 `json:"norm_eps"`
	Tied       bool    `json:"tied"`

	LayerNorm  bool   `json:"layer_norm"`
	Gated      bool   `json:"gated"`
	Activation string `json:"activation"`
	QKNorm     bool   `json:"qk_norm"`
	Biases     []Kind `json:"biases"`

	Positions networkPositions  `json:"positions"`
	Layers    []networkLayer    `json:"layers"`
	Names     map[string]string `json:"names"`
}

// networkPositions are Positions with the frequencies worked out.
type networkPositions struct {
	Learned     bool           `json:"learned"`
	Rows        int            `json:"rows,omitzero"` // of the table
	Offset      int            `json:"offset,omitzero"`
	Frequencies []float64      `json:"frequencies,omitempty"` // radians a token, of each pair of channels that turns
	Interleaved bool           `json:"interleaved"`
	Scale       float64        `json:"scale"` // multiplies what turns
	Dynamic     *networkScaled `json:"dynamic,omitempty"`
}

// networkScaled is dynamic scaling, whose frequencies change with the length: see [Scaling].
type networkScaled struct {
	Theta    float64 `json:"theta"`
	Factor   float64 `json:"factor"`
	Original int     `json:"original"`
}

type networkLayer struct {
	Shape
	Window int `json:"window"` // 0: none
}

// network describes c for a program.
func (c *Config) network() network {
	n := network{
		Vocabulary: c.VocabSize, Hidden: c.HiddenSize, HeadDim: c.HeadDim, Longest: c.MaxPositions, NormEps: c.NormEps, Tied: c.TieEmbeddings,
		LayerNorm: c.Block.LayerNorm, Gated: !c.Block.Ungated, Activation: c.activation(), QKNorm: c.Block.QKNorm,
		Biases: slices.Clone(c.Block.Biases), Positions: c.networkPositions(), Names: c.networkNames(),
	}
	if n.Biases == nil {
		n.Biases = []Kind{}
	}
	for l := range c.Layers {
		n.Layers = append(n.Layers, networkLayer{c.Shape(l), c.window(l, mostPositions+1)})
	}
	return n
}

func (c *Config) networkPositions() networkPositions {
	if c.Positions.Learned {
		return networkPositions{Learned: true, Rows: c.MaxPositions + c.Positions.Offset, Offset: c.Positions.Offset, Scale: 1}
	}
	r := c.rotary(0)
	p := networkPositions{Frequencies: r.Freq, Interleaved: r.Interleaved, Scale: r.Scale}
	if p.Scale == 0 {
		p.Scale = 1
	}
	if s := c.Positions.Scaling; s.Type == scaleDynamic {
		p.Dynamic = &networkScaled{c.RopeTheta, s.Factor, c.original()}
	}
	return p
}

// networkNames are the names of modules: of the places by the words of [Place], of the linears by their kinds.
func (c *Config) networkNames() map[string]string {
	lay := &c.family().layout
	patterns := map[Place]string{
		Embedding: lay.embedding, PositionTable: lay.positions, InputNorm: lay.inputNorm, MLPNorm: lay.mlpNorm,
		QueryNorm: lay.queryNorm, KeyNorm: lay.keyNorm, FinalNorm: lay.finalNorm, Head: lay.head,
	}
	for _, k := range c.Kinds() {
		patterns[Place(k)] = lay.linears[k]
		if len(lay.fused(k)) > 1 {
			patterns[Place(k)] += "." + string(k)
		}
	}
	names := make(map[string]string, len(patterns))
	for place, pattern := range patterns {
		if pattern != "" {
			names[string(place)] = strings.Replace(pattern, "%d", "{}", 1)
		}
	}
	return names
}

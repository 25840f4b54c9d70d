package transformer

import (
	"encoding/json/jsontext"
	"fmt"
	"slices"
)

// Config is what config.json says of a model.
//
// [ReadConfig] validates it; one that was filled in by hand is validated by [Config.Validate] before it is used or saved. A family's
// own spelling of a field ("n_embd", "ffn_dim") is that family's business; here it has one name.
type Config struct {
	ModelType     string   // the family: "llama", "mistral", …; see [Families]
	Architectures []string // ["LlamaForCausalLM"]; absent in some files

	VocabSize        int // rows of the embedding
	HiddenSize       int // channels of the residual stream
	IntermediateSize int // channels inside the MLP
	Layers           int
	Heads            int // query heads
	KVHeads          int // key and value heads; Heads where the file says nothing
	HeadDim          int // channels per head; HiddenSize/Heads where the file says nothing
	MaxPositions     int // sequence length that the model was made for, in tokens; see [Config.Longest]

	RopeTheta     float64 // base of the rotary frequencies; 10000 where the file says nothing
	NormEps       float64 // ε of every norm; the family's own default where the file says nothing
	TieEmbeddings bool    // the head is the embedding, and has no tensor of its own

	Block     Block     // what a block computes; the zero value is LLaMA's
	Positions Positions // how it knows where a token stands; the zero value is LLaMA's

	// Shapes holds the sizes of each layer of a pruned model, where Heads, KVHeads and IntermediateSize do not hold for
	// all of them; nil otherwise. See [Config.WithShapes].
	Shapes []Shape

	DType    string // torch_dtype, such as "bfloat16"; empty where the file says nothing
	BOS, EOS int    // token ids; -1 where the file says nothing. Of a list, the first

	// Rest holds the keys of config.json that pare does not use; they are saved again as they were.
	Rest map[string]jsontext.Value

	forms map[string]formEntry // the "pare" section: how replaced linears are held, by linear name
	code  *coded               // what the section says besides, where a program is saved with the model
}

// Block says what a decoder block computes. The zero value is LLaMA's: RMSNorm, a gated MLP with SiLU, no biases.
type Block struct {
	LayerNorm  bool   // norms subtract the mean and have a bias
	Ungated    bool   // the MLP is Down f(Up x); there is no Gate
	Activation string // f, one of the constants below; empty is [SiLU]
	Biases     []Kind // linears that have a bias
	QKNorm     bool   // each head's query and key goes through an RMSNorm of its own before it is turned
}

// Positions says how a model knows where a token stands. The zero value turns all channels of queries and keys, in halves.
type Positions struct {
	Learned     bool    // a table is added to the embedding, and nothing turns
	Offset      int     // row of the table for the first token
	Channels    int     // of each head that turn, the first ones; 0 is all
	Interleaved bool    // channel 2j turns with 2j+1, not j with j+Channels/2
	Scaling     Scaling // of what turns, for sequences longer than those of training
	Windows     []int   // for each layer how many tokens a token sees, itself included, 0 for all; nil is all in every layer
}

// The functions inside an MLP.
const (
	SiLU     = "silu"      // x/(1+exp(−x))
	GELU     = "gelu"      // x·Φ(x)
	GELUTanh = "gelu_tanh" // its approximation by tanh, "gelu_new" in GPT-2's configuration
	ReLU     = "relu"      // max(x, 0)
)

// Kinds lists the kinds of linears that a block has, in forward order.
func (c *Config) Kinds() []Kind {
	if c.Block.Ungated {
		return slices.DeleteFunc(slices.Clone(Kinds), func(k Kind) bool { return k == Gate })
	}
	return Kinds
}

// window returns how many tokens a token of layer l sees among length; 0 is all before it.
func (c *Config) window(l, length int) int {
	if l >= len(c.Positions.Windows) || c.Positions.Windows[l] >= length {
		return 0
	}
	return c.Positions.Windows[l]
}

// ReadConfig reads and validates a config.json. An error names the file, the field, what was expected and what was found.
func ReadConfig(path string) (*Config, error) {
	data, err := readJSON(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the model's configuration: %w", err)
	}
	c, err := ParseConfig(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

package transformer

import (
	"encoding/json/jsontext"
	"fmt"
	"os"
)

// Config is what config.json says of a model of the LLaMA family.
//
// [ReadConfig] validates it; one that was filled in by hand is validated by [Config.Validate] before it is used or saved.
type Config struct {
	ModelType     string   // "llama" or "mistral"
	Architectures []string // ["LlamaForCausalLM"]; absent in some files

	VocabSize        int // rows of the embedding
	HiddenSize       int // channels of the residual stream
	IntermediateSize int // channels inside the MLP
	Layers           int
	Heads            int // query heads
	KVHeads          int // key and value heads; Heads where the file says nothing
	HeadDim          int // channels per head; HiddenSize/Heads where the file says nothing
	MaxPositions     int // longest sequence, in tokens

	RopeTheta     float64 // base of the rotary frequencies; 10000 where the file says nothing
	RMSNormEps    float64 // 1e-6 where the file says nothing
	TieEmbeddings bool    // the head is the embedding, and lm_head.weight is not stored

	DType    string // torch_dtype, such as "bfloat16"; empty where the file says nothing
	BOS, EOS int    // token ids; -1 where the file says nothing. Of a list, the first

	// Rest holds the keys of config.json that pare does not use; they are saved again as they were.
	Rest map[string]jsontext.Value

	forms map[string]formEntry // the "pare" section: how replaced linears are held, by linear name
}

// ReadConfig reads and validates a config.json. An error names the file, the field, what was expected and what was found.
func ReadConfig(path string) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the model's configuration: %w", err)
	}
	c, err := ParseConfig(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

package transformer

import "fmt"

// Upper limits of a believable model. They are some ten times what the largest published models have, and low enough that
// no product of two of them overflows or leads to a large allocation before the first tensor has been looked at.
const (
	mostVocab     = 1 << 24
	mostWidth     = 1 << 20
	mostLayers    = 1 << 12
	mostHeads     = 1 << 14
	mostPositions = 1 << 30
)

// Validate says which field of c is impossible, in the words of config.json: the field, what was expected, what was found.
func (c *Config) Validate() error {
	if knownTypes[c.ModelType] == "" {
		return fieldError("model_type", knownList(), fmt.Sprintf("%q", c.ModelType))
	}
	for _, f := range []struct {
		name       string
		value, top int
	}{
		{"vocab_size", c.VocabSize, mostVocab},
		{"hidden_size", c.HiddenSize, mostWidth},
		{"intermediate_size", c.IntermediateSize, mostWidth},
		{"num_hidden_layers", c.Layers, mostLayers},
		{"num_attention_heads", c.Heads, mostHeads},
		{"num_key_value_heads", c.KVHeads, mostHeads},
		{"max_position_embeddings", c.MaxPositions, mostPositions},
	} {
		if f.value < 1 {
			return fieldError(f.name, "a number of at least 1", fmt.Sprint(f.value))
		}
		if f.value > f.top {
			return fieldError(f.name, fmt.Sprintf("a number of at most %d (anything more is too large to be meant)", f.top), fmt.Sprint(f.value))
		}
	}
	if err := c.checkHeads(); err != nil {
		return err
	}
	return c.checkNumbers()
}

// checkHeads checks what attention needs of the head counts.
func (c *Config) checkHeads() error {
	if c.HeadDim < 1 || c.HeadDim > mostWidth {
		return fieldError("head_dim", fmt.Sprintf("a number from 1 to %d", mostWidth), fmt.Sprint(c.HeadDim))
	}
	if c.Heads%c.KVHeads != 0 {
		return fieldError("num_key_value_heads", fmt.Sprintf("a divisor of num_attention_heads %d", c.Heads), fmt.Sprint(c.KVHeads))
	}
	if c.HeadDim%2 != 0 {
		return fieldError("num_attention_heads", "an even head dimension (rotary embedding turns pairs of channels)",
			fmt.Sprintf("%d heads of %d channels", c.Heads, c.HeadDim))
	}
	return nil
}

func (c *Config) checkNumbers() error {
	if !(c.RopeTheta > 0) {
		return fieldError("rope_theta", "a number above 0", fmt.Sprint(c.RopeTheta))
	}
	if !(c.RMSNormEps > 0) || c.RMSNormEps >= 1 {
		return fieldError("rms_norm_eps", "a number above 0 and below 1", fmt.Sprint(c.RMSNormEps))
	}
	return nil
}

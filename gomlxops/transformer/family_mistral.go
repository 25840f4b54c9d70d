package transformer

import (
	"encoding/json/jsontext"
	"slices"
)

// Mistral: LLaMA's block, where a token may see only so many tokens before it, the same number in every layer.
//
// A. Q. Jiang et al., "Mistral 7B", 2023, https://arxiv.org/abs/2310.06825; keys and defaults as Hugging Face's MistralConfig.
var _ = register(family{
	modelType:    "mistral",
	architecture: "MistralForCausalLM",
	optional:     map[string]int{"max_position_embeddings": 4096 * 32},
	layout:       llamaLayout,
	read: func(f *fields, c *Config) {
		f.llama(c, 1e-6)
		c.Positions.Windows = f.windows(c, mistralWindow)
		f.only("attention_bias", "false: a Mistral has no biases", "false")
		f.only("mlp_bias", "false: a Mistral has no biases", "false")
	},
	write: func(c *Config, values map[string]jsontext.Value) {
		c.putLlama(values)
		window := 0
		if len(c.Positions.Windows) > 0 {
			window = c.Positions.Windows[0]
		}
		putWindow(values, window, mistralWindow)
	},
})

// mistralWindow is what a configuration means that says nothing of a window.
const mistralWindow = 4096

// windows reads sliding_window, the same for every layer; null is none.
func (f *fields) windows(c *Config, otherwise int) []int {
	window := otherwise
	if v, ok := f.values["sliding_window"]; ok {
		window = 0
		if v.Kind() != jsontext.KindNull {
			if window = f.parseInt("sliding_window", v); window < 1 {
				f.fail("sliding_window", "null, or a number of at least 1", excerpt(v))
			}
		}
	}
	if window == 0 || c.Layers < 1 || c.Layers > mostLayers {
		return nil
	}
	return slices.Repeat([]int{window}, c.Layers)
}

// putWindow writes sliding_window; 0 is null.
func putWindow(values map[string]jsontext.Value, window, otherwise int) {
	if window == 0 {
		values["sliding_window"] = jsontext.Value("null")
		return
	}
	put(values, "sliding_window", window, otherwise)
}

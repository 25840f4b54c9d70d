package transformer

import "encoding/json/jsontext"

// Qwen3, dense: LLaMA's block with a norm over the channels of each head's query and key before they turn, and a head dimension of
// its own.
//
// A. Yang et al., "Qwen3 Technical Report", 2025, https://arxiv.org/abs/2505.09388, section 2; keys and defaults as Hugging Face's
// Qwen3Config.
var _ = register(family{
	modelType:    "qwen3",
	architecture: "Qwen3ForCausalLM",
	optional:     map[string]int{"max_position_embeddings": 32768},
	layout:       qwen3Layout(),
	read: func(f *fields, c *Config) {
		c.HeadDim = 128 // Qwen3Config's default
		f.llama(c, 1e-6)
		c.Block.QKNorm = true
		if f.flag("attention_bias", false) {
			c.Block.Biases = []Kind{Query, Key, Value, Output}
		}
		c.Positions.Windows = f.layerWindows(c)
	},
	write: func(c *Config, values map[string]jsontext.Value) {
		c.putLlama(values)
		values["head_dim"] = mustJSON(c.HeadDim)
		put(values, "attention_bias", c.hasBias(Query), false)
		c.putLayerWindows(values)
	},
})

func qwen3Layout() layout {
	l := llamaLayout
	l.queryNorm, l.keyNorm = "model.layers.%d.self_attn.q_norm", "model.layers.%d.self_attn.k_norm"
	return l
}

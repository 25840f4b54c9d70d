package transformer

import (
	"encoding/json/jsontext"
)

// GPT-2: LayerNorm, biases everywhere, learned positions, an MLP without a gate. Its checkpoints hold matrices transposed, queries,
// keys and values in one, and spell names with or without a prefix; buffers of causal masks (attn.bias) are passed over.
//
// A. Radford et al., "Language Models are Unsupervised Multitask Learners", 2019,
// https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf, section 2.3; keys and defaults as
// Hugging Face's GPT2Config.
var _ = register(family{
	modelType:    "gpt2",
	architecture: "GPT2LMHeadModel",
	spelling: map[string]string{
		"hidden_size": "n_embd", "intermediate_size": "n_inner", "num_hidden_layers": "n_layer", "num_attention_heads": "n_head",
		"max_position_embeddings": "n_positions", "rms_norm_eps": "layer_norm_epsilon", "num_key_value_heads": "-", "head_dim": "-",
	},
	optional: map[string]int{"intermediate_size": 0},
	layout: layout{
		prefix:    "transformer.",
		embedding: "transformer.wte", positions: "transformer.wpe",
		inputNorm: "transformer.h.%d.ln_1", mlpNorm: "transformer.h.%d.ln_2",
		finalNorm: "transformer.ln_f", head: "lm_head",
		linears: map[Kind]string{
			Query: "transformer.h.%d.attn.c_attn", Key: "transformer.h.%d.attn.c_attn", Value: "transformer.h.%d.attn.c_attn",
			Output: "transformer.h.%d.attn.c_proj",
			Up:     "transformer.h.%d.mlp.c_fc", Down: "transformer.h.%d.mlp.c_proj",
		},
		transposed: true,
	},
	read: func(f *fields, c *Config) {
		f.headDim(c)
		if c.IntermediateSize == 0 {
			c.IntermediateSize = 4 * c.HiddenSize
		}
		c.NormEps = f.numberOr("layer_norm_epsilon", 1e-5)
		c.TieEmbeddings = f.tied(true)
		c.Block = Block{LayerNorm: true, Ungated: true, Biases: []Kind{Query, Key, Value, Output, Up, Down}}
		c.Positions.Learned = true
		f.activation(c, "activation_function", "gelu_new")
		f.only("scale_attn_weights", "true, the only setting that this version computes", "true")
		f.only("scale_attn_by_inverse_layer_idx", "false, the only setting that this version computes", "false")
		f.only("add_cross_attention", "false: a model that only decodes", "false")
	},
	write: func(c *Config, values map[string]jsontext.Value) {
		values["layer_norm_epsilon"] = number(c.NormEps)
		if c.IntermediateSize == 4*c.HiddenSize { // what the file means that says nothing
			delete(values, "n_inner")
		}
		c.putActivation(values, "activation_function")
	},
	says: ownHeads,
})

// ownHeads says whether heads share out the hidden size, each with keys and values of its own, as families have it that say neither
// a head dimension nor a number of key heads.
func ownHeads(c *Config) bool { return c.Heads*c.HeadDim == c.HiddenSize && c.KVHeads == c.Heads }

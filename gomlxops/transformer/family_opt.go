package transformer

import (
	"encoding/json/jsontext"
	"fmt"
)

// OPT: LayerNorm before attention and MLP, biases, ReLU, and learned positions whose first two rows no token uses. The 350M model, which
// has its norms behind and its embedding narrower than its blocks, is refused.
//
// S. Zhang et al., "OPT: Open Pre-trained Transformer Language Models", 2022, https://arxiv.org/abs/2205.01068; keys and defaults as
// Hugging Face's OPTConfig.
var _ = register(family{
	modelType:    "opt",
	architecture: "OPTForCausalLM",
	spelling: map[string]string{
		"intermediate_size": "ffn_dim", "num_key_value_heads": "-", "head_dim": "-", "rms_norm_eps": "-",
	},
	layout: layout{
		prefix:    "model.",
		embedding: "model.decoder.embed_tokens", positions: "model.decoder.embed_positions",
		inputNorm: "model.decoder.layers.%d.self_attn_layer_norm", mlpNorm: "model.decoder.layers.%d.final_layer_norm",
		finalNorm: "model.decoder.final_layer_norm", head: "lm_head",
		linears: map[Kind]string{
			Query: "model.decoder.layers.%d.self_attn.q_proj", Key: "model.decoder.layers.%d.self_attn.k_proj",
			Value: "model.decoder.layers.%d.self_attn.v_proj", Output: "model.decoder.layers.%d.self_attn.out_proj",
			Up: "model.decoder.layers.%d.fc1", Down: "model.decoder.layers.%d.fc2",
		},
	},
	read: func(f *fields, c *Config) {
		f.headDim(c)
		c.NormEps = 1e-5 // PyTorch's default, which OPT keeps
		c.TieEmbeddings = f.tied(true)
		c.Block = Block{LayerNorm: true, Ungated: true}
		if f.flag("enable_bias", true) {
			c.Block.Biases = []Kind{Query, Key, Value, Output, Up, Down}
		}
		c.Positions = Positions{Learned: true, Offset: 2}
		f.activation(c, "activation_function", "relu")
		f.only("do_layer_norm_before", "true, the only setting that this version computes", "true")
		f.only("layer_norm_elementwise_affine", "true, the only setting that this version computes", "true")
		f.only("_remove_final_layer_norm", "false, the only setting that this version computes", "false")
		f.only("word_embed_proj_dim", fmt.Sprintf("hidden_size %d: this version has no projection of the embedding", c.HiddenSize), fmt.Sprint(c.HiddenSize))
	},
	write: func(c *Config, values map[string]jsontext.Value) {
		put(values, "enable_bias", c.hasBias(Query), true)
		values["word_embed_proj_dim"] = mustJSON(c.HiddenSize)
		c.putActivation(values, "activation_function")
	},
	says: ownHeads,
})

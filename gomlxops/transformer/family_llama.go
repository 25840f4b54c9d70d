package transformer

import (
	"encoding/json/jsontext"
	"fmt"
)

// LLaMA 1, 2 and 3 and what keeps to their blocks, such as Vicuna: RMSNorm, rotary positions, a gated MLP.
//
// H. Touvron et al., "LLaMA", 2023, https://arxiv.org/abs/2302.13971; keys and defaults as Hugging Face's LlamaConfig.
var _ = register(family{
	modelType:    "llama",
	architecture: "LlamaForCausalLM",
	optional:     map[string]int{"max_position_embeddings": 2048},
	layout:       llamaLayout,
	read: func(f *fields, c *Config) {
		f.llama(c, 1e-6)
		f.llamaBiases(c)
		f.only("sliding_window", "null: a LLaMA has no window")
	},
	write: func(c *Config, values map[string]jsontext.Value) {
		c.putLlama(values)
		put(values, "attention_bias", c.hasBias(Query), false)
		put(values, "mlp_bias", c.hasBias(Up), false)
	},
})

// llamaLayout names the tensors as LlamaForCausalLM does, and most families after it.
var llamaLayout = layout{
	embedding: "model.embed_tokens",
	inputNorm: "model.layers.%d.input_layernorm",
	mlpNorm:   "model.layers.%d.post_attention_layernorm",
	finalNorm: "model.norm",
	head:      "lm_head",
	linears: map[Kind]string{
		Query:  "model.layers.%d.self_attn.q_proj",
		Key:    "model.layers.%d.self_attn.k_proj",
		Value:  "model.layers.%d.self_attn.v_proj",
		Output: "model.layers.%d.self_attn.o_proj",
		Gate:   "model.layers.%d.mlp.gate_proj",
		Up:     "model.layers.%d.mlp.up_proj",
		Down:   "model.layers.%d.mlp.down_proj",
	},
}

// llama reads what families with LLaMA's keys share.
func (f *fields) llama(c *Config, eps float64) {
	f.headDim(c)
	f.rope(c)
	c.NormEps = f.numberOr("rms_norm_eps", eps)
	c.TieEmbeddings = f.tied(false)
	f.activation(c, "hidden_act", SiLU)
}

// llamaBiases reads attention_bias, of all four attention linears, and mlp_bias, of all three of the MLP.
func (f *fields) llamaBiases(c *Config) {
	if f.flag("attention_bias", false) {
		c.Block.Biases = append(c.Block.Biases, Query, Key, Value, Output)
	}
	if f.flag("mlp_bias", false) {
		c.Block.Biases = append(c.Block.Biases, Gate, Up, Down)
	}
}

// headDim reads head_dim, where the family has it. Where the file says nothing, c's stays if there is one, and is otherwise hidden_size over the
// number of heads. What the "pare" section says goes before all that.
func (f *fields) headDim(c *Config) {
	if f.family.has("head_dim") {
		c.HeadDim = f.integerOr(f.family.spelled("head_dim"), c.HeadDim)
	}
	if len(f.section.Layers) > 0 {
		c.HeadDim = f.section.HeadDim
	}
	if c.HeadDim != 0 || c.Heads <= 0 {
		return
	}
	c.HeadDim = c.HiddenSize / c.Heads
	if c.HiddenSize%c.Heads != 0 {
		f.fail(f.family.spelled("num_attention_heads"), fmt.Sprintf("a divisor of %s %d", f.family.spelled("hidden_size"), c.HiddenSize), fmt.Sprint(c.Heads))
	}
}

// putLlama puts the keys of fields.llama into values.
func (c *Config) putLlama(values map[string]jsontext.Value) {
	if c.HeadDim*c.Heads != c.HiddenSize {
		values["head_dim"] = mustJSON(c.HeadDim)
	}
	values["rms_norm_eps"] = number(c.NormEps)
	c.putRope(values)
	c.putActivation(values, "hidden_act")
}

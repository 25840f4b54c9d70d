package transformer

import (
	"encoding/json/jsontext"
	"fmt"
	"strings"
)

// ChatGLM2, ChatGLM3 and GLM-4 as published with model_type "chatglm": LLaMA's block with few key heads, where half of each head turns, in
// interleaved pairs. Checkpoints hold queries, keys and values in one matrix, and gate and up in another.
//
// A. Zeng et al., "GLM-130B", 2022, https://arxiv.org/abs/2210.02414, and the modeling_chatglm.py that lies with the checkpoints
// (https://huggingface.co/THUDM/chatglm3-6b), whose keys and defaults these are. rope_ratio there multiplies the base of the frequencies. In the
// code of ChatGLM2-32k it divides positions; a configuration that says by its _name_or_path that it is of a ChatGLM2 is refused if it has one.
var _ = register(family{
	modelType:    "chatglm",
	architecture: "ChatGLMModel",
	also:         []string{"ChatGLMForConditionalGeneration"},
	spelling: map[string]string{
		"vocab_size": "padded_vocab_size", "intermediate_size": "ffn_hidden_size", "num_hidden_layers": "num_layers",
		"num_key_value_heads": "multi_query_group_num", "head_dim": "kv_channels", "max_position_embeddings": "seq_length",
		"rms_norm_eps": "layernorm_epsilon", "rope_theta": "rope_ratio",
	},
	layout: layout{
		embedding: "transformer.embedding.word_embeddings",
		inputNorm: "transformer.encoder.layers.%d.input_layernorm",
		mlpNorm:   "transformer.encoder.layers.%d.post_attention_layernorm",
		finalNorm: "transformer.encoder.final_layernorm", head: "transformer.output_layer",
		linears: map[Kind]string{
			Query:  "transformer.encoder.layers.%d.self_attention.query_key_value",
			Key:    "transformer.encoder.layers.%d.self_attention.query_key_value",
			Value:  "transformer.encoder.layers.%d.self_attention.query_key_value",
			Output: "transformer.encoder.layers.%d.self_attention.dense",
			Gate:   "transformer.encoder.layers.%d.mlp.dense_h_to_4h",
			Up:     "transformer.encoder.layers.%d.mlp.dense_h_to_4h",
			Down:   "transformer.encoder.layers.%d.mlp.dense_4h_to_h",
		},
	},
	read: func(f *fields, c *Config) {
		if !f.flag("multi_query_attention", false) {
			c.KVHeads = c.Heads
		}
		c.HeadDim = 128 // ChatGLMConfig's default
		f.headDim(c)
		c.NormEps = f.numberOr("layernorm_epsilon", 1e-5)
		ratio := ropeRatio(f.values, f.fail)
		if strings.Contains(strings.ToLower(string(f.values["_name_or_path"])), "chatglm2") && ratio != 1 {
			f.fail("rope_ratio", "1 for a ChatGLM2: its 32k version divides positions by it, which this version does not compute", fmt.Sprint(ratio))
		}
		c.RopeTheta = chatGLMBase * ratio
		c.TieEmbeddings = f.tied(false)
		c.Positions = Positions{Channels: c.HeadDim / 2, Interleaved: true}
		c.Block.Biases = f.chatGLMBiases()
		f.chatGLMOnly()
	},
	write: func(c *Config, values map[string]jsontext.Value) {
		values["kv_channels"], values["layernorm_epsilon"] = mustJSON(c.HeadDim), number(c.NormEps)
		if fine := func(_, _, _ string) {}; chatGLMBase*ropeRatio(values, fine) != c.RopeTheta {
			values["rope_ratio"] = number(c.RopeTheta / chatGLMBase)
		}
		put(values, "add_qkv_bias", c.hasBias(Query), false)
		put(values, "add_bias_linear", c.hasBias(Down), false)
		if c.KVHeads != c.Heads {
			values["multi_query_attention"] = mustJSON(true)
		}
	},
})

// chatGLMBase is the base of the rotary frequencies at rope_ratio 1.
const chatGLMBase = 10000

// ropeRatio reads what multiplies the base, and leaves it to be saved as it was.
func ropeRatio(values map[string]jsontext.Value, fail func(name, expected, found string)) float64 {
	const name = "rope_ratio"
	v, ok := values[name]
	if !ok || v.Kind() == jsontext.KindNull {
		return 1
	}
	return parseNumber(name, v, fail)
}

// chatGLMBiases reads add_qkv_bias, and add_bias_linear, which gives all linears one.
func (f *fields) chatGLMBiases() []Kind {
	qkv := f.flag("add_qkv_bias", false)
	switch {
	case f.flag("add_bias_linear", false):
		return Kinds
	case qkv:
		return []Kind{Query, Key, Value}
	}
	return nil
}

// chatGLMOnly refuses settings of the family's code that no published model has, the first ChatGLM, and quantized weights.
func (f *fields) chatGLMOnly() {
	const only = ", the only setting that this version computes"
	f.only("rmsnorm", "true"+only, "true")
	f.only("post_layer_norm", "true"+only, "true")
	f.only("apply_residual_connection_post_layernorm", "false"+only, "false")
	f.only("interleaved_qkv", "false"+only, "false")
	f.only("pre_seq_len", "null: this version has no prefix")
	f.only("quantization_bit", "0: weights that are not quantized", "0")
	f.only("position_encoding_2d", "false: a ChatGLM2 or later", "false")
}

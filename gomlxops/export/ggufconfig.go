package export

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/parelab/pare/gomlxops/export/gguf"
	"github.com/parelab/pare/gomlxops/transformer"
)

// families of the architectures, by model_type.
var archFamilies = map[string]string{archLlama: "llama", archDeci: "llama", archQwen2: "qwen2", archQwen3: "qwen3", archChatGLM: "chatglm", archGPT2: "gpt2"}

// config makes the configuration that the metadata means.
func (r *ggufReader) config() error {
	family, ok := archFamilies[r.arch]
	if !ok {
		return fmt.Errorf("metadata general.architecture: expected one of %q, found %q", slices.Sorted(maps.Keys(archFamilies)), r.arch)
	}
	k := &ggufKeys{m: r.f.Metadata, arch: r.arch}
	embedding, ok := r.f.Tensor("token_embd.weight")
	if !ok || len(embedding.Shape) != 2 {
		return fmt.Errorf("tensor token_embd.weight is missing, or no matrix")
	}
	_, untied := r.f.Tensor("output.weight")
	fields := map[string]any{
		"model_type": family, "vocab_size": embedding.Shape[0], "hidden_size": k.integer("embedding_length"), "num_hidden_layers": k.integer("block_count"),
		"max_position_embeddings": k.integer("context_length"),
		"num_attention_heads":     k.first("attention.head_count"), "intermediate_size": k.first("feed_forward_length"),
		"tie_word_embeddings": !untied,
	}
	if family != "gpt2" {
		k.rotary(fields)
	}
	shapes := k.shapes(fields)
	switch family {
	case "llama":
		fields["attention_bias"] = r.has("attn_q.bias", "attn_k.bias", "attn_v.bias", "attn_output.bias")
		fields["mlp_bias"] = r.has("ffn_gate.bias", "ffn_up.bias", "ffn_down.bias")
	case "gpt2":
		fields = map[string]any{"model_type": family, "vocab_size": fields["vocab_size"], "n_embd": fields["hidden_size"], "n_layer": fields["num_hidden_layers"],
			"n_head": fields["num_attention_heads"], "n_positions": fields["max_position_embeddings"], "n_inner": fields["intermediate_size"],
			"tie_word_embeddings": fields["tie_word_embeddings"], "layer_norm_epsilon": k.number("attention.layer_norm_epsilon", 0)}
	case "chatglm":
		fields = map[string]any{"model_type": family, "padded_vocab_size": fields["vocab_size"], "hidden_size": fields["hidden_size"],
			"num_layers": fields["num_hidden_layers"], "num_attention_heads": fields["num_attention_heads"], "ffn_hidden_size": fields["intermediate_size"],
			"seq_length": fields["max_position_embeddings"], "kv_channels": fields["head_dim"], "multi_query_attention": true,
			"multi_query_group_num": fields["num_key_value_heads"], "layernorm_epsilon": fields["rms_norm_eps"],
			"rope_ratio": k.number("rope.freq_base", 10000) / 10000, "add_qkv_bias": r.has("attn_qkv.bias"), "tie_word_embeddings": fields["tie_word_embeddings"]}
	}
	if k.err != nil {
		return k.err
	}
	return r.parse(fields, shapes)
}

// parse reads the configuration as any other.
func (r *ggufReader) parse(fields map[string]any, shapes []transformer.Shape) error {
	text, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	if r.c, err = transformer.ParseConfig(text); err != nil {
		return fmt.Errorf("metadata, as a configuration: %w", err)
	}
	if shapes != nil {
		r.c, err = r.c.WithShapes(shapes)
	}
	return err
}

// ggufKeys reads an architecture's metadata. The first error stays.
type ggufKeys struct {
	m    gguf.Metadata
	arch string
	err  error
}

func (k *ggufKeys) get(key string) any { return k.m.Get(k.arch + "." + key) }

func (k *ggufKeys) fail(key, expected string, found any) {
	if k.err == nil {
		k.err = fmt.Errorf("metadata %s.%s: expected %s, found %v", k.arch, key, expected, found)
	}
}

// whole is a number of the file as an int.
func whole(v any) (int, bool) {
	switch n := v.(type) {
	case uint32:
		return int(n), true
	case int32:
		return int(n), true
	case uint64:
		return int(n), n <= math.MaxInt32
	case int64:
		return int(n), true
	}
	return 0, false
}

func (k *ggufKeys) integer(key string) int {
	n, ok := whole(k.get(key))
	if !ok {
		k.fail(key, "a whole number", k.get(key))
	}
	return n
}

// list is a number for each layer, nil where the file has one for all.
func (k *ggufKeys) list(key string) (all []int) {
	add := func(n int) { all = append(all, n) }
	switch v := k.get(key).(type) {
	case []int32:
		for _, n := range v {
			add(int(n))
		}
	case []uint32:
		for _, n := range v {
			add(int(n))
		}
	default:
		return nil
	}
	if len(all) == 0 {
		k.fail(key, "a number for each layer", "none")
		return []int{0}
	}
	return all
}

// first is the number for all layers, or that of the first one.
func (k *ggufKeys) first(key string) int {
	if all := k.list(key); all != nil {
		return all[0]
	}
	return k.integer(key)
}

func (k *ggufKeys) number(key string, otherwise float64) float64 {
	v := k.get(key)
	if v == nil && otherwise != 0 {
		return otherwise
	}
	n, ok := v.(float32)
	if !ok || math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		k.fail(key, "a finite number", v)
		return otherwise
	}
	return shortest(n)
}

// shortest is the number with the fewest digits that a float32 may stand for: 1e-5 and not 9.999999747378752e-06.
func shortest(n float32) float64 {
	var wide float64
	if _, err := fmt.Sscan(fmt.Sprint(n), &wide); err != nil {
		return float64(n)
	}
	return wide
}

// rotary fills in what models with rotary positions have.
func (k *ggufKeys) rotary(fields map[string]any) {
	heads := k.first("attention.head_count")
	fields["num_key_value_heads"], fields["rms_norm_eps"] = heads, k.number("attention.layer_norm_rms_epsilon", 0)
	if k.get("attention.head_count_kv") != nil {
		fields["num_key_value_heads"] = k.first("attention.head_count_kv")
	}
	fields["rope_theta"] = k.number("rope.freq_base", 10000)
	width := 0
	if k.get("attention.key_length") != nil {
		width = k.integer("attention.key_length")
	} else if heads > 0 {
		width = k.integer("embedding_length") / heads
	}
	fields["head_dim"] = width
	turned := width
	if k.arch == archChatGLM {
		turned /= 2
	}
	if n := k.get("rope.dimension_count"); n != nil && k.integer("rope.dimension_count") != turned {
		k.fail("rope.dimension_count", fmt.Sprint(turned), n)
	}
	k.scaling(fields)
}

func (k *ggufKeys) scaling(fields map[string]any) {
	if text, ok := k.m.Get(scalingKey).(string); ok {
		fields["rope_scaling"] = json.RawMessage(text)
		if !json.Valid([]byte(text)) {
			k.fail(scalingKey, "JSON", text)
		}
		return
	}
	kind, _ := k.get("rope.scaling.type").(string)
	switch kind {
	case "", "none":
	case "linear":
		fields["rope_scaling"] = map[string]any{"rope_type": kind, "factor": k.number("rope.scaling.factor", 0)}
	case "yarn":
		fields["rope_scaling"] = map[string]any{"rope_type": kind, "factor": k.number("rope.scaling.factor", 0),
			"original_max_position_embeddings": k.integer("rope.scaling.original_context_length")}
	default:
		k.fail("rope.scaling.type", "none, linear or yarn", kind)
	}
}

// shapes are the sizes of each layer, where the file has them apart.
func (k *ggufKeys) shapes(fields map[string]any) []transformer.Shape {
	heads, groups, channels := k.list("attention.head_count"), k.list("attention.head_count_kv"), k.list("feed_forward_length")
	if heads == nil && groups == nil && channels == nil {
		return nil
	}
	layers := k.integer("block_count")
	at := func(all []int, key string, l int) int {
		if all == nil {
			n, _ := fields[key].(int)
			return n
		}
		if l >= len(all) {
			k.fail("block_count", fmt.Sprintf("as many layers as lists have, %d", len(all)), layers)
			return 1
		}
		return all[l]
	}
	var shapes []transformer.Shape
	for l := range min(layers, 1<<16) {
		if k.err != nil {
			return nil
		}
		shapes = append(shapes, transformer.Shape{Heads: at(heads, "num_attention_heads", l), KVHeads: at(groups, "num_key_value_heads", l), MLP: at(channels, "intermediate_size", l)})
	}
	return shapes
}

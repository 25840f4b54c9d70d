package prune_test

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/prune"
	"github.com/parelab/pare/gomlxops/transformer"
)

const sizes = `"vocab_size":37,"hidden_size":24,"num_hidden_layers":3,"max_position_embeddings":32,"num_attention_heads":4,`

// families are small models of every family that pare opens, in the spelling of its files.
var families = map[string]string{
	"llama, biases":             `{"model_type":"llama",` + sizes + `"num_key_value_heads":2,"intermediate_size":20,"hidden_act":"silu","attention_bias":true,"mlp_bias":true}`,
	"llama, one key-value head": `{"model_type":"llama",` + sizes + `"num_key_value_heads":1,"intermediate_size":20,"hidden_act":"silu"}`,
	"mistral":                   `{"model_type":"mistral",` + sizes + `"num_key_value_heads":2,"intermediate_size":20,"hidden_act":"silu","sliding_window":5}`,
	"qwen2":                     `{"model_type":"qwen2",` + sizes + `"num_key_value_heads":2,"intermediate_size":20,"hidden_act":"silu","use_sliding_window":true,"sliding_window":4,"max_window_layers":1,"tie_word_embeddings":true}`,
	"qwen3":                     `{"model_type":"qwen3",` + sizes + `"num_key_value_heads":2,"intermediate_size":20,"hidden_act":"silu","head_dim":8,"rope_theta":1000000}`,
	"opt":                       `{"model_type":"opt",` + sizes + `"ffn_dim":20,"word_embed_proj_dim":24,"activation_function":"relu","do_layer_norm_before":true,"bos_token_id":2,"eos_token_id":2}`,
	"gpt2":                      `{"model_type":"gpt2","vocab_size":37,"n_embd":24,"n_layer":3,"n_head":4,"n_positions":32,"n_inner":20,"activation_function":"gelu_new"}`,
	"chatglm":                   `{"model_type":"chatglm","padded_vocab_size":37,"hidden_size":24,"num_layers":3,"num_attention_heads":4,"kv_channels":8,"multi_query_attention":true,"multi_query_group_num":2,"ffn_hidden_size":20,"seq_length":32,"add_qkv_bias":true,"rmsnorm":true,"layernorm_epsilon":1e-5}`,
}

// family makes a model of random weights of which each has a say.
func family(t *testing.T, config string) *transformer.Model {
	t.Helper()
	c, err := transformer.ParseConfig([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	tensors := map[string][]float32{}
	for _, s := range c.TensorShapes() {
		w := make([]float32, s.Elements())
		for i := range w {
			w[i] = float32(0.3 * rng.NormFloat64())
			if len(s.Shape) == 1 && strings.HasSuffix(s.Name, ".weight") {
				w[i]++
			}
		}
		tensors[s.Name] = w
	}
	dir := filepath.Join(t.TempDir(), "model")
	if err := transformer.SaveTensors(context.Background(), dir, c, tensors, "F32", nil); err != nil {
		t.Fatal(err)
	}
	return open(t, dir)
}

// TestFamilies: for every family the graph finds heads and channels of every layer and one stream; cutting agrees with masking; layers go too.
func TestFamilies(t *testing.T) {
	tried := map[string]bool{}
	for name, config := range families {
		t.Run(name, func(t *testing.T) {
			m := family(t, config)
			c := m.Config()
			tried[c.ModelType] = true
			g, err := prune.Of(c)
			if err != nil {
				t.Fatal(err)
			}
			kind, units := prune.Heads, c.KVHeads
			if _, queries := prune.Units(c, 0); queries {
				kind, units = prune.QueryHeads, c.Heads
			}
			for _, d := range only(t, g, kind, c.Layers) {
				if len(d.Groups) != units || d.Fixed != "" {
					t.Errorf("%d heads (%q), expected %d", len(d.Groups), d.Fixed, units)
				}
			}
			for _, d := range only(t, g, prune.Channels, c.Layers) {
				if len(d.Groups) != c.IntermediateSize || d.Fixed != "" {
					t.Errorf("%d channels (%q), expected %d", len(d.Groups), d.Fixed, c.IntermediateSize)
				}
			}
			if d := only(t, g, prune.Hidden, 1)[0]; len(d.Groups) != c.HiddenSize || d.Fixed != "" {
				t.Errorf("%d hidden channels (%q)", len(d.Groups), d.Fixed)
			}
			if len(g.Branches) != 2*c.Layers {
				t.Errorf("%d branches in %d layers", len(g.Branches), c.Layers)
			}
			for _, o := range []prune.Options{{Ratio: 0.5}, {Ratio: 0.5, ProtectLast: 1}} {
				plan, err := o.Plan(c, randomScores(c, 3))
				if err != nil {
					t.Fatal(err)
				}
				small := cut(t, m.Dense(), plan, prune.CutOptions{})
				sequences := [][]int32{{1, 2, 3, 4, 5, 6, 7, 8, 9}, {36, 0, 12, 9, 30, 7, 7, 22, 5}}
				if far := furthest(t, logits(t, masked(t, m, plan), sequences), logits(t, small.Dense(), sequences)); far > 1e-5 {
					t.Errorf("%+v: logits differ by %.2g", o, far)
				}
				if small.Params() >= m.Params() {
					t.Errorf("%+v: %d parameters of %d", o, small.Params(), m.Params())
				}
			}
			layers, err := prune.Options{Ratio: 0.5}.LayerPlan(c, prune.Scores{Layers: []float64{3, 1, 2}})
			if err != nil {
				t.Fatal(err)
			}
			if n := cut(t, m.Dense(), layers, prune.CutOptions{}).Config().Layers; n != 1 { // int(3·0.5) stays
				t.Errorf("%d layers", n)
			}
			hidden, err := prune.Options{Ratio: 0.5}.ChannelPlan(c, randomScores(c, 4))
			if err != nil {
				t.Fatal(err)
			}
			narrow := cut(t, m.Dense(), hidden, prune.CutOptions{})
			if n := narrow.Config().HiddenSize; n != 12 || len(logits(t, narrow.Dense(), [][]int32{{1, 2, 3}})) != 3*37 {
				t.Errorf("%d hidden channels", n)
			}
		})
	}
	for _, f := range transformer.Families() {
		if !tried[f] {
			t.Errorf("family %s was not tried", f)
		}
	}
}

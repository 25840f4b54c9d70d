package export_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/transformer"
)

// made is a small model: its name and config.json.
type made struct{ name, config string }

const sizes = `"vocab_size":29,"hidden_size":24,"intermediate_size":40,"num_hidden_layers":3,"num_attention_heads":4,"num_key_value_heads":2,"max_position_embeddings":32`

// families holds one model of each family.
func families() []made {
	return []made{
		{"llama", `"model_type":"llama",` + sizes},
		{"mistral", `"model_type":"mistral","sliding_window":5,` + sizes},
		{"qwen2", `"model_type":"qwen2","tie_word_embeddings":true,"bos_token_id":1,"eos_token_id":2,` + sizes},
		{"qwen3", `"model_type":"qwen3","head_dim":8,` + sizes},
		{"gpt2", `"model_type":"gpt2","vocab_size":29,"n_embd":24,"n_layer":3,"n_head":4,"n_positions":32`},
		{"opt", `"model_type":"opt","vocab_size":29,"hidden_size":24,"ffn_dim":40,"num_hidden_layers":3,"num_attention_heads":4,"max_position_embeddings":32`},
		{"chatglm", `"model_type":"chatglm","add_qkv_bias":true,"padded_vocab_size":29,"hidden_size":24,"ffn_hidden_size":40,"num_layers":3,"num_attention_heads":3,"kv_channels":8,"multi_query_attention":true,"multi_query_group_num":1,"seq_length":32`},
	}
}

// positions are models whose positions are scaled, and some layers' windows.
var positions = []made{
	{"linear", `"model_type":"llama","rope_scaling":{"rope_type":"linear","factor":2},` + sizes},
	{"dynamic", `"model_type":"llama","rope_scaling":{"rope_type":"dynamic","factor":2},` + strings.Replace(sizes, `"max_position_embeddings":32`, `"max_position_embeddings":8`, 1)},
	{"llama3", `"model_type":"llama","rope_scaling":{"rope_type":"llama3","factor":4,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":16},` + sizes},
	{"yarn", `"model_type":"llama","rope_scaling":{"rope_type":"yarn","factor":4,"original_max_position_embeddings":8},` + sizes},
	{"some windows", `"model_type":"qwen2","use_sliding_window":true,"sliding_window":4,"max_window_layers":1,` + sizes},
	{"gelu and biases", `"model_type":"llama","hidden_act":"gelu","attention_bias":true,"mlp_bias":true,` + sizes},
}

// open makes the model with random weights, biases among them, and with layers of the sizes given; nil leaves them.
func (c made) open(t *testing.T, shapes []transformer.Shape) *transformer.Model {
	t.Helper()
	config, err := transformer.ParseConfig([]byte("{" + c.config + "}"))
	if err != nil {
		t.Fatal(err)
	}
	if shapes != nil {
		if config, err = config.WithShapes(shapes); err != nil {
			t.Fatal(err)
		}
	}
	rng, weights := rand.New(rand.NewPCG(1, 2)), config.Init(3)
	for name, values := range weights {
		for i := range values {
			switch {
			case strings.HasSuffix(name, ".bias"):
				values[i] = float32(0.3 * rng.NormFloat64())
			case values[i] == 1: // a norm
				values[i] = float32(1 + 0.2*rng.NormFloat64())
			default:
				values[i] *= 10 // so that 24 channels make a difference
			}
		}
	}
	dir := filepath.Join(t.TempDir(), "model")
	extra := map[string][]byte{"tokenizer_config.json": []byte("{}"), "generation_config.json": []byte(`{"temperature":0.5}`)}
	if err := transformer.SaveTensors(t.Context(), dir, config, weights, "F32", extra); err != nil {
		t.Fatal(err)
	}
	return opened(t, dir)
}

func opened(t *testing.T, dir string) *transformer.Model {
	t.Helper()
	m, err := transformer.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// factors holds two linears of three in random factors, close to none, half of them with biases of their own.
func factors(t *testing.T, m *transformer.Model, biases bool) *transformer.Variant {
	t.Helper()
	rng, forms := rand.New(rand.NewPCG(5, 6)), map[string]transformer.Form{}
	for i, l := range m.Linears() {
		if i%3 == 0 {
			continue
		}
		f := &transformer.Factored{Rank: 2 + i%4, Bias: normal(rng, l.Out, 0.3)}
		f.B, f.A = normal(rng, l.Out*f.Rank, 0.3), normal(rng, f.Rank*l.In, 0.4)
		if !l.Bias && (!biases || i%2 == 0) {
			f.Bias = nil
		}
		forms[l.Name] = f
	}
	v, err := m.With(forms)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func normal(rng *rand.Rand, n int, scale float64) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(scale * rng.NormFloat64())
	}
	return values
}

// shrunk is the model with layers of different sizes, and factors.
func shrunk(t *testing.T, c made) *transformer.Variant {
	t.Helper()
	config, err := transformer.ParseConfig([]byte("{" + c.config + "}"))
	if err != nil {
		t.Fatal(err)
	}
	per := config.Heads / config.KVHeads
	var shapes []transformer.Shape
	for l := range config.Layers {
		groups := config.KVHeads - l%min(2, config.KVHeads)
		shapes = append(shapes, transformer.Shape{Heads: groups * per, KVHeads: groups, MLP: 40 - 7*l})
	}
	return factors(t, c.open(t, shapes), true)
}

// bareGPT2 is a GPT-2 whose names lack their prefix, as on the hub.
func bareGPT2(t *testing.T, c made) *transformer.Variant {
	t.Helper()
	m := c.open(t, nil)
	path := filepath.Join(m.Dir(), "model.safetensors")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n := 8 + int(data[0]) + int(data[1])<<8 + int(data[2])<<16
	header := strings.ReplaceAll(string(data[8:n]), `"transformer.`, `"`)
	header += strings.Repeat(" ", n-8-len(header))
	fresh := filepath.Join(t.TempDir(), "bare")
	if err := os.CopyFS(fresh, os.DirFS(m.Dir())); err != nil {
		t.Fatal(err)
	}
	copied := append(append(append([]byte(nil), data[:8]...), header...), data[n:]...)
	if err := os.WriteFile(filepath.Join(fresh, "model.safetensors"), copied, 0o644); err != nil {
		t.Fatal(err)
	}
	return factors(t, opened(t, fresh), true)
}

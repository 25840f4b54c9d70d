package export_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/export"
	"github.com/parelab/pare/gomlxops/export/gguf"
	"github.com/parelab/pare/gomlxops/transformer"
)

// wide is a model whose rows fill blocks of 32.
const wide = `"vocab_size":40,"hidden_size":32,"intermediate_size":64,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"max_position_embeddings":32`

// ggufCase is a model with the architecture of llama.cpp that it must become.
type ggufCase struct {
	made
	arch   string
	shapes []transformer.Shape
	merge  bool // hold some linears in factors with biases, and multiply them out
}

var different = []transformer.Shape{{Heads: 4, KVHeads: 2, MLP: 64}, {Heads: 2, KVHeads: 1, MLP: 32}}
var fewer = []transformer.Shape{{Heads: 2, KVHeads: 1, MLP: 32}, {Heads: 2, KVHeads: 1, MLP: 32}}

var ggufCases = []ggufCase{
	{made{"llama", `"model_type":"llama",` + wide}, "llama", nil, false},
	{made{"llama tied", `"model_type":"llama","tie_word_embeddings":true,` + wide}, "llama", nil, false},
	{made{"llama merged", `"model_type":"llama",` + wide}, "llama", nil, true},
	{made{"llama with biases", `"model_type":"llama","attention_bias":true,"mlp_bias":true,` + wide}, "llama", nil, false},
	{made{"llama, fewer heads", `"model_type":"llama",` + wide}, "llama", fewer, false},
	{made{"llama, layers differ", `"model_type":"llama",` + wide}, "deci", different, true},
	{made{"linear", `"model_type":"llama","rope_scaling":{"rope_type":"linear","factor":2},` + wide}, "llama", nil, false},
	{made{"llama3", `"model_type":"llama","rope_scaling":{"rope_type":"llama3","factor":4,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":16},` + wide}, "llama", nil, false},
	{made{"yarn", `"model_type":"qwen2","rope_scaling":{"rope_type":"yarn","factor":4,"original_max_position_embeddings":8},` + wide}, "qwen2", nil, false},
	{made{"mistral", `"model_type":"mistral","sliding_window":30,` + wide}, "llama", nil, false},
	{made{"qwen2", `"model_type":"qwen2",` + wide}, "qwen2", nil, false},
	{made{"qwen2, fewer heads", `"model_type":"qwen2",` + wide}, "llama", fewer, false},
	{made{"qwen2 merged", `"model_type":"qwen2",` + wide}, "llama", nil, true},
	{made{"qwen3", `"model_type":"qwen3","head_dim":16,` + wide}, "qwen3", nil, false},
	{made{"gpt2", `"model_type":"gpt2","vocab_size":40,"n_embd":32,"n_layer":2,"n_head":4,"n_positions":32`}, "gpt2", nil, true},
	{made{"chatglm", `"model_type":"chatglm","add_qkv_bias":true,"padded_vocab_size":40,"hidden_size":32,"ffn_hidden_size":64,"num_layers":2,"num_attention_heads":4,"kv_channels":8,"multi_query_attention":true,"multi_query_group_num":2,"seq_length":32`}, "chatglm", nil, false},
}

func (c ggufCase) variant(t *testing.T) *transformer.Variant {
	t.Helper()
	m := c.open(t, c.shapes)
	if c.merge {
		return factors(t, m, true)
	}
	return m.Dense()
}

// TestGGUF writes every architecture in every type and reads it back: all but rounding is there.
func TestGGUF(t *testing.T) {
	// What logits of a size of 3 or so may be off by: measured, and about doubled; F32 is the order of sums.
	within := map[string]float64{"F32": 1e-4, "F16": 0.04, "BF16": 0.4, "Q8_0": 0.7}
	worst := map[string]float64{}
	defer func() { t.Logf("largest differences: %v", worst) }()
	for _, c := range ggufCases {
		v := c.variant(t)
		for dtype, most := range within {
			if dtype != "F32" && c.arch == "llama" && c.name != "llama" && c.name != "llama merged" {
				continue
			}
			path := filepath.Join(t.TempDir(), "model.gguf")
			result, err := export.GGUF(t.Context(), path, v, nil, export.Options{DType: dtype, Merge: c.merge})
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			again := fromGGUF(t, path)
			compared, err := export.Compare(t.Context(), v, again.Dense(), prompts(v.Model().Config()))
			if err != nil {
				t.Fatalf("%s as %s: %v", c.name, dtype, err)
			}
			worst[dtype] = max(worst[dtype], compared.Difference)
			if !(compared.Difference <= most) || dtype != "F32" && compared.Difference == 0 || compared.Logit < 0.5 {
				t.Errorf("%s as %s: %+v", c.name, dtype, compared)
			}
			if result.Params != countDense(v, again) || !strings.HasSuffix(result.Loads, "architecture "+c.arch) || len(result.Files) != 1 {
				t.Errorf("%s: %+v, %d parameters read back", c.name, result, again.Params())
			}
		}
	}
}

// countDense is the number of parameters of what was read back, less the biases that only its configuration has.
func countDense(v *transformer.Variant, again *transformer.Model) int64 {
	n := again.Params()
	for i, l := range again.Linears() {
		was := v.Model().Linears()[i]
		parts := v.Held(was).Parts()
		if has := len(parts[len(parts)-1].Shape) == 1 || was.Bias; l.Bias && !has {
			n -= int64(l.Out)
		}
	}
	return n
}

func fromGGUF(t *testing.T, path string) *transformer.Model {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "again")
	if err := export.ReadGGUF(t.Context(), path, dir, nil); err != nil {
		t.Fatal(err)
	}
	return opened(t, dir)
}

// TestGGUFInPython has NumPy read the files and run them as llama.cpp's graphs go.
func TestGGUFInPython(t *testing.T) {
	if out, err := exec.Command(python, "-c", "import numpy").CombinedOutput(); err != nil {
		t.Skipf("no NumPy at %s, so files are not read there: %v %s", python, err, bytes.TrimSpace(out))
	}
	type ggufRun struct {
		Path   string    `json:"path"`
		Tokens [][]int32 `json:"tokens"`
		Out    string    `json:"out"`
	}
	var runs []ggufRun
	var want []*transformer.Variant
	var archs []string
	for _, c := range ggufCases {
		v := c.variant(t)
		for _, dtype := range []string{"F32", "Q8_0", "F16", "BF16"} {
			if dtype != "F32" && c.name != "llama" && c.name != "gpt2" {
				continue
			}
			path := filepath.Join(t.TempDir(), "model.gguf")
			if _, err := export.GGUF(t.Context(), path, v, nil, export.Options{DType: dtype, Merge: true}); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			runs = append(runs, ggufRun{path, prompts(v.Model().Config()), filepath.Join(t.TempDir(), "logits")})
			of := v
			if dtype != "F32" {
				of = fromGGUF(t, path).Dense() // the rounded weights, as we read them
			}
			want, archs = append(want, of), append(archs, c.arch)
		}
	}
	lines := runPython(t, "run_gguf.py", runs)
	if len(lines) != len(runs) || len(runs) != len(ggufCases)+6 {
		t.Fatalf("%d lines for %d runs", len(lines), len(runs))
	}
	for i, r := range runs {
		logits, err := want[i].Logits(t.Context(), r.Tokens)
		if err != nil {
			t.Fatal(err)
		}
		if off := farthest(floats(t, r.Out), logits); !(off <= 1e-4) || !strings.Contains(lines[i], fmt.Sprintf("%q", archs[i])) {
			t.Errorf("run %d: logits off by %.2g; %s", i, off, lines[i])
		} else {
			t.Logf("run %d: logits off by %.2g; %s", i, off, lines[i])
		}
	}
}

// TestGGUFVocabulary writes a tokenizer, with names for rows that have no token.
func TestGGUFVocabulary(t *testing.T) {
	v := ggufCases[0].variant(t)
	words := &export.Vocabulary{Model: "gpt2", PreTokenizer: "gpt-2", Tokens: []string{"a", "b", "", "ab"}, Types: []int32{1, 1, 1, 3}, Merges: []string{"a b"},
		BOS: 3, EOS: -1, Unknown: -1, Pad: -1, AddBOS: true, ChatTemplate: "{{ x }}"}
	path := filepath.Join(t.TempDir(), "model.gguf")
	if _, err := export.GGUF(t.Context(), path, v, words, export.Options{}); err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tokens, _ := f.Metadata.Get("tokenizer.ggml.tokens").([]string)
	types, _ := f.Metadata.Get("tokenizer.ggml.token_type").([]int32)
	if len(tokens) != 40 || len(types) != 40 || tokens[2] != "[PAD2]" || types[2] != 5 || tokens[39] != "[PAD39]" || types[39] != 5 || types[3] != 3 {
		t.Errorf("%q %v", tokens, types)
	}
	for key, want := range map[string]any{"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "gpt-2", "tokenizer.ggml.bos_token_id": uint32(3), "tokenizer.ggml.eos_token_id": nil,
		"tokenizer.ggml.add_bos_token": true, "tokenizer.chat_template": "{{ x }}", "tokenizer.ggml.scores": nil, "general.file_type": uint32(1)} {
		if got := f.Metadata.Get(key); got != want {
			t.Errorf("%s: %v, want %v", key, got, want)
		}
	}
	words.Tokens = make([]string, 41)
	if _, err := export.GGUF(t.Context(), path, v, words, export.Options{Overwrite: true}); err == nil || !strings.Contains(err.Error(), "at most 40 tokens") {
		t.Errorf("too many tokens: %v", err)
	}
}

// TestGGUFRefused lists what llama.cpp has no place for, and that nothing is left behind.
func TestGGUFRefused(t *testing.T) {
	of := func(config string, shapes []transformer.Shape) *transformer.Variant {
		return made{"", config}.open(t, shapes).Dense()
	}
	llama := ggufCases[0].variant(t)
	for name, c := range map[string]struct {
		v    *transformer.Variant
		opt  export.Options
		want string
	}{
		"factors":        {ggufCases[2].variant(t), export.Options{}, "--merge"},
		"dtype":          {llama, export.Options{DType: "Q4_K"}, `found "Q4_K"`},
		"opt":            {families()[5].open(t, nil).Dense(), export.Options{}, "family opt"},
		"dynamic":        {positions[1].open(t, nil).Dense(), export.Options{}, `rope_scaling "dynamic"`},
		"gelu":           {positions[5].open(t, nil).Dense(), export.Options{}, "gated by gelu"},
		"pruned qwen3":   {of(`"model_type":"qwen3","head_dim":16,`+wide, different), export.Options{}, "layers differ"},
		"biased qwen3":   {of(`"model_type":"qwen3","head_dim":16,"attention_bias":true,`+wide, nil), export.Options{}, "biases"},
		"pruned gpt2":    {of(ggufCases[14].config, []transformer.Shape{{Heads: 4, KVHeads: 4, MLP: 8}, {Heads: 2, KVHeads: 2, MLP: 8}}), export.Options{}, "pruned"},
		"qwen3 by table": {of(`"model_type":"qwen3","head_dim":16,"rope_scaling":{"rope_type":"llama3","factor":4,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":16},`+wide, nil), export.Options{}, "llama3"},
	} {
		parent := t.TempDir()
		_, err := export.GGUF(t.Context(), filepath.Join(parent, "x.gguf"), c.v, nil, c.opt)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if left, _ := os.ReadDir(parent); len(left) > 0 {
			t.Errorf("%s left %v behind", name, left)
		}
	}
	path := filepath.Join(t.TempDir(), "there")
	if err := os.WriteFile(path, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{path, filepath.Dir(path)} {
		if _, err := export.GGUF(t.Context(), at, llama, nil, export.Options{}); err == nil || !strings.Contains(err.Error(), "choose another name") {
			t.Errorf("over %s: %v", at, err)
		}
	}
	if string(mustRead(t, path)) != "mine" {
		t.Error("the file is gone")
	}
}

// TestGGUFWindows says where llama.cpp leaves windows out.
func TestGGUFWindows(t *testing.T) {
	result, err := export.GGUF(t.Context(), filepath.Join(t.TempDir(), "x.gguf"), families()[1].open(t, nil).Dense(), nil, export.Options{})
	if err != nil || len(result.Warnings) != 2 || !strings.Contains(result.Warnings[0], "more than 5 tokens") {
		t.Errorf("%+v, %v", result, err)
	}
}

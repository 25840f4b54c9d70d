package export_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/export"
	"github.com/parelab/pare/gomlxops/transformer"
)

// TestHFReadBack reads exports of every family back: factors bit for bit, multiplied out within rounding; and once more from there.
func TestHFReadBack(t *testing.T) {
	for _, c := range families() {
		v := shrunk(t, c)
		again := readBack(t, v, export.Options{})
		same(t, c.name, v, again, 0)
		if again.Ordinary() {
			t.Errorf("%s: factors are ordinary", c.name)
		}
		same(t, c.name+" once more", v, readBack(t, again, export.Options{}), 0)
		whole := factors(t, c.open(t, nil), false)
		merged := readBack(t, readBack(t, whole, export.Options{}), export.Options{Merge: true}) // what lay beside the factors stays behind
		same(t, c.name+" merged", whole, merged, 1e-4)
		if !merged.Ordinary() {
			t.Errorf("%s: merged is no ordinary checkpoint", c.name)
		}
		config, err := os.ReadFile(filepath.Join(merged.Model().Dir(), "config.json"))
		if err != nil || strings.Contains(string(config), "auto_map") {
			t.Errorf("%s: %v, %s", c.name, err, config)
		}
		if _, err := os.Stat(filepath.Join(merged.Model().Dir(), "modeling_pare.py")); err == nil {
			t.Errorf("%s: a program for an ordinary checkpoint", c.name)
		}
		if _, err := os.Stat(filepath.Join(merged.Model().Dir(), "generation_config.json")); err != nil {
			t.Error(err)
		}
		if strings.Contains(string(config), `"pare"`) || c.name == "llama" && !strings.Contains(string(config), `"LlamaForCausalLM"`) {
			t.Errorf("%s: %s", c.name, config)
		}
		if !strings.Contains(string(mustRead(t, filepath.Join(again.Model().Dir(), "config.json"))), "modeling_pare.PareForCausalLM") {
			t.Errorf("%s: no program is named", c.name)
		}
	}
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func readBack(t *testing.T, v *transformer.Variant, opt export.Options) *transformer.Variant {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "out")
	if _, err := export.HF(t.Context(), dir, v, opt); err != nil {
		t.Fatal(err)
	}
	return opened(t, dir).Dense()
}

func same(t *testing.T, name string, v, again *transformer.Variant, within float64) {
	t.Helper()
	c, err := export.Compare(t.Context(), v, again, prompts(v.Model().Config()))
	if err != nil {
		t.Fatal(err)
	}
	if !(c.Difference <= within) || c.Tokens != 28 || c.SameBest != 28 || !(c.Logit > 0.5) {
		t.Errorf("%s: %+v", name, c)
	}
}

// TestMergedPrunedStaysApart multiplies factors out of a model whose layers differ: still no ordinary checkpoint, but whole matrices.
func TestMergedPrunedStaysApart(t *testing.T) {
	v := shrunk(t, families()[0])
	dir := filepath.Join(t.TempDir(), "out")
	result, err := export.HF(t.Context(), dir, v, export.Options{Merge: true})
	if err != nil {
		t.Fatal(err)
	}
	again := opened(t, dir).Dense()
	same(t, "merged", v, again, 1e-4)
	if again.Ordinary() || result.Merged != 14 || !strings.Contains(result.Loads, "trust_remote_code") {
		t.Errorf("%+v", result)
	}
	for _, l := range again.Model().Linears() {
		if again.Held(l).Name() != "dense" {
			t.Errorf("%s is %s", l.Name, again.Held(l).Name())
		}
	}
}

// TestDTypes exports in two bytes a number.
func TestDTypes(t *testing.T) {
	v := shrunk(t, families()[0])
	for dtype, within := range map[string]float64{"BF16": 0.3, "F16": 0.04, "F32": 0} {
		again := readBack(t, v, export.Options{DType: dtype})
		c, err := export.Compare(t.Context(), v, again, prompts(v.Model().Config()))
		if err != nil || !(c.Difference <= within) || dtype != "F32" && c.Difference == 0 {
			t.Errorf("%s: %+v, %v", dtype, c, err)
		}
	}
}

// TestProgramsGoAlong copies the programs that a model's own configuration names.
func TestProgramsGoAlong(t *testing.T) {
	m := families()[6].open(t, nil)
	path := filepath.Join(m.Dir(), "config.json")
	var config map[string]any
	if err := json.Unmarshal(mustRead(t, path), &config); err != nil {
		t.Fatal(err)
	}
	config["auto_map"] = map[string]string{"AutoModel": "modeling_chatglm.ChatGLMForConditionalGeneration"}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"config.json": text, "modeling_chatglm.py": []byte("pass\n"), "quantization.py": []byte("pass\n")} {
		if err := os.WriteFile(filepath.Join(m.Dir(), name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	again := readBack(t, opened(t, m.Dir()).Dense(), export.Options{})
	for _, name := range []string{"modeling_chatglm.py", "quantization.py"} {
		mustRead(t, filepath.Join(again.Model().Dir(), name))
	}
}

// TestRefused lists what cannot be exported, and that nothing is left behind.
func TestRefused(t *testing.T) {
	llama := families()[0].open(t, nil)
	l := llama.Linears()[0]
	side := &transformer.Side{Rank: 1, A: make([]float32, l.In), B: make([]float32, l.Out), Scale: 1}
	adapted, err := llama.Dense().Adapt(map[string][]*transformer.Side{l.Name: {side}})
	if err != nil {
		t.Fatal(err)
	}
	mistral := factors(t, families()[1].open(t, nil), true)
	for name, c := range map[string]struct {
		v    *transformer.Variant
		opt  export.Options
		dir  string
		want string
	}{
		"adapter":     {adapted, export.Options{}, "new", "merge the adapter first"},
		"biases":      {mistral, export.Options{Merge: true}, "new", "no room"},
		"dtype":       {llama.Dense(), export.Options{DType: "Q4"}, "new", `found "Q4"`},
		"over itself": {llama.Dense(), export.Options{Overwrite: true}, llama.Dir(), "the model itself"},
		"over others": {llama.Dense(), export.Options{}, mistral.Model().Dir(), "choose another name"},
	} {
		parent := t.TempDir()
		dir := c.dir
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(parent, dir)
		}
		_, err := export.HF(t.Context(), dir, c.v, c.opt)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if left, _ := os.ReadDir(parent); len(left) > 0 {
			t.Errorf("%s left %v behind", name, left)
		}
	}
}

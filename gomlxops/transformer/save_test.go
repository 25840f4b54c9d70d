package transformer

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func saveAndOpen(t *testing.T, v *Variant, opt SaveOptions) *Model {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "model")
	if err := Save(context.Background(), dir, v, opt); err != nil {
		t.Fatal(err)
	}
	return openDir(t, dir)
}

func saveTensorsAndOpen(t *testing.T, c *Config, weights map[string][]float32) *Model {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "model")
	if err := SaveTensors(context.Background(), dir, c, weights, "F32", nil); err != nil {
		t.Fatal(err)
	}
	return openDir(t, dir)
}

func openDir(t *testing.T, dir string) *Model {
	t.Helper()
	m, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// TestSaveDense saves a dense model over many shards and finds an ordinary checkpoint with the same numbers.
func TestSaveDense(t *testing.T) {
	m := openOracle(t, "mha")
	again := saveAndOpen(t, m.Dense(), SaveOptions{ShardBytes: 30_000})
	if len(again.files) < 5 {
		t.Errorf("30 kB shards gave %d files", len(again.files))
	}
	compared := 0
	for _, s := range m.Config().TensorShapes() {
		want, _, _ := m.Float32(s.Name)
		got, _, err := again.Float32(s.Name)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s changed: %v", s.Name, err)
		}
		compared++
	}
	if compared == 0 {
		t.Error("compared nothing")
	}
	before, _ := m.Config().JSON()
	after, _ := again.Config().JSON()
	if string(before) != string(after) || !strings.Contains(string(after), "initializer_range") || strings.Contains(string(after), "pare") {
		t.Errorf("the configuration changed from\n%s\nto\n%s", before, after)
	}
}

// TestSaveFactored saves a variant, reads its forms back, replaces further and saves again.
func TestSaveFactored(t *testing.T) {
	m := openOracle(t, "mha")
	q, down := m.Linears()[0], m.Linears()[13]
	dense := &Dense{Out: q.Out, In: q.In, W: make([]float32, q.Params()), Bias: make([]float32, q.Out)}
	fillNormal(dense.Bias, 1, 1, "bias")
	forms := map[string]Form{q.Name: dense, down.Name: factoredFor(down, 7, true), m.Linears()[1].Name: factoredFor(m.Linears()[1], 3, false)}
	v, err := m.With(forms)
	if err != nil {
		t.Fatal(err)
	}
	first := saveAndOpen(t, v, SaveOptions{})
	second := saveAndOpen(t, first.Dense(), SaveOptions{})
	for _, again := range []*Model{first, second} {
		if again.Params() != v.Params() || again.Dense().LinearParams() != v.LinearParams() {
			t.Errorf("%d parameters saved, %d read back", v.Params(), again.Params())
		}
		for name, form := range forms {
			compareForms(t, name, again.Dense(), form)
		}
	}
	if _, err := first.With(map[string]Form{down.Name: factoredFor(down, 2, false)}); err != nil {
		t.Error(err)
	}
	compareForms(t, down.Name, first.Dense(), forms[down.Name]) // a variant of it leaves the model as it was
	text, _ := os.ReadFile(filepath.Join(first.Dir(), "config.json"))
	if !strings.Contains(string(text), `"model_type": "pare"`) {
		t.Errorf("other programs would misread the directory: %s", text)
	}
	if d1, _ := first.Digest(); d1 == "" {
		t.Error("no digest")
	} else if d2, _ := second.Digest(); d1 != d2 {
		t.Error("saving again changed the digest")
	}
}

func compareForms(t *testing.T, name string, v *Variant, want Form) {
	t.Helper()
	got, ok := v.Form(name)
	if !ok || got.Name() != want.Name() || got.Params() != want.Params() {
		t.Fatalf("%s: saved as %s with %d numbers, read back as %v", name, want.Name(), want.Params(), got)
	}
	for i, p := range want.Parts() {
		a, b := make([]float32, p.Elements()), make([]float32, p.Elements())
		if err := errors.Join(want.Read(i, a), got.Read(i, b)); err != nil || !slices.Equal(a, b) {
			t.Errorf("%s.%s changed: %v", name, p.Suffix, err)
		}
	}
}

// TestOpenFactoredDisagrees damages the "pare" section of a saved directory and sees the tensor or field named.
func TestOpenFactoredDisagrees(t *testing.T) {
	m := openOracle(t, "mha")
	l := m.Linears()[6]
	v, _ := m.With(map[string]Form{l.Name: factoredFor(l, 5, true)})
	saved := saveAndOpen(t, v, SaveOptions{})
	path := filepath.Join(saved.Dir(), "config.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, mention string }{
		{`"rank": 5`, `"rank": 6`, l.Name + ".A.weight: expected shape [6 112]"},
		{`"rank": 5`, `"rank": 0`, "rank"},
		{`"bias": true`, `"bias": "yes"`, "field pare"},
		{`"form": "factored"`, `"form": "quilted"`, "quilted"},
		{`layers.0.mlp.down_proj`, `layers.9.mlp.down_proj`, "layers.9.mlp.down_proj"},
		{`"version": 1`, `"version": 2`, "pare.version"},
		{`"model_type": "pare"`, `"model_type": "llama"`, "model_type"},
	} {
		changed := strings.Replace(string(text), c.old, c.new, 1)
		if changed == string(text) {
			t.Fatalf("%s is not in\n%s", c.old, text)
		}
		if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(saved.Dir()); err == nil || !strings.Contains(err.Error(), c.mention) || !strings.Contains(err.Error(), saved.Dir()) {
			t.Errorf("%s instead of %s: expected an error with %q, found %v", c.new, c.old, c.mention, err)
		}
	}
}

// TestSaveDType narrows to each dtype, copies tokenizer files, and keeps what is stored within the rounding of the type.
func TestSaveDType(t *testing.T) {
	m := openOracle(t, "mha")
	whole := saveAndOpen(t, m.Dense(), SaveOptions{})
	if err := os.WriteFile(filepath.Join(whole.Dir(), "tokenizer.json"), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	l := m.Linears()[0]
	v, _ := whole.With(map[string]Form{l.Name: factoredFor(l, 2, true)})
	for dtype, units := range map[string]float64{"BF16": 1.0 / 256, "F16": 1.0 / 2048, "F32": 0} {
		again := saveAndOpen(t, v, SaveOptions{DType: dtype})
		if again.Config().DType != torchNames[dtype] {
			t.Errorf("%s is saved with torch_dtype %q", dtype, again.Config().DType)
		}
		if _, err := os.Stat(filepath.Join(again.Dir(), "tokenizer.json")); err != nil {
			t.Error(err)
		}
		for _, name := range again.used() {
			if stored, err := again.stored(name); stored.dtype != dtype || err != nil {
				t.Errorf("%s is saved as %s: %v", name, stored.dtype, err)
			}
		}
		want, _, _ := m.Float32("model.embed_tokens.weight")
		got, _, _ := again.Float32("model.embed_tokens.weight")
		for i := range want {
			if diff := float64(want[i] - got[i]); diff*diff > units*units*float64(want[i]*want[i])+1e-12 {
				t.Fatalf("%s: index %d: %v became %v", dtype, i, want[i], got[i])
			}
		}
	}
}

// TestSaveRefuses sees that what must not be overwritten stays, and that a failed save leaves nothing behind.
func TestSaveRefuses(t *testing.T) {
	m := openOracle(t, "mha")
	parent := t.TempDir()
	other, model := filepath.Join(parent, "other"), filepath.Join(parent, "model")
	if err := errors.Join(os.Mkdir(other, 0o755), os.WriteFile(filepath.Join(other, "diary"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if err := Save(ctx, other, m.Dense(), SaveOptions{Overwrite: true}); err == nil {
		t.Error("overwrote a directory that is no model")
	}
	if err := Save(ctx, model, m.Dense(), SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := Save(ctx, model, m.Dense(), SaveOptions{}); err == nil {
		t.Error("overwrote a model without being asked to")
	}
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if err := Save(stopped, model, m.Dense(), SaveOptions{Overwrite: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("expected the context's error, found %v", err)
	}
	weights := m.Config().Init(1)
	weights["model.norm.weight"][2] /= 0
	weights["model.norm.weight"][2] *= 0
	if err := SaveTensors(ctx, filepath.Join(parent, "nan"), m.Config(), weights, "BF16", nil); err == nil || !strings.Contains(err.Error(), "model.norm.weight") || !strings.Contains(err.Error(), "index 2") {
		t.Errorf("saved a number that is not finite: %v", err)
	}
	large := m.Config().Init(1)
	large["model.norm.weight"][4] = 1e6 // more than F16 holds
	if err := SaveTensors(ctx, filepath.Join(parent, "large"), m.Config(), large, "F16", nil); err == nil || !strings.Contains(err.Error(), "index 4") {
		t.Errorf("saved a number that F16 cannot hold: %v", err)
	}
	for _, name := range []string{"../x", "config.json", "model.safetensors", ""} {
		if err := SaveTensors(ctx, filepath.Join(parent, "extra"), m.Config(), large, "F32", map[string][]byte{name: nil}); err == nil {
			t.Errorf("wrote an extra file named %q", name)
		}
	}
	base := openDir(t, model)
	if err := Save(ctx, model, base.Dense(), SaveOptions{Overwrite: true, DType: "BF16"}); err != nil {
		t.Errorf("a model cannot replace its own base: %v", err)
	}
	openDir(t, model)
	entries, _ := os.ReadDir(parent)
	if len(entries) != 2 {
		t.Errorf("expected two directories, found %v", entries)
	}
}

// TestInit checks the deviation of new weights, that a seed means the same weights, and that they can be saved.
func TestInit(t *testing.T) {
	c := openOracle(t, "mha").Config()
	a, b, other := c.Init(1), c.Init(1), c.Init(2)
	const q, o = "model.layers.0.self_attn.q_proj.weight", "model.layers.0.self_attn.o_proj.weight"
	if !slices.Equal(a[q], b[q]) || slices.Equal(a[q], other[q]) || slices.Equal(a[q], a["model.layers.1.self_attn.q_proj.weight"]) {
		t.Error("weights do not follow from seed and name")
	}
	variance := func(values []float32) (sum float64) {
		for _, v := range values {
			sum += float64(v) * float64(v)
		}
		return sum / float64(len(values))
	}
	// 2304 numbers: their variance is within 10 % of its expectation but for one seed in a thousand (3.3 deviations of √(2/2304)).
	if r := variance(a[q]) / (0.02 * 0.02); r < 0.9 || r > 1.1 {
		t.Errorf("q_proj has %v times the variance it should", r)
	}
	if r := variance(a[o]) / (0.02 * 0.02 / 6); r < 0.9 || r > 1.1 {
		t.Errorf("o_proj of 3 layers has %v times the variance it should", r)
	}
	if a["model.norm.weight"][0] != 1 {
		t.Error("norms do not start at 1")
	}
	saveTensorsAndOpen(t, c, a)
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

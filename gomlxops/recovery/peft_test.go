package recovery

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/internal/oracle"
	"github.com/parelab/pare/gomlxops/transformer"
)

// TestAdapterFiles saves adapters of every kind and reads them back: equal bit for bit, and the same bytes when saved again.
func TestAdapterFiles(t *testing.T) {
	v, _ := mixed(t)
	checked := 0
	for what, make := range map[string]func() (*Adapter, error){
		"list": func() (*Adapter, error) {
			return NewLoRA(v, LoRA{Rank: 3, Targets: []string{"q_proj", "gate_proj"}, Dropout: 0.05, RSLoRA: true})
		},
		"pattern": func() (*Adapter, error) {
			return NewLoRA(v, LoRA{Pattern: `.*\.(k|o)_proj`, Init: Gaussian, Base: "some/model"})
		},
		"ranks": func() (*Adapter, error) {
			return NewLoRA(v, LoRA{RankPattern: map[string]int{"v_proj": 2}, AlphaPattern: map[string]float64{"up_proj": 32}})
		},
		"factors": func() (*Adapter, error) { return NewLoRA(v, LoRA{Rank: 2, Targets: []string{"A", "B"}}) },
		"subspace": func() (*Adapter, error) {
			return NewSubspace(v, Subspace{Rank: 5, Dropout: 0.1, Targets: []string{"q_proj", "k_proj"}})
		},
	} {
		a, err := make()
		if err != nil {
			t.Fatal(err)
		}
		stir(a, 2)
		one, two := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "deeper", "b")
		if err := a.Save(one); err != nil {
			t.Fatal(err)
		}
		back, err := LoadAdapter(one, v)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if !maps.EqualFunc(a.Sides, back.Sides, func(x, y []*transformer.Side) bool { return len(x) > 0 && reflect.DeepEqual(x, y) }) || !reflect.DeepEqual(a.Index, back.Index) {
			t.Errorf("%s: the branches differ", what)
		}
		if err := back.Save(two); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{AdapterConfig, adapterWeightsName} {
			x, errX := os.ReadFile(filepath.Join(one, name))
			y, errY := os.ReadFile(filepath.Join(two, name))
			if errX != nil || errY != nil || !bytes.Equal(x, y) || len(x) == 0 {
				t.Errorf("%s: %s differs: %v %v", what, name, errX, errY)
			}
			checked++
		}
		if err := a.Save(one); err == nil || !strings.Contains(err.Error(), one) {
			t.Errorf("%s: an adapter was overwritten: %v", what, err)
		}
	}
	if checked != 10 {
		t.Errorf("checked %d files", checked)
	}
}

// TestEveryTarget saves an adapter for all linears, some of them factored: its configuration has their names.
func TestEveryTarget(t *testing.T) {
	v, _ := mixed(t)
	a, err := NewLoRA(v, LoRA{Rank: 2})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "a")
	if err := a.Save(dir); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, AdapterConfig))
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Targets []string `json:"target_modules"`
	}
	want := []string{"down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"}
	if err := json.Unmarshal(data, &c); err != nil || !slices.Equal(c.Targets, want) {
		t.Errorf("target_modules %q, %v, expected %q", c.Targets, err, want)
	}
	back, err := LoadAdapter(dir, v)
	if err != nil || len(back.Sides) != len(a.Sides) {
		t.Errorf("read back: %v", err)
	}
}

// TestPEFTLayout checks names, shapes, metadata and keys of what is written against those of PEFT, read by a reader of another hand.
func TestPEFTLayout(t *testing.T) {
	v, _ := mixed(t)
	a, err := NewLoRA(v, LoRA{Rank: 3, Alpha: 6, Targets: []string{"k_proj", "up_proj"}, Base: "org/model"})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "adapter")
	if err := a.Save(dir); err != nil {
		t.Fatal(err)
	}
	arrays := oracle.ReadTensors(t, filepath.Join(dir, adapterWeightsName))
	for name, shape := range map[string][]int{"base_model.model.model.layers.0.self_attn.k_proj.lora_A.weight": {3, 48}, "base_model.model.model.layers.2.mlp.up_proj.lora_B.weight": {outOf(t, v, "up_proj"), 3}} {
		if !slices.Equal(arrays[name].Shape, shape) || len(arrays) != 12 {
			t.Errorf("%s: expected shape %v, found %v of %d tensors", name, shape, arrays[name].Shape, len(arrays))
		}
	}
	raw, _ := os.ReadFile(filepath.Join(dir, adapterWeightsName))
	if !bytes.Contains(raw[:4096], []byte(`"__metadata__":{"format":"pt"}`)) {
		t.Error("no metadata of format pt")
	}
	data, _ := os.ReadFile(filepath.Join(dir, AdapterConfig))
	var keys map[string]any
	if err := json.Unmarshal(data, &keys); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"alpha_pattern": map[string]any{}, "base_model_name_or_path": "org/model", "bias": "none", "fan_in_fan_out": false, "inference_mode": true, "init_lora_weights": true, "lora_alpha": 6.0,
		"lora_dropout": 0.0, "modules_to_save": nil, "peft_type": "LORA", "r": 3.0, "rank_pattern": map[string]any{}, "target_modules": []any{"k_proj", "up_proj"}, "task_type": "CAUSAL_LM", "use_rslora": false}
	if !reflect.DeepEqual(keys, want) {
		t.Errorf("expected %v, found %v", want, keys)
	}
	if !strings.HasPrefix(string(data), "{\n  \"alpha_pattern\"") {
		t.Errorf("expected sorted keys with an indent of 2, found %.60s", data)
	}
}

// outOf returns the output size of the linears whose name ends so.
func outOf(t *testing.T, v *transformer.Variant, end string) int {
	t.Helper()
	for _, l := range v.Model().Linears() {
		if strings.HasSuffix(l.Name, end) {
			return l.Out
		}
	}
	t.Fatal(end)
	return 0
}

// foreignConfig is adapter_config.json as PEFT 0.17 writes it for a rank-2 adapter.
const foreignConfig = `{
  "alpha_pattern": {"layers.1.self_attn.k_proj": 12},
  "auto_mapping": null,
  "base_model_name_or_path": "org/model",
  "bias": "none",
  "corda_config": null,
  "eva_config": null,
  "exclude_modules": null,
  "fan_in_fan_out": false,
  "inference_mode": true,
  "init_lora_weights": true,
  "layer_replication": null,
  "layers_pattern": null,
  "layers_to_transform": null,
  "loftq_config": {},
  "lora_alpha": 16,
  "lora_bias": false,
  "lora_dropout": 0.05,
  "megatron_config": null,
  "megatron_core": "megatron.core",
  "modules_to_save": null,
  "peft_type": "LORA",
  "qalora_group_size": 16,
  "r": 2,
  "rank_pattern": {},
  "revision": null,
  "target_modules": ["k_proj"],
  "target_parameters": null,
  "task_type": "CAUSAL_LM",
  "trainable_token_indices": null,
  "use_dora": false,
  "use_qalora": false,
  "use_rslora": false
}`

// foreign writes an adapter of bf16 numbers as another program would.
func foreign(t *testing.T, config string, shapes map[string][]int) string {
	t.Helper()
	dir := t.TempDir()
	head, data := map[string]any{"__metadata__": map[string]string{"format": "pt"}}, []byte{}
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		from := len(data)
		for i := range (transformer.Part{Shape: shapes[name]}).Elements() {
			data = binary.LittleEndian.AppendUint16(data, uint16(math.Float32bits(float32(i%7)/8)>>16))
		}
		head[name] = map[string]any{"dtype": "BF16", "shape": shapes[name], "data_offsets": []int{from, len(data)}}
	}
	text, _ := json.Marshal(head)
	file := append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), append(text, data...)...)
	if err := os.WriteFile(filepath.Join(dir, adapterWeightsName), file, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, AdapterConfig), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// keyShapes are the tensors of an adapter of k_proj of the oracle's model.
func keyShapes() map[string][]int {
	shapes := map[string][]int{}
	for l := range 3 {
		name := fmt.Sprintf("base_model.model.model.layers.%d.self_attn.k_proj.lora_", l)
		shapes[name+"A.weight"], shapes[name+"B.weight"] = []int{2, 48}, []int{48, 2}
	}
	return shapes
}

// TestForeignAdapter reads an adapter in PEFT's own words, in bf16.
func TestForeignAdapter(t *testing.T) {
	v, _ := mixed(t)
	a, err := LoadAdapter(foreign(t, foreignConfig, keyShapes()), v)
	if err != nil {
		t.Fatal(err)
	}
	first, second := a.Sides["model.layers.0.self_attn.k_proj"][0], a.Sides["model.layers.1.self_attn.k_proj"][0]
	if len(a.Sides) != 3 || first.Scale != 8 || second.Scale != 6 || first.A[9] != 0.25 || a.LoRA.Dropout != 0.05 || a.LoRA.Base != "org/model" {
		t.Errorf("found %d branches, scales %v and %v, %v, %+v", len(a.Sides), first.Scale, second.Scale, first.A[9], a.LoRA)
	}
}

// TestAdapterOfAnotherModel refuses directories that do not fit, and names the tensor or field.
func TestAdapterOfAnotherModel(t *testing.T) {
	v, _ := mixed(t)
	const first = "base_model.model.model.layers.0.self_attn.k_proj.lora_A.weight"
	checked := 0
	for mention, change := range map[string]func(shapes map[string][]int, config *string){
		first + ": expected shape [2 48]": func(s map[string][]int, _ *string) { s[first] = []int{2, 40} },
		first + ": expected shape [3 48]": func(_ map[string][]int, c *string) { *c = strings.Replace(*c, `"r": 2`, `"r": 3`, 1) },
		first + " is missing":             func(s map[string][]int, _ *string) { delete(s, first) },
		"layers.7.self_attn.k_proj.lora_A": func(s map[string][]int, _ *string) {
			s["base_model.model.model.layers.7.self_attn.k_proj.lora_A.weight"] = []int{2, 48}
		},
		"lora_embedding_A": func(s map[string][]int, _ *string) {
			s["base_model.model.model.embed_tokens.lora_embedding_A"] = []int{2, 64}
		},
		"o_proj.lora_B.weight: expected tensors of target_modules": func(s map[string][]int, _ *string) {
			s["base_model.model.model.layers.0.self_attn.o_proj.lora_B.weight"] = []int{48, 2}
		},
		"field use_dora": func(_ map[string][]int, c *string) {
			*c = strings.Replace(*c, `"use_dora": false`, `"use_dora": true`, 1)
		},
		"field peft_type":      func(_ map[string][]int, c *string) { *c = strings.Replace(*c, "LORA", "LOHA", 1) },
		"field bias":           func(_ map[string][]int, c *string) { *c = strings.Replace(*c, `"bias": "none"`, `"bias": "all"`, 1) },
		"field r: ":            func(_ map[string][]int, c *string) { *c = strings.Replace(*c, `"r": 2`, `"r": -2`, 1) },
		"field target_modules": func(_ map[string][]int, c *string) { *c = strings.Replace(*c, `["k_proj"]`, `["kk_proj"]`, 1) },
		"adapter_config.json:": func(_ map[string][]int, c *string) { *c = (*c)[:50] },
	} {
		shapes, config := keyShapes(), foreignConfig
		change(shapes, &config)
		if _, err := LoadAdapter(foreign(t, config, shapes), v); err == nil || !strings.Contains(err.Error(), mention) {
			t.Errorf("expected an error with %q, found %v", mention, err)
		}
		checked++
	}
	if checked != 12 {
		t.Errorf("checked %d", checked)
	}
	a, err := NewSubspace(v, Subspace{Rank: 5})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "s")
	if err := a.Save(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadAdapter(dir, v.Model().Dense()); err == nil || !strings.Contains(err.Error(), "to be held as two factors") {
		t.Errorf("a subspace adapter was loaded beside dense linears: %v", err)
	}
}

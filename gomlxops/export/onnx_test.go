package export_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/export"
	"github.com/parelab/pare/gomlxops/transformer"
)

// TestONNXInPython has NumPy read the graphs of every family, with factors and layers of different sizes, and run them.
func TestONNXInPython(t *testing.T) {
	if out, err := exec.Command(python, "-c", "import numpy").CombinedOutput(); err != nil {
		t.Skipf("no NumPy at %s, so graphs are not run there: %v %s", python, err, bytes.TrimSpace(out))
	}
	type onnxRun struct {
		Path   string    `json:"path"`
		Tokens [][]int32 `json:"tokens"`
		Out    string    `json:"out"`
	}
	var runs []onnxRun
	var want []*transformer.Variant
	add := func(name string, v *transformer.Variant, opt export.Options) *export.Result {
		path := filepath.Join(t.TempDir(), "out")
		result, err := export.ONNX(t.Context(), path, v, opt)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(result.Files) != 2 || result.Params == 0 || result.Bytes < 4096 {
			t.Errorf("%s: %+v", name, result)
		}
		runs, want = append(runs, onnxRun{path, prompts(v.Model().Config()), filepath.Join(t.TempDir(), "logits")}), append(want, v)
		return result
	}
	for _, c := range append(families(), positions...) {
		if c.name != "dynamic" {
			add(c.name, shrunk(t, c), export.Options{})
		}
	}
	v := shrunk(t, families()[0])
	if merged := add("merged", v, export.Options{Merge: true}); merged.Merged != 14 {
		t.Errorf("%+v", merged)
	}
	tied := made{"", `"model_type":"llama","tie_word_embeddings":true,` + sizes}.open(t, nil)
	add("tied", tied.Dense(), export.Options{})
	half := readBack(t, v, export.Options{DType: "F16"}) // the same rounding by another way, but for norms and biases
	add("half", half, export.Options{DType: "F16"})
	lines := runPython(t, "run_onnx.py", runs)
	if len(lines) != len(runs) || len(runs) != len(transformer.Families())+len(positions)-1+3 {
		t.Fatalf("%d lines for %d runs", len(lines), len(runs))
	}
	for i, r := range runs {
		logits, err := want[i].Logits(t.Context(), r.Tokens)
		if err != nil {
			t.Fatal(err)
		}
		if off := farthest(floats(t, r.Out), logits); !(off <= 1e-4) {
			t.Errorf("run %d: logits off by %.2g; %s", i, off, lines[i])
		} else {
			t.Logf("run %d: logits off by %.2g; %s", i, off, lines[i])
		}
	}
}

// TestONNXRefused lists what is not exported, and that nothing is left behind or lost.
func TestONNXRefused(t *testing.T) {
	llama := families()[0].open(t, nil).Dense()
	parent := t.TempDir()
	out := filepath.Join(parent, "x")
	for name, c := range map[string]struct {
		v    *transformer.Variant
		opt  export.Options
		want string
	}{
		"dtype":   {llama, export.Options{DType: "Q8_0"}, `found "Q8_0"`},
		"dynamic": {positions[1].open(t, nil).Dense(), export.Options{}, "length of a text"},
	} {
		if _, err := export.ONNX(t.Context(), out, c.v, c.opt); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if left, _ := os.ReadDir(parent); len(left) > 0 {
		t.Errorf("left %v behind", left)
	}
	for range 2 {
		if _, err := export.ONNX(t.Context(), out, llama, export.Options{Overwrite: true}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := export.ONNX(t.Context(), out, llama, export.Options{}); err == nil || !strings.Contains(err.Error(), "choose another name") {
		t.Errorf("over an earlier one: %v", err)
	}
	if err := os.WriteFile(filepath.Join(out, "mine"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := export.ONNX(t.Context(), out, llama, export.Options{Overwrite: true}); err == nil || !strings.Contains(err.Error(), "found mine") {
		t.Errorf("over something else: %v", err)
	}
	mustRead(t, filepath.Join(out, "model.onnx"))
}

package export_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/export"
	"github.com/parelab/pare/gomlxops/transformer"
)

// python is where Debian has PyTorch.
const python = "/usr/bin/python3"

// needTorch skips, aloud, where no PyTorch is.
func needTorch(t *testing.T) {
	t.Helper()
	if out, err := exec.Command(python, "-c", "import sys, importlib.util as u; sys.exit(not (u.find_spec('torch') and u.find_spec('numpy')))").CombinedOutput(); err != nil {
		t.Skipf("no PyTorch at %s, so exports are not run there: %v %s", python, err, bytes.TrimSpace(out))
	}
}

// runPython has a script of testdata run cases, and returns the lines that it prints.
func runPython(t *testing.T, script string, cases any) []string {
	t.Helper()
	list, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cases.json")
	if err := os.WriteFile(path, list, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, filepath.Join("testdata", script), path)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "OMP_NUM_THREADS=1")
	var said bytes.Buffer
	cmd.Stderr = &said
	printed, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, said.Bytes())
	}
	return strings.Split(strings.TrimSpace(string(printed)), "\n")
}

// run is one directory that Python runs.
type run struct {
	name   string
	want   *transformer.Variant
	Dir    string    `json:"dir"`
	Tokens [][]int32 `json:"tokens"`
	Out    string    `json:"out"`
	custom bool      // by modeling_pare.py
}

// runAll runs the directories in one process and compares logits with ours, and the program's ways with one another.
func runAll(t *testing.T, runs []run) {
	t.Helper()
	reports := runPython(t, "run_hf.py", runs)
	if len(reports) != len(runs) {
		t.Fatalf("%d reports of %d runs", len(reports), len(runs))
	}
	for i, r := range runs {
		checkRun(t, r, reports[i])
	}
	t.Logf("%d directories", len(runs))
}

func checkRun(t *testing.T, r run, printed string) {
	var report map[string]float64
	if err := json.Unmarshal([]byte(printed), &report); err != nil {
		t.Fatalf("%s: %v in %s", r.name, err, printed)
	}
	want, err := r.want.Logits(t.Context(), r.Tokens)
	if err != nil {
		t.Fatal(err)
	}
	if off := farthest(floats(t, r.Out), want); !(off <= 1e-4) {
		t.Errorf("%s: logits off by %.2g", r.name, off)
	} else {
		t.Logf("%s: logits off by %.2g; %s", r.name, off, printed)
	}
	if !r.custom {
		return
	}
	layers := r.want.Model().Config().Layers
	if report["states"] != float64(layers+1) {
		t.Errorf("%s: %v hidden states of %d layers", r.name, report["states"], layers)
	}
	delete(report, "states")
	if len(report) < 6 {
		t.Errorf("%s: only %d checks", r.name, len(report))
	}
	for what, off := range report {
		if !(off <= 1e-4) {
			t.Errorf("%s: %s is off by %v", r.name, what, off)
		}
	}
}

// floats reads a file of float32.
func floats(t *testing.T, path string) []float32 {
	t.Helper()
	raw := mustRead(t, path)
	got := make([]float32, len(raw)/4)
	if _, err := binary.Decode(raw, binary.LittleEndian, got); err != nil {
		t.Fatal(err)
	}
	return got
}

func farthest(a, b []float32) float64 {
	if len(a) != len(b) || len(a) == 0 {
		return math.Inf(1)
	}
	most := 0.0
	for i := range a {
		d := math.Abs(float64(a[i]) - float64(b[i]))
		if math.IsNaN(d) {
			return math.Inf(1)
		}
		most = max(most, d)
	}
	return most
}

// TestHFInPython exports every family with factors, biases of theirs and layers of different sizes, and runs modeling_pare.py on them; then what
// stock programs load, dense and multiplied out, and runs it by the families' own formulas.
func TestHFInPython(t *testing.T) {
	needTorch(t)
	var runs []run
	for _, c := range append(families(), positions...) {
		if runs = append(runs, exported(t, c.name, shrunk(t, c), export.Options{}, true)); c.name == "gpt2" {
			runs = append(runs, exported(t, "gpt2 by hub names", bareGPT2(t, c), export.Options{}, true))
		}
	}
	for _, c := range families() {
		if c.name == "opt" || c.name == "chatglm" {
			continue // run_hf.py has no formulas of theirs
		}
		dense := c.open(t, nil)
		runs = append(runs, exported(t, "stock "+c.name, dense.Dense(), export.Options{}, false))
		biases := c.name != "mistral" && c.name != "qwen3" // which have no room for them
		runs = append(runs, exported(t, "merged "+c.name, factors(t, dense, biases), export.Options{Merge: true}, false))
	}
	if want := len(transformer.Families()) + len(positions) + 1 + 2*5; len(runs) != want {
		t.Fatalf("%d runs, want %d", len(runs), want)
	}
	runAll(t, runs)
}

// exported exports a variant and prepares the run.
func exported(t *testing.T, name string, v *transformer.Variant, opt export.Options, custom bool) run {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "out")
	result, err := export.HF(t.Context(), dir, v, opt)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	_, statErr := os.Stat(filepath.Join(dir, "modeling_pare.py"))
	if (statErr == nil) != custom || len(result.Files) < 2 || result.Bytes == 0 || result.Params == 0 {
		t.Errorf("%s: %+v, %v", name, result, statErr)
	}
	return run{name: name, want: v, Dir: dir, Tokens: prompts(v.Model().Config()), Out: filepath.Join(t.TempDir(), "logits"), custom: custom}
}

// prompts are random tokens, longer than the windows.
func prompts(c *transformer.Config) [][]int32 {
	rng := rand.New(rand.NewPCG(7, 8))
	all := make([][]int32, 2)
	for i := range all {
		for range 14 {
			all[i] = append(all[i], int32(rng.IntN(c.VocabSize)))
		}
	}
	return all
}

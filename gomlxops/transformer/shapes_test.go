package transformer

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
)

// A LLaMA with other heads and channels in each layer, against the twin, which goes by the shapes that it finds in the file.
func TestLayersMayDiffer(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	base, err := ParseConfig([]byte(smallLlama + `,"attention_bias":true}`))
	if err != nil {
		t.Fatal(err)
	}
	c, err := base.WithShapes([]Shape{{4, 2, 20}, {2, 1, 7}, {3, 3, 31}})
	if err != nil {
		t.Fatal(err)
	}
	m := saveTensorsAndOpen(t, c, livelyWeights(c, seed))
	sequences := randomTokens(rand.New(rand.NewPCG(seed, 13)), c, 2, 15)
	hidden, logits, _ := twinOf(smallTwin(1e-5, 500000, nil), tensorsIn(t, m), sequences)
	for i, got := range hiddenOf(t, m, dtypes.Float64, sequences)[:len(hidden)] {
		if off := relative(hidden[i], got); !(off <= 1e-9) {
			t.Errorf("residual stream after %d layers is off by %.2g", i, off)
		}
	}
	got, err := m.Dense().Logits(t.Context(), sequences)
	if err != nil {
		t.Fatal(err)
	}
	if off := relative(logits, widened(got)); !(off <= float32Relative) {
		t.Errorf("logits are off by %.2g", off)
	}
	whole, _ := lossAndGradient(t, c, asTensors(t, m, dtypes.Float32), sequences, nil)
	streamed, err := m.Dense().Losses(t.Context(), sequences, RunOptions{})
	if err != nil || !(relative([]float64{whole}, []float64{streamed.mean()}) <= float32Relative) {
		t.Errorf("whole-graph loss %v, streamed %v, %v", whole, streamed.mean(), err)
	}
	if again := saveAndOpen(t, m.Dense(), SaveOptions{}); again.Config().Shape(1) != (Shape{2, 1, 7}) || again.Params() != m.Params() {
		t.Errorf("saved again the second layer is %+v", again.Config().Shape(1))
	}
}

// Layers of one shape share a graph, wherever they stand.
func TestGraphsByShape(t *testing.T) {
	base, err := ParseConfig([]byte(smallLlama + `}`))
	if err != nil {
		t.Fatal(err)
	}
	base.Layers = 5
	c, err := base.WithShapes([]Shape{{4, 2, 20}, {2, 1, 20}, {4, 2, 20}, {2, 2, 20}, {2, 1, 20}})
	if err != nil {
		t.Fatal(err)
	}
	m := saveTensorsAndOpen(t, c, c.Init(1))
	sequences := randomTokens(rand.New(rand.NewPCG(1, 14)), c, 2, 15)
	if _, err := m.Dense().Losses(t.Context(), sequences, RunOptions{Batch: 2}); err != nil {
		t.Fatal(err)
	}
	if built := m.engine.graphs.built; built != 3+1 { // {2, 1, 20} and {2, 2, 20} differ in their keys
		t.Errorf("%d graphs were built for three shapes and a head", built)
	}
}

// Equal layers are a stock model where the family's configuration can say so, and have a section of their own where it cannot.
func TestUniformShapes(t *testing.T) {
	for _, c := range []struct {
		name  string
		shape Shape
		stock bool
	}{{"mha", Shape{3, 3, 50}, true}, {"gqa", Shape{4, 1, 33}, true}, {"chatglm", Shape{3, 1, 12}, true}, {"gpt2", Shape{4, 4, 60}, true}, {"gpt2", Shape{3, 3, 60}, false}, {"gpt2", Shape{4, 2, 60}, false}} {
		base := openOracle(t, c.name)
		shapes := make([]Shape, base.Config().Layers)
		for l := range shapes {
			shapes[l] = c.shape
		}
		pruned, err := base.Config().WithShapes(shapes)
		if err != nil {
			t.Fatal(err)
		}
		m := saveTensorsAndOpen(t, pruned, pruned.Init(1))
		text := string(readFile(t, filepath.Join(m.Dir(), "config.json")))
		if stock := !strings.Contains(text, `"pare"`); stock != c.stock || m.Config().Shapes != nil || m.Config().Shape(1) != c.shape {
			t.Errorf("%s with layers of %+v: read back as %+v from\n%s", c.name, c.shape, m.Config().Shape(1), text)
		}
		if _, err := m.Dense().Losses(t.Context(), oracleTokens(t, c.name, "forward"), RunOptions{}); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if base.Config().Heads == pruned.Heads && base.Config().IntermediateSize == pruned.IntermediateSize {
			t.Errorf("%s: nothing was pruned", c.name)
		}
	}
}

func TestShapesRefuse(t *testing.T) {
	c := openOracle(t, "gqa").Config()
	for want, shapes := range map[string][]Shape{
		"each of 2 layers": {{8, 2, 10}},
		"layers[0]":        {{8, 3, 10}, {8, 2, 10}},
		"layers[1]":        {{8, 2, 10}, {0, 2, 10}},
		"mlp":              {{8, 2, 0}, {8, 2, 10}},
	} {
		if _, err := c.WithShapes(shapes); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", shapes, err, want)
		}
	}
	pruned, err := c.WithShapes([]Shape{{4, 1, 10}, {8, 2, 20}})
	if err != nil {
		t.Fatal(err)
	}
	m := saveTensorsAndOpen(t, pruned, pruned.Init(1))
	path := filepath.Join(m.Dir(), "config.json")
	text := string(readFile(t, path))
	for _, change := range []struct{ old, new, want string }{
		{`"mlp": 10`, `"mlp": 11`, "tensor model.layers.0.mlp.gate_proj.weight: expected shape [11 64], as the configuration asks, found [10 64]"},
		{`"heads": 8`, `"heads": 6`, "tensor model.layers.1.self_attn.q_proj.weight"},
		{`"kv_heads": 2`, `"kv_heads": 0`, "pare.layers[1]"},
		{`"head_dim": 8`, `"head_dim": 7`, "head"},
	} {
		damaged := strings.Replace(text, change.old, change.new, 1)
		if damaged == text {
			t.Fatalf("%s is not in\n%s", change.old, text)
		}
		if err := os.WriteFile(path, []byte(damaged), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(m.Dir()); err == nil || !strings.Contains(err.Error(), change.want) {
			t.Errorf("%s: %v, want %q", change.new, err, change.want)
		}
	}
}

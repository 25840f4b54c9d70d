package transformer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// inputsProbe keeps the inputs of every site, call by call.
type inputsProbe map[string][]float32

func (inputsProbe) Graph(_ Site, x *graph.Node) []*graph.Node { return []*graph.Node{x} }

func (p inputsProbe) Observe(layer int, site Site, first, _ int, out []*tensors.Tensor) error {
	x, err := tensors.CopyFlatData[float32](out[0])
	p[fmt.Sprint(layer, site, first)] = x
	return err
}

// ofLayer is what p saw at one layer.
func (p inputsProbe) ofLayer(layer int) inputsProbe {
	q := maps.Clone(p)
	maps.DeleteFunc(q, func(k string, _ []float32) bool { return !strings.HasPrefix(k, fmt.Sprint(layer)) })
	return q
}

// ranksOf holds every linear of some layers by random factors.
func ranksOf(m *Model, layers ...int) map[string]Form {
	rng, forms := rand.New(rand.NewPCG(3, 4)), map[string]Form{}
	for _, l := range m.Linears() {
		f := &Factored{Rank: 3, B: gauss(rng, l.Out*3), A: gauss(rng, 3*l.In), Bias: gauss(rng, l.Out)}
		if slices.Contains(layers, l.Layer) {
			forms[l.Name] = f
		}
	}
	return forms
}

// What a walk shows of a block is what a whole run shows of it where the blocks before it are replaced and it is not, bit for bit.
func TestWalk(t *testing.T) {
	m := openOracle(t, "mha")
	sequences := oracleTokens(t, "mha", "calib")
	opt := RunOptions{Batch: 2}
	seen := inputsProbe{}
	opt.Probe = seen
	w, err := m.Walk(sequences, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var before []int
	checked := 0
	for w.Next() {
		layer := w.Layer()
		if err := w.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		whole := inputsProbe{}
		v, err := m.With(ranksOf(m, before...))
		if err != nil {
			t.Fatal(err)
		}
		opt.Probe = whole
		if err := v.Stream(t.Context(), sequences, opt); err != nil {
			t.Fatal(err)
		}
		want := whole.ofLayer(layer)
		if got := seen.ofLayer(layer); len(want) != len(Sites)*w.Calls() || !maps.EqualFunc(got, want, slices.Equal) {
			t.Errorf("layer %d: %d inputs differ from the %d of a whole run", layer, len(got), len(want))
		}
		clear(seen)
		if err := w.LookAt(t.Context(), 1); err != nil || len(seen) != len(Sites) || !slices.Equal(seen[fmt.Sprint(layer, MLPMid, 2)], want[fmt.Sprint(layer, MLPMid, 2)]) {
			t.Errorf("layer %d: the second call alone saw %d sites, %v", layer, len(seen), err)
		}
		if err := w.Pass(t.Context(), ranksOf(m, layer)); err != nil {
			t.Fatal(err)
		}
		before = append(before, layer)
		checked++
	}
	if checked != m.Config().Layers {
		t.Errorf("%d layers", checked)
	}
	if err := w.Look(t.Context()); err == nil || !strings.Contains(err.Error(), "all are passed") {
		t.Errorf("a look behind the last block: %v", err)
	}
}

func TestWalkThatFailedIsOver(t *testing.T) {
	m := openOracle(t, "gqa")
	if _, err := m.Walk(nil, RunOptions{}); err == nil {
		t.Error("a walk of no sequences")
	}
	w, err := m.Walk(oracleTokens(t, "gqa", "calib"), RunOptions{Batch: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Pass(t.Context(), map[string]Form{"x": &Dense{}}); err == nil || !strings.Contains(err.Error(), `"x"`) {
		t.Errorf("a form of no linear: %v", err)
	}
	if err := w.Pass(t.Context(), nil); err != nil || w.Layer() != 1 {
		t.Fatalf("at layer %d: %v", w.Layer(), err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Pass(cancelled, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if err := w.Pass(t.Context(), nil); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "begin a new one") {
		t.Errorf("error %v", err)
	}
}

package lowrank

import (
	"context"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/covariance"
	"github.com/parelab/pare/gomlxops/importance"
	"github.com/parelab/pare/gomlxops/transformer"
)

// biased is the second model with random weights and biases in attention, two layers of it.
func biased(t *testing.T) *transformer.Model {
	t.Helper()
	c := *references(t)[1].model.Config()
	c.Block.Biases = []transformer.Kind{transformer.Query, transformer.Key, transformer.Value, transformer.Output}
	rng, weights := rand.New(rand.NewPCG(1, 2)), c.Init(3)
	for name, values := range weights {
		if strings.HasSuffix(name, ".bias") {
			for i := range values {
				values[i] = float32(rng.NormFloat64())
			}
		}
	}
	dir := filepath.Join(t.TempDir(), "biased")
	if err := transformer.SaveTensors(t.Context(), dir, &c, weights, "F32", nil); err != nil {
		t.Fatal(err)
	}
	m, err := transformer.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// The bias of a dense linear stays: in the mean every method with a bias of its own gives W x̄ + β, any other has β itself, files keep
// it, the count has it, and after an update the mean is that of the dense outputs.
func TestBiasOfTheModelStays(t *testing.T) {
	m := biased(t)
	tokens := references(t)[1].tokens["calib"]
	moments, err := covariance.Collect(t.Context(), m.Dense(), tokens, covariance.Options{Groups: 4})
	if err != nil {
		t.Fatal(err)
	}
	fisher, err := importance.Collect(t.Context(), m, tokens, importance.Options{})
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, method := range Methods() {
		spectra, err := DecomposeAll(t.Context(), m, moments, method, Options{Fisher: fisher})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "spectra")
		if err := Save(path, spectra); err != nil {
			t.Fatal(err)
		}
		if spectra, err = Load(path, m); err != nil {
			t.Fatal(err)
		}
		forms, a, err := Uniform(spectra, 0.4)
		if err != nil {
			t.Fatal(err)
		}
		v, err := m.With(forms)
		if err != nil || v.LinearParams() != a.After || m.Dense().LinearParams() != a.Before {
			t.Errorf("%s: counted %d of %d, held %d of %d, %v", method, a.After, a.Before, v.LinearParams(), m.Dense().LinearParams(), err)
		}
		checkFreeBias(t, spectra)
		updated, _, err := Sequential(context.Background(), m, spectra, a, tokens, SequentialOptions{Mode: Update})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range m.Linears() {
			if !l.Bias {
				continue
			}
			checkOwnBias(t, m, moments, method, l, forms[l.Name].(*transformer.Factored), updated[l.Name].(*transformer.Factored))
			checked++
		}
	}
	if checked != 7*4*m.Config().Layers {
		t.Errorf("%d biases checked", checked)
	}
}

// checkFreeBias holds what the budget is exceeded by against the biases that the method adds where the model has none.
func checkFreeBias(t *testing.T, spectra []*Spectrum) {
	t.Helper()
	_, a, err := Energy(spectra, 0.4, AllocationOptions{FreeBias: true})
	if err != nil {
		t.Fatal(err)
	}
	var added int64
	for i, c := range a.Ranks {
		if c.Rank > 0 && spectra[i].mean != nil && !spectra[i].Linear.Bias {
			added += int64(spectra[i].Linear.Out)
		}
	}
	if over := a.After - added - a.Budget; over > 0 || over < -100 {
		t.Errorf("%s: %d of a budget of %d, and %d for biases that are free", a.Method, a.After, a.Budget, added)
	}
}

func checkOwnBias(t *testing.T, m *transformer.Model, moments *covariance.Moments, method Method, l transformer.Linear, f, updated *transformer.Factored) {
	t.Helper()
	beta, err := ownBias(m, l)
	if err != nil {
		t.Fatal(err)
	}
	if !method.feature() && !slices.Equal(f.Bias, beta) {
		t.Errorf("%s %s: bias %v, the dense linear has %v", method, l.Name, f.Bias[:3], beta[:3])
	}
	w, _, err := m.Float32(l.Name + ".weight")
	if err != nil {
		t.Fatal(err)
	}
	s, err := moments.Input(l)
	if err != nil {
		t.Fatal(err)
	}
	mean := times(widen(w), s.Mean(), l.Out, l.In)
	for i, b := range beta {
		mean[i] += float64(b)
	}
	for what, g := range map[string]*transformer.Factored{"decomposed": f, "updated": updated} {
		if !method.feature() && what == "decomposed" || l.Layer > 0 && what == "updated" { // whose inputs are others
			continue
		}
		got := times(dense(g), s.Mean(), l.Out, l.In)
		for i, b := range g.Bias {
			got[i] += float64(b)
		}
		if d := apart(t, got, mean); !(d < 1e-5) || math.IsNaN(d) {
			t.Errorf("%s %s, %s: mean output off by %.2g", method, l.Name, what, d)
		}
	}
}

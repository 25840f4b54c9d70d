package importance

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/covariance"
	"github.com/parelab/pare/gomlxops/internal/oracle"
	"github.com/parelab/pare/gomlxops/transformer"
)

func names(m *transformer.Model) (all []string) {
	for _, l := range m.Linears() {
		all = append(all, l.Name)
	}
	return all
}

// One reverse pass against the reference: gradients, scores, groups, what is kept. float32: measured 2e-5, and what is kept agrees throughout.
func TestTaylorMatchesReference(t *testing.T) {
	for _, name := range []string{"mha", "gqa"} {
		m, tokens := reference(t, name)
		s, err := Taylor(t.Context(), m.Dense(), tokens["taylor"], Options{Keep: names(m)})
		if err != nil {
			t.Fatal(err)
		}
		checkTaylor(t, name, m, s, 1e-4)
		checkElements(t, name, m, s, 1e-4)
		stored := oracle.Tensors(t, "models/"+name+"/importance.safetensors")
		for _, w := range s.Weights[:len(m.Linears())] {
			for what, got := range map[string][]float32{".grad": w.Gradients.G, ".sqgrad_sum": w.Gradients.A} {
				wide := make([]float64, len(got))
				for i, v := range got {
					if wide[i] = float64(v); what == ".sqgrad_sum" {
						wide[i] *= 6
					}
				}
				if d := apart(t, wide, stored[w.Name+what].Data); !(d < 1e-4) {
					t.Errorf("%s%s: apart by %.2g", w.Name, what, d)
				}
			}
		}
		var want taylorOracle
		oracle.JSON(t, "models/"+name+"/importance.json", &want)
		for i, loss := range s.Losses {
			if !(math.Abs(loss-want.Losses[i]) < 1e-4) {
				t.Errorf("%s: loss %d is %v, want %v", name, i, loss, want.Losses[i])
			}
		}
	}
}

// The two forms of the probe agree: products on the host, and in the graph.
func TestInGraph(t *testing.T) {
	m, tokens := reference(t, "gqa")
	s, err := Taylor(t.Context(), m.Dense(), tokens["taylor"], Options{Batch: 4})
	if err != nil {
		t.Fatal(err)
	}
	f := collectFisher(t, m, tokens["taylor"])
	other, err := blank(m.Dense())
	if err != nil {
		t.Fatal(err)
	}
	r := &taylorReader{v: m.Dense(), scores: other, places: placesOf(m.Dense()), n: 6}
	fisher, err := prepare(m, Options{})
	if err != nil {
		t.Fatal(err)
	}
	fr := &fisherReader{fisher: fisher, places: r.places, n: 6}
	for _, reader := range []reader{r, fr} {
		if _, err := m.Dense().Backward(t.Context(), tokens["taylor"], &probe{reader: reader, inGraph: true}, transformer.RunOptions{Batch: 4}); err != nil {
			t.Fatal(err)
		}
	}
	for i, w := range s.Weights {
		for c, v := range w.By {
			if d := apart(t, other.Weights[i].By[c].Rows, v.Rows); !(d < 1e-5) {
				t.Errorf("%s %s: apart by %.2g", w.Name, c, d)
			}
		}
	}
	for i, want := range f.Linears {
		if d := max(apart(t, fisher.Linears[i].Row, want.Row), apart(t, fisher.Linears[i].Col, want.Col)); !(d < 1e-5) {
			t.Errorf("%s: Fisher sums apart by %.2g", want.Linear.Name, d)
		}
	}
}

// A norm's score is the magnitude of scale times gradient, here against the rise of the loss on changing the scale a little.
func TestNormScores(t *testing.T) {
	m, tokens := reference(t, "gqa")
	s, err := Taylor(t.Context(), m.Dense(), tokens["taylor"], Options{Keep: []string{"model.layers.1.input_layernorm", "model.norm"}})
	if err != nil {
		t.Fatal(err)
	}
	if want := len(m.Linears()) + 2*m.Config().Layers + 1; len(s.Weights) != want {
		t.Fatalf("%d weights, want %d", len(s.Weights), want)
	}
	checked := 0
	for _, w := range s.Weights {
		if w.Columns > 0 {
			continue
		}
		checked++
		if v := w.By[ParamFirst]; len(v.Rows) != 64 || v.Columns != nil || !reflect.DeepEqual(v.Rows, w.By[Vectorize].Rows) {
			t.Errorf("%s: %d rows, %d columns", w.Name, len(v.Rows), len(v.Columns))
		}
		if w.Gradients == nil {
			continue
		}
		scale, err := weightOf(m.Dense(), w)
		if err != nil {
			t.Fatal(err)
		}
		for i := range scale {
			want := math.Abs(float64(scale[i]) * float64(w.Gradients.G[i]))
			if got := w.By[ParamFirst].Rows[i]; math.Abs(got-want) > 1e-12 {
				t.Errorf("%s %d: %v, want %v", w.Name, i, got, want)
			}
		}
	}
	if checked != 5 {
		t.Errorf("%d norms", checked)
	}
}

func TestScoresSaveLoad(t *testing.T) {
	m, tokens := reference(t, "gqa")
	other, _ := reference(t, "mha")
	s, err := Taylor(t.Context(), m.Dense(), tokens["taylor"], Options{Data: "novels", Keep: names(m)[:1]})
	if err != nil {
		t.Fatal(err)
	}
	magnitudes, err := Magnitudes(t.Context(), m.Dense(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Join(magnitudes); err != nil {
		t.Fatal(err)
	}
	random, err := Randoms(m.Dense(), 7)
	if err == nil {
		err = s.Join(random)
	}
	moments, e := covariance.Collect(t.Context(), m.Dense(), tokens["taylor"], covariance.Options{})
	if e != nil {
		t.Fatal(e)
	}
	active, e := Activations(m.Dense(), moments)
	if e == nil {
		e = s.Join(active)
	}
	if err = errors.Join(err, e); err != nil || s.Seed != 7 || len(s.Criteria()) != len(Criteria) {
		t.Fatalf("criteria %v, seed %d, %v", s.Criteria(), s.Seed, err)
	}
	path := filepath.Join(t.TempDir(), "scores")
	if err := s.Save(path); err != nil {
		t.Fatal(err)
	}
	back, err := LoadScores(path, m)
	if err != nil || !reflect.DeepEqual(s, back) {
		t.Errorf("what was read differs from what was saved: %v", err)
	}
	if _, err := LoadScores(path, other); err == nil || !strings.Contains(err.Error(), "another model") || !strings.Contains(err.Error(), path) {
		t.Errorf("scores of another model: %v", err)
	}
	if err := s.Join(random); err == nil || !strings.Contains(err.Error(), "both hold random") {
		t.Errorf("joined twice: %v", err)
	}
}

func TestTaylorRefuses(t *testing.T) {
	m, tokens := reference(t, "gqa")
	for want, opt := range map[string]Options{"expected scores of it": {Keep: []string{"x"}}} {
		if _, err := Taylor(t.Context(), m.Dense(), tokens["taylor"], opt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	l := m.Linears()[3]
	v, err := m.With(map[string]transformer.Form{l.Name: &transformer.Factored{Rank: 1, B: make([]float32, l.Out), A: make([]float32, l.In)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Taylor(t.Context(), v, tokens["taylor"], Options{}); err == nil || !strings.Contains(err.Error(), l.Name+": expected it dense, found it factored") {
		t.Errorf("a factored linear: %v", err)
	}
	if _, err := Taylor(t.Context(), m.Dense(), nil, Options{}); err == nil || !strings.Contains(err.Error(), "no sequence") {
		t.Errorf("no sequence: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Taylor(ctx, m.Dense(), tokens["taylor"], Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

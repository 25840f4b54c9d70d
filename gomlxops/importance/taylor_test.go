package importance

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/parelab/pare/gomlxops"
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
	if want := len(m.Linears()) + 2*m.Config().Layers + 2; len(s.Weights) != want {
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

// perSequence is the obvious way to the gradients of a weight: the whole model's graph, one sequence at a time.
func perSequence(t *testing.T, m *transformer.Model, name string, sequences [][]int32) *Gradients {
	t.Helper()
	b, err := gomlxops.Backend()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	var weights []any
	for _, s := range m.Config().TensorShapes() {
		w, shape, err := m.Float32(s.Name)
		if err != nil {
			t.Fatal(err)
		}
		names, weights = append(names, s.Name), append(weights, tensors.FromFlatDataAndDimensions(w, shape...))
	}
	exec := graph.MustNewExec(b, func(in []*graph.Node) []*graph.Node {
		w := transformer.Weights{}
		for i, n := range names {
			w[n] = in[i+1]
		}
		return graph.Gradient(m.Config().Loss(in[0], w), w[name+".weight"])
	})
	g := &Gradients{}
	for _, s := range sequences {
		out, err := exec.Call(append([]any{tensors.FromFlatDataAndDimensions(s, 1, len(s))}, weights...)...)
		if err != nil {
			t.Fatal(err)
		}
		dw := tensors.MustCopyFlatData[float32](out[0])
		if g.G == nil {
			g.G, g.A = make([]float32, len(dw)), make([]float32, len(dw))
		}
		for i, v := range dw {
			g.G[i] += v / float32(len(sequences))
			g.A[i] += v * v / float32(len(sequences))
		}
	}
	return g
}

// Embedding and head, tied or not, and positions, against the whole graph; products on the host and in the graph.
func TestTables(t *testing.T) {
	for _, name := range []string{"mha", "gqa", "gpt2"} {
		m, tokens := reference(t, name)
		sequences := tokens["forward"]
		var names []string
		for _, table := range m.Config().Tables() {
			names = append(names, table.Name)
		}
		if want := map[string]int{"mha": 2, "gqa": 1, "gpt2": 2}[name]; len(names) != want {
			t.Fatalf("%s: tables %v", name, names)
		}
		host, err := Taylor(t.Context(), m.Dense(), sequences, Options{Batch: 2, Tables: true, Keep: names})
		if err != nil {
			t.Fatal(err)
		}
		inGraph, err := blank(m.Dense())
		if err != nil {
			t.Fatal(err)
		}
		r := &taylorReader{v: m.Dense(), scores: inGraph, places: placesOf(m.Dense()), n: len(sequences), keep: names,
			tables: &tables{config: m.Config(), sequences: sequences}}
		if _, err := m.Dense().Backward(t.Context(), sequences, &probe{reader: r, inGraph: true}, transformer.RunOptions{Batch: 2}); err != nil {
			t.Fatal(err)
		}
		for _, table := range names {
			want := perSequence(t, m, table, sequences)
			for what, s := range map[string]*Scores{"host": host, "graph": inGraph} {
				w, err := s.Of(table)
				if err != nil || w.Gradients == nil {
					t.Fatalf("%s: %v", table, err)
				}
				for part, d := range map[string]float64{
					"G": apart(t, inFloat64(w.Gradients.G), inFloat64(want.G)), "A": apart(t, inFloat64(w.Gradients.A), inFloat64(want.A)),
				} {
					if !(d < 1e-4) {
						t.Errorf("%s %s on the %s: %s apart by %.2g", name, table, what, part, d)
					}
				}
				if v := w.By[ParamFirst]; len(v.Rows) != w.Rows || len(v.Columns) != w.Columns || w.Columns != m.Config().HiddenSize {
					t.Errorf("%s %s: %d rows and %d columns", name, table, len(v.Rows), len(v.Columns))
				}
			}
		}
	}
}

// A vocabulary that the head takes in parts of a sequence, with rows that two parts share.
func TestTablesOfLargeVocabulary(t *testing.T) {
	const vocabulary, length = 70_001, 251
	c, err := transformer.ParseConfig(fmt.Appendf(nil, `{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": %d, "hidden_size": 4,
		"intermediate_size": 6, "num_hidden_layers": 1, "num_attention_heads": 1, "max_position_embeddings": 512, "tie_word_embeddings": true}`, vocabulary))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir() + "/model"
	if err := transformer.SaveInit(t.Context(), dir, c, 1, "F32", nil, transformer.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	m, err := transformer.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	sequences := make([][]int32, 2)
	for i := range sequences {
		for p := range length {
			sequences[i] = append(sequences[i], int32((i+p*p*977)%vocabulary))
		}
	}
	table := c.Tables()[0].Name
	s, err := Taylor(t.Context(), m.Dense(), sequences, Options{Tables: true, Keep: []string{table, "model.norm"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{table, "model.norm"} {
		want := perSequence(t, m, name, sequences)
		w, err := s.Of(name)
		if err != nil {
			t.Fatal(err)
		}
		if g, a := apart(t, inFloat64(w.Gradients.G), inFloat64(want.G)), apart(t, inFloat64(w.Gradients.A), inFloat64(want.A)); !(g < 1e-4) || !(a < 1e-4) {
			t.Errorf("%s: G apart by %.2g, A by %.2g", name, g, a)
		}
	}
}

func inFloat64(values []float32) []float64 {
	wide := make([]float64, len(values))
	for i, v := range values {
		wide[i] = float64(v)
	}
	return wide
}

// What comes in parts is joined before anything is squared.
func TestParts(t *testing.T) {
	var p parts
	seen := func(part, parts int) transformer.Seen {
		return transformer.Seen{Place: transformer.Head, Part: part, Parts: parts}
	}
	if got := p.add(seen(0, 1), 0, []float32{5}, true); len(got) != 1 || got[0] != 5 {
		t.Errorf("whole: %v", got)
	}
	for _, sum := range []bool{true, false} {
		for part, v := range []float32{1, 2, 4} {
			got := p.add(seen(part, 3), 0, []float32{v, v}, sum)
			other := p.add(seen(part, 3), 1, []float32{v}, sum)
			switch {
			case part < 2 && (got != nil || other != nil):
				t.Errorf("part %d: %v, %v", part, got, other)
			case part == 2 && sum && !reflect.DeepEqual(got, []float32{7, 7}):
				t.Errorf("sum: %v", got)
			case part == 2 && !sum && !reflect.DeepEqual(got, []float32{1, 1, 2, 2, 4, 4}):
				t.Errorf("joined: %v", got)
			}
		}
	}
	if len(p) != 0 {
		t.Errorf("left: %v", p)
	}
}

package transformer

import (
	"math"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/internal/oracle"
)

// TestAdaptCopiesNothing runs a model with one adapter and then another: the weights on the backend stay the base's, graphs are shared by adapters of
// one shape, each adapter has its own result, and without one the result is the base's again.
func TestAdaptCopiesNothing(t *testing.T) {
	m, err := Open(oracle.Path(t, "models/mha"))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	run := func(v *Variant) float64 {
		t.Helper()
		losses, err := v.Losses(t.Context(), [][]int32{{1, 2, 3, 4, 5, 6, 7, 8}}, RunOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return losses.Sum[0]
	}
	base := run(m.Dense())
	bytes, seen := m.engine.bytes, map[float64]bool{base: true}
	built := 0
	for i, scale := range []float32{1, 2, 3} {
		l := m.Linears()[i]
		s := &Side{Rank: 1, Scale: scale, A: make([]float32, l.In), B: make([]float32, l.Out)}
		s.A[0], s.B[0] = 1, 1
		v, err := m.Dense().Adapt(map[string][]*Side{m.Linears()[0].Name: {s}})
		if err != nil {
			t.Fatal(err)
		}
		seen[run(v)] = true
		if i == 0 {
			built = m.engine.graphs.built
		}
		if v, err = v.Adapt(map[string][]*Side{m.Linears()[0].Name: nil}); err != nil || math.Abs(run(v)-base) > 1e-6 {
			t.Errorf("without its branch the model gives %v, %v", run(v), err)
		}
	}
	if m.engine.bytes != bytes || m.engine.graphs.built != built || len(seen) != 4 {
		t.Errorf("%d bytes kept instead of %d, %d graphs instead of %d, %d results", m.engine.bytes, bytes, m.engine.graphs.built, built, len(seen))
	}
}

// TestAdaptRefuses sees bad branches named.
func TestAdaptRefuses(t *testing.T) {
	m, err := Open(oracle.Path(t, "models/mha"))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	l := m.Linears()[0]
	ok := func() *Side { return &Side{Rank: 2, A: make([]float32, 2*l.In), B: make([]float32, 2*l.Out)} }
	checked := 0
	for mention, change := range map[string]func(s *Side){
		"rank 1 to":      func(s *Side) { s.Rank = 0 },
		"lora_A.weight":  func(s *Side) { s.A = s.A[1:] },
		"lora_B.weight":  func(s *Side) { s.B[3] = float32(math.Inf(1)) },
		"finite scale":   func(s *Side) { s.Scale = float32(math.NaN()) },
		"factor A or B":  func(s *Side) { s.At = "B" },
		"subspace_outer": func(s *Side) { s.Inner = make([]float32, 2) },
	} {
		s := ok()
		change(s)
		if _, err := m.Dense().Adapt(map[string][]*Side{l.Name: {s}}); err == nil || !strings.Contains(err.Error(), mention) || !strings.Contains(err.Error(), l.Name) {
			t.Errorf("expected an error of %s with %q, found %v", l.Name, mention, err)
		}
		checked++
	}
	for mention, sides := range map[string][]*Side{"nil": {nil}, "two of lora": {ok(), ok()}} {
		if _, err := m.Dense().Adapt(map[string][]*Side{l.Name: sides}); err == nil || !strings.Contains(err.Error(), mention) {
			t.Errorf("expected an error with %q, found %v", mention, err)
		}
		checked++
	}
	if checked != 8 {
		t.Errorf("checked %d", checked)
	}
}

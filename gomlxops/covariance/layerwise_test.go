package covariance

import (
	"reflect"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/transformer"
)

// Layer by layer the dense model gives what it gives at once, bit for bit.
func TestLayerwise(t *testing.T) {
	m := openOracle(t, "gqa")
	tokens := calibTokens(t, "gqa")
	opt := Options{Groups: 4, Batch: 2, Data: "text"}
	want := collect(t, m, tokens, opt)
	c, err := NewLayerwise(m.Dense(), tokens, opt)
	if err != nil {
		t.Fatal(err)
	}
	w, err := m.Walk(tokens, transformer.RunOptions{Batch: 2, Align: c.Align(), Probe: c})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var stats []*Stats
	for w.Next() {
		c.Begin(w.Layer())
		if len(c.stats) != len(transformer.Sites) || c.Dim(transformer.MLPMid) != m.Config().IntermediateSize {
			t.Errorf("layer %d: %d sites are kept, %d channels in the MLP", w.Layer(), len(c.stats), c.Dim(transformer.MLPMid))
		}
		if _, err := c.Moments(); err == nil || !strings.Contains(err.Error(), "found 0") {
			t.Errorf("layer %d: moments of nothing: %v", w.Layer(), err)
		}
		if err := w.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, err := c.Moments()
		if err != nil {
			t.Fatal(err)
		}
		if got.Model != want.Model || got.Data != "text" || got.Tokens != want.Tokens || got.Groups != 4 {
			t.Errorf("layer %d: made from %+v", w.Layer(), got)
		}
		stats = append(stats, got.Stats...)
		if err := w.Pass(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(stats, want.Stats) {
		t.Errorf("%d sites differ from the %d of one pass", len(stats), len(want.Stats))
	}
}

func TestLayerwiseRefuses(t *testing.T) {
	m := openOracle(t, "gqa")
	if _, err := NewLayerwise(m.Dense(), calibTokens(t, "gqa"), Options{Groups: 5}); err == nil || !strings.Contains(err.Error(), "take 4 groups") {
		t.Errorf("five groups of sixteen sequences: %v", err)
	}
}

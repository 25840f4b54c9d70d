package lab

import (
	"testing"

	"github.com/parelab/pare/gomlxops/transformer"
)

// Sizes of a pruned model are given as ranges where its layers differ.
func TestInfoOfDifferingLayers(t *testing.T) {
	i := Info{Heads: 8, KVHeads: 8, MLPSize: 64}
	heads := func(s transformer.Shape) int { return s.Heads }
	if got := i.over(i.Heads, heads); got != "8" {
		t.Errorf("alike: %s", got)
	}
	i.Shapes = []transformer.Shape{{Heads: 6, MLP: 30}, {Heads: 4, MLP: 30}, {Heads: 7, MLP: 30}}
	if got := i.over(i.Heads, heads); got != "4 to 7" {
		t.Errorf("heads: %s", got)
	}
	if got := i.over(i.MLPSize, func(s transformer.Shape) int { return s.MLP }); got != "30" {
		t.Errorf("MLP: %s", got)
	}
}

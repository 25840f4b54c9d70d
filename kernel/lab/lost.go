package lab

import (
	"fmt"

	"github.com/parelab/pare/kernel/show"
)

// Lost draws what part of every linear's parameters is gone, layers by kinds of linear: ranks, heads and channels in one picture. Biases count, and so do
// those of factors.
func (s *Smaller) Lost() show.HeatMap {
	h := show.HeatMap{
		Title: fmt.Sprintf("Parameters removed: %.1f%% of the decoder linears", 100*s.Counted.Removed()),
		Label: "removed", Format: show.Percent, Min: 0, Max: 1,
	}
	held := map[string]int64{} // by layer of the model as it was, and kind
	for _, lin := range s.Variant.Model().Linears() {
		layer := lin.Layer
		if s.Pruned != nil {
			layer = s.Pruned.Plan.Layers[layer].Index
		}
		held[fmt.Sprint(layer, lin.Kind)] = s.Variant.Held(lin).Params()
	}
	byLinear(&h, s.was, func(i int) float64 {
		lin := s.was[i]
		return 1 - float64(held[fmt.Sprint(lin.Layer, lin.Kind)])/float64(s.whole[i])
	})
	return h
}

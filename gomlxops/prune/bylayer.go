package prune

import (
	"fmt"
	"slices"

	"github.com/parelab/pare/gomlxops/transformer"
)

// inLayer is what can be cut in a layer; a dimension without groups is one of which there is a single one.
type inLayer struct{ heads, channels Dimension }

// byLayer finds for each layer its heads and its MLP's channels: the dimensions along the axes of its linears.
func (g *Graph) byLayer(c *transformer.Config) ([]inLayer, error) {
	layerOf := make(map[string]int)
	for _, l := range c.Linears() {
		layerOf[l.Name+".weight"] = l.Layer
	}
	all := make([]inLayer, c.Layers)
	for _, d := range g.Dimensions {
		at := slices.IndexFunc(d.Slots, func(s Slot) bool { _, ok := layerOf[s.Weight]; return ok })
		if at < 0 || d.Fixed != "" {
			continue
		}
		l := layerOf[d.Slots[at].Weight]
		_, queries := Units(c, l)
		switch {
		case d.Kind == Heads && !queries, d.Kind == QueryHeads && queries:
			all[l].heads = d
		case d.Kind == Channels:
			all[l].channels = d
		}
	}
	for l := range all {
		heads, _ := Units(c, l)
		if n := len(all[l].heads.Groups); n != heads && heads > 1 {
			return nil, fmt.Errorf("graph: expected %d heads in layer %d that can be cut, found %d", heads, l, n)
		}
		if n, want := len(all[l].channels.Groups), c.Shape(l).MLP; n != want && want > 1 {
			return nil, fmt.Errorf("graph: expected %d MLP channels in layer %d that can be cut, found %d", want, l, n)
		}
	}
	return all, nil
}

package covariance

import (
	"fmt"

	"github.com/parelab/pare/gomlxops/transformer"
)

// Layerwise is a [transformer.Probe] that collects the moments of one layer at a time, for a caller who takes sequences through a model
// himself: the memory is that of one layer's sites, whatever the number of layers.
type Layerwise struct {
	*probe
	m     *Moments // of the layer
	sites []Stats  // of all layers: what they are, without numbers
}

// NewLayerwise prepares for sequences, as for [Collect]; of opt Groups and Data count. Calls must keep within a group: see
// [Layerwise.Align].
func NewLayerwise(v *transformer.Variant, sequences [][]int32, opt Options) (*Layerwise, error) {
	m, err := describe(v, sequences, opt)
	if err != nil {
		return nil, fmt.Errorf("cannot calibrate: %w", err)
	}
	c := &Layerwise{m: m}
	seen := map[place]bool{}
	for _, l := range v.Model().Linears() {
		if at := (place{l.Layer, l.Kind.Site()}); !seen[at] {
			seen[at], c.sites = true, append(c.sites, Stats{Layer: at.layer, Site: at.site, Dim: l.In})
		}
	}
	if c.probe, err = newProbe(m); err != nil {
		return nil, fmt.Errorf("cannot calibrate: %w", err)
	}
	return c, nil
}

// Align is how many consecutive sequences are a group, for transformer.RunOptions.
func (c *Layerwise) Align() int { return c.perGroup }

// Dim is the number of channels of a site in the layer that was begun; 0 where it has none.
func (c *Layerwise) Dim(site transformer.Site) int {
	for _, s := range c.m.Stats {
		if s.Site == site {
			return s.Dim
		}
	}
	return 0
}

// Begin forgets what was collected and waits for the tokens of a layer.
func (c *Layerwise) Begin(layer int) {
	c.m.Stats = nil
	clear(c.stats)
	for _, s := range c.sites {
		if s.Layer == layer {
			stats := newStats(layer, s.Site, s.Dim, c.m.Groups)
			c.m.Stats = append(c.m.Stats, stats)
			c.stats[place{layer, s.Site}] = stats
		}
	}
}

// Moments returns those of the layer that was begun last; an error where it did not see every token. The next Begin leaves them alone.
func (c *Layerwise) Moments() (*Moments, error) {
	m := *c.m
	return &m, m.complete()
}

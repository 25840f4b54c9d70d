package prune

import (
	"fmt"
	"math"
	"slices"

	"github.com/parelab/pare/gomlxops/transformer"
)

// ChannelPlan chooses the channels of the residual stream that are kept: LLM-Pruner's channel-wise pruning. Every weight of the model loses
// some of a side; heads and MLP channels stay. Of o, Ratio and Round count, and no layer can be protected.
func (o Options) ChannelPlan(c *transformer.Config, s Scores) (*Plan, error) {
	if err := o.check(c.Layers); err != nil {
		return nil, err
	}
	if o.ProtectFirst+o.ProtectLast > 0 {
		return nil, fmt.Errorf("protected layers: all layers share the residual stream, so none keeps channels that others lose; found the first %d and the last %d", o.ProtectFirst, o.ProtectLast)
	}
	order, err := ascending(s.Hidden, c.HiddenSize)
	if err != nil {
		return nil, fmt.Errorf("scores of hidden channels: %w", err)
	}
	gone := drop(c.HiddenSize, c.HiddenSize, 1, o.Ratio)
	if gone >= c.HiddenSize {
		return nil, fmt.Errorf("ratio: %v would leave none of the %d hidden channels; take less", o.Ratio, c.HiddenSize)
	}
	kept := roundUp(c.HiddenSize-gone, o.Round, c.HiddenSize)
	plan := Whole(c)
	plan.Hidden = slices.Clone(order[c.HiddenSize-kept:])
	slices.Sort(plan.Hidden)
	return plan, nil
}

// LayerPlan chooses the layers that are kept: layer-wise pruning by scores. Of all layers the ratio goes, to the nearest whole one and one at least,
// from among the open ones. Without scores the last open ones go, as in LLM-Pruner, which keeps the first.
func (o Options) LayerPlan(c *transformer.Config, s Scores) (*Plan, error) {
	if err := o.check(c.Layers); err != nil {
		return nil, err
	}
	scores := s.Layers
	if scores == nil {
		for l := range c.Layers {
			scores = append(scores, -float64(l))
		}
	}
	order, err := ascending(scores, c.Layers)
	if err != nil {
		return nil, fmt.Errorf("scores of layers: %w", err)
	}
	gone := layersGone(c.Layers, o.Ratio)
	order = slices.DeleteFunc(order, func(l int) bool { return !o.open(l, c.Layers) })
	if gone > len(order) || gone >= c.Layers {
		return nil, fmt.Errorf("ratio: %v takes %d of %d layers, of which %d are not protected; take less", o.Ratio, gone, c.Layers, len(order))
	}
	plan := Whole(c)
	plan.Layers = slices.DeleteFunc(plan.Layers, func(l Layer) bool { return slices.Contains(order[:gone], l.Index) })
	return plan, nil
}

// layersGone is how many of so many layers a ratio takes. LLM-Pruner's rule for channels would take two of three at 0.34.
func layersGone(layers int, ratio float64) int {
	if ratio == 0 {
		return 0
	}
	return max(1, int(math.Round(float64(layers)*ratio)))
}

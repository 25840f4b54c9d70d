package prune

import (
	"context"
	"fmt"
	"slices"

	"github.com/parelab/pare/gomlxops/transformer"
)

// Config returns the configuration of what the plan leaves of a model of configuration c. A plan that does not fit c is an error.
func (p *Plan) Config(c *transformer.Config) (*transformer.Config, error) {
	if err := p.check(c); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	small := *c
	small.Layers, small.Shapes = len(p.Layers), nil
	if p.Hidden != nil {
		small.HiddenSize = len(p.Hidden)
	}
	if windows := c.Positions.Windows; len(windows) > 0 {
		small.Positions.Windows = nil
		for _, l := range p.Layers {
			small.Positions.Windows = append(small.Positions.Windows, windows[l.Index])
		}
	}
	var shapes []transformer.Shape
	for _, l := range p.Layers {
		s := c.Shape(l.Index)
		if _, queries := Units(c, l.Index); queries {
			s.Heads = len(l.Heads)
		} else {
			s.Heads, s.KVHeads = len(l.Heads)*(s.Heads/s.KVHeads), len(l.Heads)
		}
		s.MLP = len(l.Channels)
		shapes = append(shapes, s)
	}
	return small.WithShapes(shapes)
}

// check says what of the plan does not fit c.
func (p *Plan) check(c *transformer.Config) error {
	if len(p.Layers) == 0 {
		return fmt.Errorf("expected at least one layer to be kept")
	}
	last := -1
	for _, l := range p.Layers {
		if l.Index <= last || l.Index >= c.Layers {
			return fmt.Errorf("layers: expected ascending indices below %d, found %d after %d", c.Layers, l.Index, last)
		}
		last = l.Index
		units, _ := Units(c, l.Index)
		if err := ascends(l.Heads, units); err != nil {
			return fmt.Errorf("layer %d, heads: %w", l.Index, err)
		}
		if err := ascends(l.Channels, c.Shape(l.Index).MLP); err != nil {
			return fmt.Errorf("layer %d, channels: %w", l.Index, err)
		}
	}
	if p.Hidden == nil {
		return nil
	}
	if err := ascends(p.Hidden, c.HiddenSize); err != nil {
		return fmt.Errorf("hidden channels: %w", err)
	}
	return nil
}

func ascends(kept []int, n int) error {
	if len(kept) == 0 {
		return fmt.Errorf("expected at least one of %d to be kept", n)
	}
	for i, k := range kept {
		if k < 0 || k >= n || i > 0 && k <= kept[i-1] {
			return fmt.Errorf("expected ascending indices below %d, found %v", n, kept)
		}
	}
	return nil
}

// Removed gathers the groups that the plan removes from a model of configuration c whose graph is g, those of layers that go as a
// whole not among them. Dimensions that the graph has and the configuration does not know of, or the other way about, are errors.
func (p *Plan) Removed(g *Graph, c *transformer.Config) ([]Group, error) {
	if err := p.check(c); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	byLayer, err := g.byLayer(c)
	if err != nil {
		return nil, err
	}
	var removed []Group
	take := func(groups []Group, kept []int) {
		for i, group := range groups {
			if !slices.Contains(kept, i) {
				removed = append(removed, group)
			}
		}
	}
	for _, l := range p.Layers {
		take(byLayer[l.Index].heads.Groups, l.Heads)
		take(byLayer[l.Index].channels.Groups, l.Channels)
	}
	if p.Hidden != nil {
		hidden := g.Of(Hidden)
		if len(hidden) != 1 || len(hidden[0].Groups) != c.HiddenSize || hidden[0].Fixed != "" {
			return nil, fmt.Errorf("graph: expected one dimension of %d hidden channels that can be cut, found %d dimensions", c.HiddenSize, len(hidden))
		}
		take(hidden[0].Groups, p.Hidden)
	}
	return removed, nil
}

// CutOptions say how a cut model is saved.
type CutOptions struct {
	transformer.SaveOptions
	// Compensation holds, by the name of a linear of the model as it is, what its bias gets so that the mean of what is cut stays; see
	// [Compensate]. A linear without a bias gets one, and the directory is then not a stock one.
	Compensation map[string][]float32
}

// Cut writes what the plan leaves of v as a model directory of its own: a configuration and tensors of the new shapes, one tensor in memory
// at a time. Where all layers end with equal sizes it is a stock Hugging Face model of its family, and otherwise one whose configuration has
// a section "pare". Linears that v holds as factors stay factors: B loses rows, A loses columns.
//
// What goes is what the model's graph says must go together; see [Of]. On an error, and when ctx ends, nothing is left behind.
func Cut(ctx context.Context, dir string, v *transformer.Variant, p *Plan, opt CutOptions) error {
	c := v.Model().Config()
	small, err := p.Config(c)
	if err != nil {
		return fmt.Errorf("cannot cut %s: %w", v.Model().Dir(), err)
	}
	knife, err := newKnife(v, p, small)
	if err != nil {
		return fmt.Errorf("cannot cut %s: %w", v.Model().Dir(), err)
	}
	forms, err := knife.forms(opt.Compensation)
	if err != nil {
		return fmt.Errorf("cannot cut %s: %w", v.Model().Dir(), err)
	}
	return transformer.SaveDerived(ctx, dir, v, transformer.Derived{Config: small, From: knife.from, Read: knife.read, Forms: forms}, opt.SaveOptions)
}

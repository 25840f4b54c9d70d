package transformer

import (
	"fmt"
	"slices"
)

// Shape is the size of one layer, as far as pruning changes it.
type Shape struct {
	Heads   int `json:"heads"`    // query heads, a multiple of KVHeads
	KVHeads int `json:"kv_heads"` // key and value heads
	MLP     int `json:"mlp"`      // channels inside the MLP
}

// Shape returns the size of layer l.
func (c *Config) Shape(l int) Shape {
	if c.Shapes != nil {
		return c.Shapes[l]
	}
	return Shape{c.Heads, c.KVHeads, c.IntermediateSize}
}

// WithShapes returns a copy of c whose layers have the given sizes: the configuration of a pruned model. HeadDim stays. Where
// all layers are alike the copy is that of a stock model with these sizes; otherwise [Config.JSON] writes them to the section "pare".
//
// Another number of shapes than layers, and a shape that no layer can have, are errors that name the layer. The copy says nothing
// of replaced linears.
func (c *Config) WithShapes(shapes []Shape) (*Config, error) {
	pruned := *c
	pruned.Architectures, pruned.forms = slices.Clone(c.Architectures), nil
	if len(shapes) != c.Layers {
		return nil, fmt.Errorf("expected a shape for each of %d layers, found %d", c.Layers, len(shapes))
	}
	pruned.Shapes = slices.Clone(shapes)
	pruned.settleShapes()
	if err := pruned.Validate(); err != nil {
		return nil, err
	}
	return &pruned, nil
}

// settleShapes says equal shapes by the fields that hold for all layers.
func (c *Config) settleShapes() {
	if len(c.Shapes) == 0 {
		return
	}
	first := c.Shapes[0]
	if slices.ContainsFunc(c.Shapes, func(s Shape) bool { return s != first }) {
		return
	}
	c.Heads, c.KVHeads, c.IntermediateSize, c.Shapes = first.Heads, first.KVHeads, first.MLP, nil
}

// checkShapes checks the sizes of each layer.
func (c *Config) checkShapes() error {
	if c.Shapes == nil {
		return nil
	}
	if len(c.Shapes) != c.Layers {
		return fieldError(pareField+".layers", fmt.Sprintf("%d shapes, one for each layer", c.Layers), fmt.Sprint(len(c.Shapes)))
	}
	for l, s := range c.Shapes {
		field := fmt.Sprintf("%s.layers[%d]", pareField, l)
		if s.KVHeads < 1 || s.Heads < 1 || s.Heads > mostHeads || s.Heads%s.KVHeads != 0 {
			return fieldError(field, "heads, at least 1 and a multiple of kv_heads", fmt.Sprintf("%d and %d", s.Heads, s.KVHeads))
		}
		if s.MLP < 1 || s.MLP > mostWidth {
			return fieldError(field, fmt.Sprintf("mlp from 1 to %d", mostWidth), fmt.Sprint(s.MLP))
		}
	}
	return nil
}

package transformer

import "strings"

// Norm is one norm of a model: its scale, and perhaps a bias.
type Norm struct {
	Name  string // without ".weight", as in the checkpoint: "model.layers.3.input_layernorm"
	Layer int    // the number of layers for the one behind the last block
	Place Place
	Width int
	Bias  bool
}

// Norms lists the norms in forward order.
func (c *Config) Norms() []Norm {
	var all []Norm
	add := func(layer int, tensors []TensorShape, places ...Place) {
		for _, t := range tensors {
			name, isScale := strings.CutSuffix(t.Name, ".weight")
			if !isScale {
				all[len(all)-1].Bias = true
				continue
			}
			all = append(all, Norm{Name: name, Layer: layer, Place: places[0], Width: t.Shape[0]})
			places = places[1:]
		}
	}
	for l := range c.Layers {
		add(l, c.blockNorms(l), InputNorm, MLPNorm, QueryNorm, KeyNorm)
	}
	add(c.Layers, c.finalNorm(), FinalNorm)
	return all
}

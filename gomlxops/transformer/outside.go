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

// Table is a matrix before the first block or behind the last, [Rows, Columns]: a row for each token or position.
type Table struct {
	Name          string // without ".weight", as in the checkpoint: "model.embed_tokens"
	Place         Place  // Embedding, PositionTable or Head
	Rows, Columns int
	Offset        int // the row of the first position
}

// Tables lists the embedding of tokens, that of positions where they are learned, and the head where it is not tied.
func (c *Config) Tables() []Table {
	var all []Table
	add := func(t TensorShape, place Place, offset int) {
		all = append(all, Table{strings.TrimSuffix(t.Name, ".weight"), place, t.Shape[0], t.Shape[1], offset})
	}
	tables := c.embeddings()
	add(tables[0], Embedding, 0)
	if len(tables) > 1 {
		add(tables[1], PositionTable, c.Positions.Offset)
	}
	if !c.TieEmbeddings {
		add(c.head(), Head, 0)
	}
	return all
}

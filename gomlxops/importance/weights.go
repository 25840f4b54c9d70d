package importance

import (
	"fmt"

	"github.com/parelab/pare/gomlxops/transformer"
)

// blank returns scores by nothing, for every linear and norm of v, its embedding and its head.
func blank(v *transformer.Variant) (*Scores, error) {
	m := v.Model()
	digest, err := m.Digest()
	if err != nil {
		return nil, err
	}
	s := &Scores{Model: digest}
	for _, l := range m.Linears() {
		if form, replaced := v.Form(l.Name); replaced && form.Name() != "dense" {
			return nil, fmt.Errorf("%s: expected it dense, found it %s; take the model that it was made from", l.Name, form.Name())
		}
		s.Weights = append(s.Weights, &Weight{Name: l.Name, Layer: l.Layer, Rows: l.Out, Columns: l.In})
	}
	for _, n := range m.Config().Norms() {
		s.Weights = append(s.Weights, &Weight{Name: n.Name, Layer: n.Layer, Rows: n.Width})
	}
	for _, t := range m.Config().Tables() {
		s.Weights = append(s.Weights, &Weight{Name: t.Name, Layer: layerOf(m.Config(), t.Place), Rows: t.Rows, Columns: t.Columns})
	}
	return s, nil
}

// weightOf reads a weight's values as v holds it.
func weightOf(v *transformer.Variant, w *Weight) ([]float32, error) {
	if form, replaced := v.Form(w.Name); replaced {
		values := make([]float32, w.Rows*w.Columns)
		return values, form.Read(0, values)
	}
	values, _, err := v.Model().Float32(w.Name + ".weight")
	if err == nil && len(values) != w.Rows*max(1, w.Columns) {
		err = fmt.Errorf("%s: expected %d values, found %d", w.Name, w.Rows*max(1, w.Columns), len(values))
	}
	return values, err
}

// layerOf is the layer that a table counts as: −1 before the first block.
func layerOf(c *transformer.Config, p transformer.Place) int {
	if p == transformer.Head {
		return c.Layers
	}
	return -1
}

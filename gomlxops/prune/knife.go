package prune

import (
	"fmt"
	"strings"

	"github.com/parelab/pare/gomlxops/transformer"
)

// knife cuts tensors.
type knife struct {
	v      *transformer.Variant
	small  *transformer.Config
	source map[string]string // the base's name of each tensor of small
	shapes map[string][]int  // of the base's tensors
	kept   map[Slot][]int    // of the base's tensors
}

func newKnife(v *transformer.Variant, p *Plan, small *transformer.Config) (*knife, error) {
	c := v.Model().Config()
	g, err := Of(c)
	if err != nil {
		return nil, err
	}
	removed, err := p.Removed(g, c)
	if err != nil {
		return nil, err
	}
	k := &knife{v: v, small: small, source: sources(c, small, p), shapes: make(map[string][]int)}
	for _, t := range c.TensorShapes() {
		k.shapes[t.Name] = t.Shape
	}
	k.kept = Kept(k.shapes, removed)
	return k, k.checkShapes()
}

// checkShapes makes sure that what the graph leaves of every tensor is what the new configuration expects.
func (k *knife) checkShapes() error {
	for _, t := range k.small.TensorShapes() {
		from := k.source[t.Name]
		for at, d := range t.Shape {
			n := k.shapes[from][at]
			if kept, ok := k.kept[Slot{from, at}]; ok {
				n = len(kept)
			}
			if n != d {
				return fmt.Errorf("tensor %s, axis %d: the graph leaves %d of %d, the new configuration expects %d", from, at, n, k.shapes[from][at], d)
			}
		}
	}
	return nil
}

// sources names, for each tensor of the smaller model, the tensor of the model as it is. Both list theirs in one order, a layer as long
// as another.
func sources(c, small *transformer.Config, p *Plan) map[string]string {
	was, is := c.TensorShapes(), small.TensorShapes()
	none := *c
	none.Layers, none.Shapes = 0, nil
	outside := none.TensorShapes()
	before := 0
	for before < len(outside) && was[before].Name == outside[before].Name {
		before++
	}
	each := (len(was) - len(outside)) / c.Layers
	source := make(map[string]string, len(is))
	for i, t := range is {
		l := (i - before) / each
		switch {
		case i < before:
			source[t.Name] = was[i].Name
		case l < len(p.Layers):
			source[t.Name] = was[before+p.Layers[l].Index*each+(i-before)%each].Name
		default:
			source[t.Name] = was[i+(c.Layers-len(p.Layers))*each].Name
		}
	}
	return source
}

func (k *knife) from(tensor string) string { return k.source[tensor] }

// read fills a tensor of the smaller model.
func (k *knife) read(tensor string, dst []float32) error {
	from := k.source[tensor]
	shape := k.shapes[from]
	rows, columns := k.kept[Slot{from, 0}], k.kept[Slot{from, 1}]
	if rows == nil && columns == nil {
		return k.v.Model().Read(from, dst)
	}
	all := make([]float32, elements(shape))
	if err := k.v.Model().Read(from, all); err != nil {
		return err
	}
	pick(dst, all, shape, rows, columns)
	return nil
}

func elements(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// pick copies rows and columns of all, [shape[0], shape[1]], or elements of a vector; nil is all of them.
func pick(dst, all []float32, shape []int, rows, columns []int) {
	width := elements(shape[1:])
	if rows == nil {
		rows = upTo(shape[0])
	}
	for _, r := range rows {
		row := all[r*width : (r+1)*width]
		if columns == nil {
			dst = dst[copy(dst, row):]
			continue
		}
		for i, c := range columns {
			dst[i] = row[c]
		}
		dst = dst[len(columns):]
	}
}

// linear is the name of a linear of the model as it is that one of the smaller model is made of.
func (k *knife) linear(name string) string {
	return strings.TrimSuffix(k.source[name+".weight"], ".weight")
}

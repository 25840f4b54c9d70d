package transformer

import (
	"fmt"
)

// embed looks the tokens of a span up in the embedding, which is read row by row and never as a whole, and adds what their positions
// add.
func (r *run) embed(s span) (stream, error) {
	tables := r.c.embeddings()
	tokens, err := r.v.m.view(tables[0].Name)
	if err != nil {
		return stream{}, err
	}
	places, err := r.places(tables)
	if err != nil {
		return stream{}, err
	}
	width := r.c.HiddenSize
	h, err := onBackend(r.b, []int{s.count * r.length, width}, func(dst []float32) error {
		for _, sequence := range r.sequences[s.first : s.first+s.count] {
			for t, id := range sequence {
				if err := r.v.m.row(tokens, int(id), dst[:width]); err != nil {
					return err
				}
				if places != nil {
					addTo(dst[:width], places[t*width:])
				}
				dst = dst[width:]
			}
		}
		return nil
	})
	return stream{span: s, h: h}, err
}

// places reads what positions add to the embedding, [length, hidden]; nil where they add nothing.
func (r *run) places(tables []TensorShape) ([]float32, error) {
	if !r.c.Positions.Learned {
		return nil, nil
	}
	v, err := r.v.m.view(tables[1].Name)
	if err != nil {
		return nil, err
	}
	width := r.c.HiddenSize
	all := make([]float32, r.length*width)
	for t := range r.length {
		if err := r.v.m.row(v, t+r.c.Positions.Offset, all[t*width:(t+1)*width]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// row widens one row of a table.
func (m *Model) row(v view, row int, dst []float32) error {
	bytes := len(dst) * dtypeSizes[v.dtype]
	if at := widen(v.dtype, dst, v.data[row*bytes:(row+1)*bytes]); at >= 0 {
		return fmt.Errorf("%s: tensor %s: row %d holds a number that is not finite, at column %d", m.dir, v.name, row, at)
	}
	return nil
}

func addTo(dst, src []float32) {
	for i := range dst {
		dst[i] += src[i]
	}
}

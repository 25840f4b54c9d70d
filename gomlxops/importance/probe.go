package importance

import (
	"errors"
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/transformer"
)

// sink takes the gradients of one weight, sequence after sequence.
type sink interface {
	// add gets rows [lo, hi) of one sequence's gradient; piece numbers the rows that come together. Calls for different pieces may come at
	// once, those of one piece come in the order of sequences.
	add(piece, lo, hi int, dw []float32)
}

// probe gives the gradient of every weight, one sequence at a time, to the sinks of its reader. There are two forms: on an
// accelerator the gradients are made in the block's graph; on the Go backend the graph hands out activations and their gradients, which lie in
// the host's memory already, and products are made of them there, some rows at a time.
type probe struct {
	reader
	inGraph  bool
	products *products
	parts    parts
}

// reader is what becomes of gradients.
type reader interface {
	// sink returns the sink of a weight, nil where it is not wanted. columns is 0 for a norm.
	sink(s transformer.Seen, rows, columns int) sink
	wants(p transformer.Place) bool
	// embedded gets the gradient dh [tokens, width] by what the embedding gave.
	embedded(s transformer.Seen, width int, dh []float32)
	Finish(layer int) error
}

var _ transformer.GradientProbe = (*probe)(nil)

func newProbe(r reader) (*probe, error) {
	b, err := gomlxops.Backend()
	if err != nil {
		return nil, err
	}
	p := &probe{reader: r, inGraph: !gomlxops.IsGo(b)}
	if !p.inGraph {
		p.products, err = newProducts(b)
	}
	return p, err
}

// Graph returns x and dy of a linear, or the gradient [out, in] of each sequence; of a norm those of all sequences, [sequences, width].
func (p *probe) Graph(t transformer.Tap) []*graph.Node {
	if !p.wants(t.Place) {
		return nil
	}
	if t.Place == transformer.Embedding {
		return []*graph.Node{t.DY}
	}
	perSequence := func(x *graph.Node) *graph.Node {
		return graph.Reshape(x, t.Sequences, x.Shape().Dim(0)/t.Sequences, x.Shape().Dim(1))
	}
	if t.Form == "" {
		return []*graph.Node{graph.ReduceSum(perSequence(graph.Mul(t.X, t.DY)), 1)}
	}
	if !p.inGraph {
		return []*graph.Node{t.X, t.DY}
	}
	var all []*graph.Node
	for s := range t.Sequences {
		rows := graph.AxisRange(s*t.Length, (s+1)*t.Length)
		dy, x := graph.SliceAxis(t.DY, 0, rows), graph.SliceAxis(t.X, 0, rows)
		all = append(all, graph.DotGeneral(graph.TransposeAllAxes(dy, 1, 0), []int{1}, nil, x, []int{0}, nil))
	}
	return all
}

// Observe takes the results of one call at one place to its sink.
func (p *probe) Observe(s transformer.Seen, out []*tensors.Tensor) error {
	dims := make([][]int, len(out))
	for i, t := range out {
		dims[i] = t.Shape().Dimensions
	}
	if len(out) == 0 || len(dims[0]) != 2 || s.Parts > 1 && isNorm(s.Place) && s.Sequences != 1 {
		return fmt.Errorf("expected matrices, found shapes %v for part %d of %d", dims, s.Part, s.Parts)
	}
	switch {
	case s.Place == transformer.Embedding:
		return values(out[0], func(dh []float32) error { p.embedded(s, dims[0][1], dh); return nil })
	case isNorm(s.Place):
		return values(out[0], func(flat []float32) error {
			if flat = p.parts.add(s, 0, flat, true); flat != nil {
				inRows(p.sink(s, dims[0][1], 0), s.Sequences, dims[0][1], 1, flat)
			}
			return nil
		})
	case p.inGraph:
		for _, t := range out {
			err := values(t, func(flat []float32) error {
				if flat = p.parts.add(s, 0, flat, true); flat != nil {
					inRows(p.sink(s, dims[0][0], dims[0][1]), 1, dims[0][0], dims[0][1], flat)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
	in, o := dims[0][1], dims[1][1]
	return values(out[0], func(x []float32) error {
		return values(out[1], func(dy []float32) error {
			x, dy := p.parts.add(s, 0, x, false), p.parts.add(s, 1, dy, false)
			if x == nil {
				return nil
			}
			return p.products.each(call{x, dy, s.Sequences, len(x) / in / s.Sequences, in, o}, p.sink(s, o, in).add)
		})
	})
}

// parts joins what comes in parts of one sequence: see transformer.Seen. The zero value is ready.
type parts map[partOf][]float32

type partOf struct {
	place  transformer.Place
	output int
}

// add returns the whole when its last part has come, and nil before. What comes whole is returned as it is. Sums are added up, rows are
// joined; rows that two parts share have no gradient in the second.
func (p *parts) add(s transformer.Seen, output int, values []float32, sum bool) []float32 {
	if s.Parts == 1 {
		return values
	}
	if *p == nil {
		*p = parts{}
	}
	key := partOf{s.Place, output}
	whole := (*p)[key]
	if sum && s.Part > 0 {
		for i, v := range values {
			whole[i] += v
		}
	} else {
		whole = append(whole, values...)
	}
	if s.Part < s.Parts-1 {
		(*p)[key] = whole
		return nil
	}
	delete(*p, key)
	return whole
}

func isTable(p transformer.Place) bool {
	return p == transformer.Head || p == transformer.Embedding || p == transformer.PositionTable
}

func isNorm(p transformer.Place) bool {
	switch p {
	case transformer.InputNorm, transformer.MLPNorm, transformer.QueryNorm, transformer.KeyNorm, transformer.FinalNorm:
		return true
	}
	return false
}

// inRows gives whole gradients of some sequences, one after another, to a sink.
func inRows(to sink, sequences, rows, columns int, flat []float32) {
	size, n := rows*columns, pieces(rows, columns)
	for s := range sequences {
		parallel(n, func(i int) {
			lo, hi := rows*i/n, rows*(i+1)/n
			to.add(i, lo, hi, flat[s*size+lo*columns:s*size+hi*columns])
		})
	}
}

// values gives work the numbers of t, in place.
func values(t *tensors.Tensor, work func(flat []float32) error) error {
	var failed error
	err := tensors.ConstFlatData(t, func(flat []float32) { failed = work(flat) })
	return errors.Join(failed, err)
}

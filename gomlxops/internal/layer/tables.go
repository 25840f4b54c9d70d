package layer

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/support/exceptions"
)

// Table is an array of fixed numbers that attention reads: rotary angles, masks.
type Table struct {
	Dims   []int
	Values []float64 // row-major
}

// Tables lists what [Style.NewAttention] needs, in its order. It depends on the dims without Batch, and on the positions.
//
// A graph of its own takes them as [Constants]; where many graphs have one length they are better parameters, since the
// manual form's tables are as large as a sequence's activations.
func (s Style) Tables(d Dims, r Rotary) []Table {
	d.assert(r)
	var all []Table
	add := func(values []float64, dims ...int) { all = append(all, Table{dims, values}) }
	angles := func(heads int, dims ...int) {
		cos, sin := r.angles(d, heads)
		add(cos, dims...)
		add(sin, dims...)
	}
	switch {
	case len(r.Freq) == 0:
	case !s.Manual:
		angles(1, 1, d.Length, 1, d.HeadDim)
	default:
		angles(d.Heads, 1, d.Length*d.Heads*d.HeadDim)
		add(r.quarterTurn(d.HeadDim), d.HeadDim, d.HeadDim)
		if d.KVHeads != d.Heads {
			angles(d.KVHeads, 1, d.Length*d.KVHeads*d.HeadDim)
		}
	}
	for _, c := range s.chunks(d) {
		add(c.maskValues(d.Window), 1, (c.hi-c.lo)*(c.hi-c.from))
	}
	return all
}

// Constants puts tables into like's graph, in like's element type.
func Constants(like *Node, tables []Table) []*Node {
	nodes := make([]*Node, len(tables))
	for i, t := range tables {
		nodes[i] = ConvertDType(ConstTensor(like.Graph(), t.tensor(like.DType())), like.DType())
	}
	return nodes
}

func (t Table) tensor(dtype dtypes.DType) *tensors.Tensor {
	if dtype == dtypes.Float64 {
		return tensors.FromFlatDataAndDimensions(t.Values, t.Dims...)
	}
	narrow := make([]float32, len(t.Values))
	t.Float32(narrow)
	return tensors.FromFlatDataAndDimensions(narrow, t.Dims...)
}

// maskValues returns 0 where the key is seen by the query, row by row of queries.
func (c chunk) maskValues(window int) []float64 {
	keys := c.hi - c.from
	mask := make([]float64, (c.hi-c.lo)*keys)
	for i := range mask {
		query, key := c.lo+i/keys, c.from+i%keys
		if key > query || window > 0 && key <= query-window {
			mask[i] = masked
		}
	}
	return mask
}

// assert panics unless the heads can be grouped and turned.
func (d Dims) assert(r Rotary) {
	if d.KVHeads < 1 || d.Heads%d.KVHeads != 0 || d.HeadDim < 1 || d.Length < 1 || d.Window < 0 {
		exceptions.Panicf("layer: attention over %d tokens, window %d, with %d heads, %d key/value heads of %d channels",
			d.Length, d.Window, d.Heads, d.KVHeads, d.HeadDim)
	}
	if 2*len(r.Freq) > d.HeadDim {
		exceptions.Panicf("layer: attention with heads of %d channels and %d frequencies", d.HeadDim, len(r.Freq))
	}
}

// Float32 writes the table's values to dst, which has as many elements; it returns nil.
func (t Table) Float32(dst []float32) error {
	for i, v := range t.Values {
		dst[i] = float32(v)
	}
	return nil
}

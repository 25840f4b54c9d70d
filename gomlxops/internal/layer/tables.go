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

// Tables lists what [Style.NewAttention] needs, in its order. It depends on the dims without Batch. freq are the HeadDim/2
// inverse frequencies, see [Frequencies].
//
// A graph of its own takes them as [Constants]; where many graphs have one length they are better parameters, since the
// manual form's tables are as large as a sequence's activations.
func (s Style) Tables(d Dims, freq []float64) []Table {
	d.assert()
	if len(freq) != d.HeadDim/2 {
		exceptions.Panicf("layer: attention with heads of %d channels and %d frequencies", d.HeadDim, len(freq))
	}
	var all []Table
	add := func(values []float64, dims ...int) { all = append(all, Table{dims, values}) }
	angles := func(heads int, dims ...int) {
		cos, sin := ropeTables(d, heads, freq)
		add(cos, dims...)
		add(sin, dims...)
	}
	if s.Manual {
		angles(d.Heads, 1, d.Length*d.Heads*d.HeadDim)
		add(quarterTurn(d.HeadDim), d.HeadDim, d.HeadDim)
		if d.KVHeads != d.Heads {
			angles(d.KVHeads, 1, d.Length*d.KVHeads*d.HeadDim)
		}
	} else {
		angles(1, 1, d.Length, 1, d.HeadDim)
	}
	for _, c := range cut(d.Length, chunkSize(s, d.Length)) {
		add(c.maskValues(), 1, (c.hi-c.lo)*c.hi)
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
func (c chunk) maskValues() []float64 {
	mask := make([]float64, (c.hi-c.lo)*c.hi)
	for i := range mask {
		if query, key := c.lo+i/c.hi, i%c.hi; key > query {
			mask[i] = masked
		}
	}
	return mask
}

// assert panics unless the heads can be grouped and rotated.
func (d Dims) assert() {
	if d.KVHeads < 1 || d.Heads%d.KVHeads != 0 || d.HeadDim < 2 || d.HeadDim%2 != 0 || d.Length < 1 {
		exceptions.Panicf("layer: attention over %d tokens with %d heads, %d key/value heads of %d channels",
			d.Length, d.Heads, d.KVHeads, d.HeadDim)
	}
}

// Float32 writes the table's values to dst, which has as many elements; it returns nil.
func (t Table) Float32(dst []float32) error {
	for i, v := range t.Values {
		dst[i] = float32(v)
	}
	return nil
}

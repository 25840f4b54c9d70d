package prune

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"
)

func (f *function) Reshape(x in, dimensions ...int) (out, error) {
	v := x.(*value)
	shape, err := shapeinference.Reshape(v.shape, dimensions)
	if err != nil {
		return nil, err
	}
	axes, err := f.b.labels.reshape(v, shape.Dimensions)
	if err != nil {
		return nil, err
	}
	return f.add(compute.OpTypeReshape, shape, axes, v), nil
}

func (f *function) Transpose(x in, permutation ...int) (out, error) {
	v := x.(*value)
	shape, err := shapeinference.Transpose(v.shape, permutation)
	if err != nil {
		return nil, err
	}
	axes := make([]axis, len(permutation))
	for i, p := range permutation {
		axes[i] = v.axes[p]
	}
	return f.add(compute.OpTypeTranspose, shape, axes, v), nil
}

func (f *function) BroadcastInDim(x in, shape shapes.Shape, axes []int) (out, error) {
	v := x.(*value)
	return f.add(compute.OpTypeBroadcastInDim, shape, f.b.labels.broadcast(v, shape.Dimensions, axes), v), nil
}

func (f *function) DotGeneral(x in, xSum, xBatch []int, y in, ySum, yBatch []int, config compute.DotGeneralConfig) (out, error) {
	v, w := x.(*value), y.(*value)
	shape, err := shapeinference.DotGeneral(v.shape, xSum, xBatch, w.shape, ySum, yBatch, config)
	if err != nil {
		return nil, err
	}
	o := f.add(compute.OpTypeDotGeneral, shape, f.b.labels.dot(v, xSum, xBatch, w, ySum, yBatch), v, w)
	f.b.products = append(f.b.products, dot{o, v, w})
	return o, nil
}

func (f *function) Concatenate(at int, operands ...in) (out, error) {
	var values []*value
	var all []shapes.Shape
	for _, x := range operands {
		values, all = append(values, x.(*value)), append(all, x.(*value).shape)
	}
	shape, err := shapeinference.Concatenate(all, at)
	if err != nil {
		return nil, err
	}
	return f.add(compute.OpTypeConcatenate, shape, f.b.labels.concatenate(at, values), values...), nil
}

func (f *function) Slice(x in, starts, limits, strides []int) (out, error) {
	v := x.(*value)
	shape, err := shapeinference.Slice(v.shape, starts, limits, strides)
	if err != nil {
		return nil, err
	}
	return f.add(compute.OpTypeSlice, shape, f.b.labels.slice(v, starts, limits, strides), v), nil
}

func (f *function) Reverse(x in, axes ...int) (out, error) {
	v := f.same(compute.OpTypeReverse, x)
	for _, at := range axes {
		v.axes[at] = slices.Clone(v.axes[at])
		slices.Reverse(v.axes[at])
	}
	return v, nil
}

func (f *function) Gather(x, indices in, indexAxis int, offset, collapsed, startMap, sizes []int, sorted bool) (out, error) {
	v, at := x.(*value), indices.(*value)
	shape, err := shapeinference.Gather(v.shape, at.shape, indexAxis, offset, collapsed, startMap, sizes, sorted)
	if err != nil {
		return nil, err
	}
	axes := f.b.labels.gather(v, at, indexAxis, offset, collapsed, sizes, shape.Rank())
	return f.add(compute.OpTypeGather, shape, axes, v, at), nil
}

// reduce records an operation that leaves no trace of some axes.
func (f *function) reduce(op compute.OpType, x in, axes []int) (out, error) {
	v := x.(*value)
	shape, err := shapeinference.Reduce(v.shape, axes)
	if err != nil {
		return nil, err
	}
	var kept []axis
	for i, a := range v.axes {
		if !slices.Contains(axes, i) && len(axes) > 0 {
			kept = append(kept, a)
		}
	}
	return f.add(op, shape, kept, v), nil
}

func (f *function) ReduceSum(x in, axes ...int) (out, error) {
	return f.reduce(compute.OpTypeReduceSum, x, axes)
}
func (f *function) ReduceMax(x in, axes ...int) (out, error) {
	return f.reduce(compute.OpTypeReduceMax, x, axes)
}
func (f *function) ReduceMin(x in, axes ...int) (out, error) {
	return f.reduce(compute.OpTypeReduceMin, x, axes)
}
func (f *function) ReduceProduct(x in, axes ...int) (out, error) {
	return f.reduce(compute.OpTypeReduceProduct, x, axes)
}

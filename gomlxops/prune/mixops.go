package prune

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"
)

// The operations of this file mix the indices of an axis: what comes out at one is made of several that went in. Along tokens that ties nothing together. Along
// an axis of weights no cut would leave the rest as it was, so there they are refused.

// mix says that an operation mixes the indices of axis at of v. What goes along a weight is refused.
func (f *function) mix(op compute.OpType, v *value, at int) error {
	l := f.b.labels
	v.axes[at] = l.whole(v.axes[at], v.shape.Dimensions[at])
	for _, t := range v.axes[at] {
		for _, a := range l.resolve(t) {
			if l.marks[a]&markWeight != 0 {
				return f.b.refuse(op, fmt.Sprintf("along an axis of weights, such as axis %d of %v", at, v.shape.Dimensions))
			}
		}
	}
	l.set(v.axes[at], markMixed)
	return nil
}

// mixed is an axis of n indices that an operation made.
func (l *labels) mixed(n int) axis {
	x := l.fresh(n)
	l.set(x, markMixed)
	return x
}

func (f *function) CumSum(x in, at int, _ compute.CumSumOptions) (out, error) {
	v := x.(*value)
	if _, err := shapeinference.CumSum(v.shape, at); err != nil {
		return nil, err
	}
	if err := f.mix(compute.OpTypeCumSum, v, at); err != nil {
		return nil, err
	}
	return f.same(compute.OpTypeCumSum, x), nil
}

func (f *function) Sort(_ compute.Function, at int, _ bool, operands ...in) ([]out, error) {
	var values []*value
	for _, x := range operands {
		v := x.(*value)
		if err := f.mix(compute.OpTypeSort, v, at); err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	axes := f.b.labels.elementwise(values[0].shape.Dimensions, values...) // what is sorted together
	var outs []out
	for _, v := range values {
		outs = append(outs, f.add(compute.OpTypeSort, v.shape, append([]axis(nil), axes...), values...))
	}
	return outs, nil
}

func (f *function) Pad(x, fill in, config ...compute.PadAxis) (out, error) {
	v := x.(*value)
	shape, err := shapeinference.Pad(v.shape, config...)
	if err != nil {
		return nil, err
	}
	axes := append([]axis(nil), v.axes...)
	for at, pad := range config {
		if pad == (compute.PadAxis{}) {
			continue
		}
		if err := f.mix(compute.OpTypePad, v, at); err != nil {
			return nil, err
		}
		axes[at] = f.b.labels.mixed(shape.Dimensions[at])
	}
	return f.add(compute.OpTypePad, shape, axes, v, fill.(*value)), nil
}

// ConvGeneral: every output channel reads every input channel, as in a product; or, where each channel has a kernel of its own, the one of its index. Positions
// are mixed, and a kernel's are taken by their place.
func (f *function) ConvGeneral(x, kernel in, axes compute.ConvolveAxesConfig, strides []int, paddings [][2]int, inputDilations, kernelDilations []int,
	channelGroups, batchGroups int) (out, error) {
	v, k := x.(*value), kernel.(*value)
	const op = compute.OpTypeConvGeneral
	shape, err := shapeinference.ConvGeneral(v.shape, k.shape, axes, strides, paddings, inputDilations, kernelDilations, channelGroups, batchGroups)
	if err != nil {
		return nil, err
	}
	channels := v.shape.Dimensions[axes.InputChannels]
	each := channelGroups == channels && k.shape.Dimensions[axes.KernelOutputChannels] == channels
	switch {
	case k.data:
		return nil, f.b.refuse(op, "with a kernel that the data makes")
	case batchGroups > 1 || channelGroups > 1 && !each:
		return nil, f.b.refuse(op, fmt.Sprintf("in %d groups of channels and %d of sequences", channelGroups, batchGroups))
	}
	for _, at := range axes.InputSpatial {
		if err := f.mix(op, v, at); err != nil {
			return nil, err
		}
	}
	for _, at := range axes.KernelSpatial {
		f.b.labels.set(k.axes[at], markApart)
	}
	made := k.axes[axes.KernelOutputChannels]
	if each {
		made = f.b.labels.unify(v.axes[axes.InputChannels], made)
	} else {
		f.b.labels.unify(v.axes[axes.InputChannels], k.axes[axes.KernelInputChannels])
	}
	o := f.add(op, shape, f.convolved(v, made, axes, shape), v, k)
	f.b.products = append(f.b.products, dot{o, v, k})
	return o, nil
}

// convolved lists the axes of a convolution of v that makes the given channels.
func (f *function) convolved(v *value, channels axis, axes compute.ConvolveAxesConfig, shape shapes.Shape) []axis {
	out := make([]axis, shape.Rank())
	out[axes.OutputBatch], out[axes.OutputChannels] = v.axes[axes.InputBatch], channels
	for _, at := range axes.OutputSpatial {
		out[at] = f.b.labels.mixed(shape.Dimensions[at])
	}
	return out
}

// Closure is a function that an operation calls, such as a comparison to sort by. What it computes is between numbers and ties nothing together.
func (f *function) Closure() (compute.Function, error) {
	inner := f.b.function()
	inner.closure = true
	return inner, nil
}

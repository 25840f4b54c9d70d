package prune

import "fmt"

// mostIndices bounds the product of axes that a reshape may lay flat: 4 million indices, beyond every published width and every axis that
// a reshape of activations makes at the lengths that are traced.
const mostIndices = 1 << 22

// elementwise is the rule of operations that make output index i from the operands' index i: their axes are the same. An operand's axis
// of one index is spread along the others', and so is a number without axes.
func (l *labels) elementwise(dims []int, operands ...*value) []axis {
	out := make([]axis, len(dims))
	for _, x := range operands {
		if len(x.axes) == 0 {
			continue
		}
		for i := range dims {
			if d := x.shape.Dimensions[i]; d == dims[i] {
				out[i] = l.unify(out[i], x.axes[i])
			}
		}
	}
	return out
}

// reshape is the rule of a change of shape that keeps the order of the numbers: axes merge, and split.
func (l *labels) reshape(x *value, to []int) ([]axis, error) {
	from := x.shape.Dimensions
	out := make([]axis, len(to))
	i, j := 0, 0
	for i < len(from) || j < len(to) {
		lo, start, a, b := i, j, 1, 1
		for first := true; first || a != b; first = false {
			if i < len(from) && (a <= b || j == len(to)) {
				a *= from[i]
				i++
			} else {
				b *= to[j]
				j++
			}
			if i == len(from) && j == len(to) {
				break
			}
		}
		for i < len(from) && from[i] == 1 {
			i++
		}
		for j < len(to) && to[j] == 1 {
			j++
		}
		if err := l.regroup(x, lo, i, out[start:j], to[start:j]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// regroup merges axes lo to hi of v and splits them again into out, of as many indices.
func (l *labels) regroup(v *value, lo, hi int, out []axis, to []int) error {
	in, from := v.axes[lo:hi], v.shape.Dimensions[lo:hi]
	x, n, known := axis{nil}, 1, false
	for i := range in {
		known = known || in[i] != nil && from[i] > 1
		n *= from[i]
	}
	if !known {
		for j := range out {
			if to[j] == 1 {
				out[j] = axis{nil}
			}
		}
		return nil
	}
	if n > mostIndices {
		return fmt.Errorf("a reshape of %v to %v is too large to follow: %d indices, at most %d", from, to, n, mostIndices)
	}
	for i := range in {
		if from[i] == 1 {
			continue
		}
		known := l.whole(in[i], from[i])
		if in[i] == nil && v.data && v.learnt {
			l.set(known, markSpread)
		}
		x = product(x, known)
	}
	for j, d := range to {
		n /= d
		out[j], x = l.split(x, d, n)
	}
	return nil
}

// product is the axis that x and y merge to, y innermost.
func product(x, y axis) axis {
	if len(x) == 1 && len(x[0]) == 0 {
		return y
	}
	out := make(axis, 0, len(x)*len(y))
	for _, s := range x {
		for _, t := range y {
			out = append(out, append(append(make(tuple, 0, len(s)+len(t)), s...), t...))
		}
	}
	return out
}

// broadcast is the rule that spreads x over new axes and over its axes of one index.
func (l *labels) broadcast(x *value, dims, axes []int) []axis {
	out := make([]axis, len(dims))
	for i, at := range axes {
		if x.shape.Dimensions[i] == dims[at] {
			out[at] = x.axes[i]
		}
	}
	return out
}

// dot is the rule of a product that sums over some axes of both operands. The result's axes are the batch axes, then x's free ones,
// then y's.
func (l *labels) dot(x *value, xSum, xBatch []int, y *value, ySum, yBatch []int) []axis {
	attention := x.data && y.data
	for i := range xSum {
		s := l.unify(x.axes[xSum[i]], y.axes[ySum[i]])
		if attention {
			l.set(s, markAttended)
		}
	}
	var out []axis
	for i := range xBatch {
		b := l.unify(x.axes[xBatch[i]], y.axes[yBatch[i]])
		if attention {
			l.set(b, markBatch)
		}
		out = append(out, b)
	}
	for i, a := range x.axes {
		if !has(xSum, i) && !has(xBatch, i) {
			out = append(out, a)
		}
	}
	for i, a := range y.axes {
		if !has(ySum, i) && !has(yBatch, i) {
			out = append(out, a)
		}
	}
	return out
}

// concatenate is the rule that puts operands one behind the other along an axis; the other axes are the same.
func (l *labels) concatenate(at int, operands []*value) []axis {
	out := make([]axis, len(operands[0].axes))
	for _, x := range operands {
		for i, a := range x.axes {
			if i != at {
				out[i] = l.unify(out[i], a)
				continue
			}
			out[i] = append(out[i][:len(out[i]):len(out[i])], l.whole(a, x.shape.Dimensions[i])...)
		}
	}
	return out
}

// slice is the rule that takes every stride-th index from start to limit.
func (l *labels) slice(x *value, starts, limits, strides []int) []axis {
	out := make([]axis, len(x.axes))
	for i, a := range x.axes {
		step := 1
		if len(strides) > 0 {
			step = strides[i]
		}
		if starts[i] == 0 && limits[i] == x.shape.Dimensions[i] && step == 1 || a == nil {
			out[i] = a
			continue
		}
		for j := starts[i]; j < limits[i]; j += step {
			out[i] = append(out[i], a[j])
		}
		if len(out[i]) == 1 {
			l.set(out[i], markApart)
		}
	}
	return out
}

// gather is the rule of reading slices of x at indices that the data gives: an axis that is read at single indices cannot lose one
// without the data changing, so it is marked.
func (l *labels) gather(x, at *value, indexAxis int, offset, collapsed, sizes []int, rank int) []axis {
	out := make([]axis, rank)
	var kept, batch []axis
	for i, a := range x.axes {
		d := x.shape.Dimensions[i]
		if sizes[i] != d {
			l.set(a, markIndexed)
			a = nil
		}
		if !has(collapsed, i) {
			kept = append(kept, a)
		}
	}
	for i, a := range at.axes {
		if i != indexAxis {
			batch = append(batch, a)
		}
	}
	for i := range out {
		from := &batch
		if has(offset, i) {
			from = &kept
		}
		out[i], *from = (*from)[0], (*from)[1:]
	}
	return out
}

func has(list []int, i int) bool {
	for _, x := range list {
		if x == i {
			return true
		}
	}
	return false
}

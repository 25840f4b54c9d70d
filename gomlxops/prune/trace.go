package prune

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/notimplemented"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
)

// Operand is a parameter of a computation that is traced.
type Operand struct {
	Name  string
	Shape []int
	Data  bool // an activation or token ids: it varies from call to call, and nothing is cut out of it. Otherwise a weight
	Int   bool // int32, such as token ids; otherwise float32
}

// Trace follows a computation through the operations that it is made of and finds what must be cut together. build gets a node for every
// operand, in their order, and returns the results; it runs once, on a backend that computes nothing.
//
// An operation that no rule covers is an error that names it, and so is whatever build panics with.
func Trace(operands []Operand, build func(in []*graph.Node) []*graph.Node) (g *Graph, err error) {
	b := &builder{labels: &labels{}, operands: make(map[string]Operand, len(operands))}
	for _, o := range operands {
		if _, twice := b.operands[o.Name]; twice {
			return nil, fmt.Errorf("cannot trace the computation: operand %q is there twice", o.Name)
		}
		b.operands[o.Name] = o
	}
	defer func() {
		if r := recover(); r != nil {
			cause, ok := r.(error)
			if !ok {
				cause = fmt.Errorf("%v", r)
			}
			g, err = nil, fmt.Errorf("cannot trace the computation: %w", errors.Join(b.failed, cause))
			if b.failed != nil {
				err = fmt.Errorf("cannot trace the computation: %w", b.failed)
			}
		}
	}()
	traced := graph.NewGraph(tracer{&notimplemented.Backend{}, b}, "trace")
	in := make([]*graph.Node, len(operands))
	for i, o := range operands {
		dtype := dtypes.Float32
		if o.Int {
			dtype = dtypes.Int32
		}
		in[i] = graph.Parameter(traced, o.Name, shapes.Make(dtype, o.Shape...))
	}
	if len(build(in)) == 0 {
		return nil, errors.New("cannot trace the computation: it has no result")
	}
	return newGraph(b)
}

// value is what the tracing backend knows of a result: no numbers, but what its axes stand for.
type value struct {
	id     int
	shape  shapes.Shape
	axes   []axis
	data   bool // depends on an operand with Data
	learnt bool // depends on a weight
}

// tracer is a backend that computes nothing. Embedded is one that refuses every operation.
type tracer struct {
	*notimplemented.Backend
	builder *builder
}

var _ compute.Backend = tracer{}

func (t tracer) Name() string        { return "trace" }
func (t tracer) String() string      { return "trace" }
func (t tracer) Description() string { return "finds what depends on what, and computes nothing" }

// Capabilities has functions: sorting takes one, and notes are taken of none.
func (t tracer) Capabilities() compute.Capabilities { return compute.Capabilities{Functions: true} }

func (t tracer) Builder(string) compute.Builder { return t.builder }

// builder records one computation.
type builder struct {
	notimplemented.Builder
	labels   *labels
	operands map[string]Operand
	values   []*value
	nodes    []Node
	products []dot
	failed   error // the first operation without a rule
}

var _ compute.Builder = (*builder)(nil)

func (b *builder) Name() string           { return "trace" }
func (b *builder) Main() compute.Function { return b.function() }

func (b *builder) function() *function {
	return &function{Function: notimplemented.Function{ErrFn: b.uncovered}, b: b}
}

func (b *builder) OpShape(v compute.Value) (shapes.Shape, error) { return v.(*value).shape, nil }

// dot is a product that was recorded: out = x·y.
type dot struct{ out, x, y *value }

// uncovered refuses an operation. The error says that it is not implemented, so that a fused operation is taken apart.
func (b *builder) uncovered(op compute.OpType) error {
	return b.refuse(op, "for what it ties together")
}

// refuse says for what an operation has no rule.
func (b *builder) refuse(op compute.OpType, what string) error {
	err := fmt.Errorf("operation %s has no rule %s: %w", op, what, compute.ErrNotImplemented)
	if b.failed == nil && !fused(op) {
		b.failed = err
	}
	return err
}

// function records operations. What it does not override is refused by the embedded one.
type function struct {
	notimplemented.Function
	b       *builder
	closure bool // is called by an operation; it has parameters of its own and leaves no notes
}

var _ compute.Function = (*function)(nil)

func (f *function) Builder() compute.Builder                              { return f.b }
func (f *function) Shape(v compute.Value) (shapes.Shape, error)           { return v.(*value).shape, nil }
func (f *function) Return([]compute.Value, []*compute.ShardingSpec) error { return nil }

func (f *function) Parameter(name string, shape shapes.Shape, _ *compute.ShardingSpec) (compute.Value, error) {
	o := f.b.operands[name]
	if f.closure {
		o = Operand{Name: name, Data: true}
	}
	v := &value{shape: shape, data: o.Data, learnt: !o.Data}
	for _, d := range shape.Dimensions {
		x := f.b.labels.fresh(d)
		if o.Int {
			f.b.labels.set(x, markIndexed)
		}
		if !o.Data {
			f.b.labels.set(x, markWeight)
		}
		v.axes = append(v.axes, x)
	}
	f.record(v, Node{Op: compute.OpTypeParameter.String(), Operand: name, Weight: !o.Data})
	return v, nil
}

func (f *function) Constant(flat any, dims ...int) (compute.Value, error) {
	dtype := dtypes.FromGoType(reflect.TypeOf(flat).Elem())
	v := &value{shape: shapes.Make(dtype, dims...)}
	for _, d := range dims {
		x := f.b.labels.fresh(d)
		f.b.labels.set(x, markConstant)
		v.axes = append(v.axes, x)
	}
	f.record(v, Node{Op: compute.OpTypeConstant.String()})
	return v, nil
}

// add records an operation on inputs whose result has the given shape and axes.
func (f *function) add(op compute.OpType, shape shapes.Shape, axes []axis, inputs ...*value) *value {
	v := &value{shape: shape, axes: axes}
	n := Node{Op: op.String()}
	for _, x := range inputs {
		v.data, v.learnt = v.data || x.data, v.learnt || x.learnt
		n.Producers = append(n.Producers, x.id)
	}
	f.record(v, n)
	return v
}

func (f *function) record(v *value, n Node) {
	if f.closure {
		return
	}
	b := f.b
	v.id, n.ID, n.Shape, n.Data = len(b.values), len(b.values), v.shape.Dimensions, v.data
	for i, d := range n.Shape {
		if d == 1 {
			v.axes[i] = axis{nil}
		}
	}
	b.values, b.nodes = append(b.values, v), append(b.nodes, n)
	for _, p := range n.Producers {
		b.nodes[p].Consumers = append(b.nodes[p].Consumers, n.ID)
	}
}

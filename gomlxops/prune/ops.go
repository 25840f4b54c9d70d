package prune

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"
)

// unary records an element-wise operation on one operand.
func (f *function) unary(op compute.OpType, x compute.Value) (compute.Value, error) {
	v := x.(*value)
	shape, err := shapeinference.UnaryOp(op, v.shape)
	if err != nil {
		return nil, err
	}
	return f.add(op, shape, f.b.labels.elementwise(shape.Dimensions, v), v), nil
}

// binary records an element-wise operation on two.
func (f *function) binary(op compute.OpType, x, y compute.Value) (compute.Value, error) {
	v, w := x.(*value), y.(*value)
	infer := shapeinference.BinaryOp
	if shapeinference.ComparisonOperations.Has(op) {
		infer = shapeinference.ComparisonOp
	}
	shape, err := infer(op, v.shape, w.shape)
	if err != nil {
		return nil, err
	}
	return f.add(op, shape, f.b.labels.elementwise(shape.Dimensions, v, w), v, w), nil
}

type (
	in  = compute.Value
	out = compute.Value
)

func (f *function) Abs(x in) (out, error)      { return f.unary(compute.OpTypeAbs, x) }
func (f *function) Ceil(x in) (out, error)     { return f.unary(compute.OpTypeCeil, x) }
func (f *function) Cos(x in) (out, error)      { return f.unary(compute.OpTypeCos, x) }
func (f *function) Erf(x in) (out, error)      { return f.unary(compute.OpTypeErf, x) }
func (f *function) Exp(x in) (out, error)      { return f.unary(compute.OpTypeExp, x) }
func (f *function) Expm1(x in) (out, error)    { return f.unary(compute.OpTypeExpm1, x) }
func (f *function) Floor(x in) (out, error)    { return f.unary(compute.OpTypeFloor, x) }
func (f *function) Log(x in) (out, error)      { return f.unary(compute.OpTypeLog, x) }
func (f *function) Log1p(x in) (out, error)    { return f.unary(compute.OpTypeLog1p, x) }
func (f *function) Logistic(x in) (out, error) { return f.unary(compute.OpTypeLogistic, x) }
func (f *function) Neg(x in) (out, error)      { return f.unary(compute.OpTypeNeg, x) }
func (f *function) Round(x in) (out, error)    { return f.unary(compute.OpTypeRound, x) }
func (f *function) Rsqrt(x in) (out, error)    { return f.unary(compute.OpTypeRsqrt, x) }
func (f *function) Sign(x in) (out, error)     { return f.unary(compute.OpTypeSign, x) }
func (f *function) Sin(x in) (out, error)      { return f.unary(compute.OpTypeSin, x) }
func (f *function) Sqrt(x in) (out, error)     { return f.unary(compute.OpTypeSqrt, x) }
func (f *function) Tanh(x in) (out, error)     { return f.unary(compute.OpTypeTanh, x) }

func (f *function) IsFinite(x in) (out, error) { return f.test(compute.OpTypeIsFinite, x) }
func (f *function) IsNaN(x in) (out, error)    { return f.test(compute.OpTypeIsNaN, x) }

// test records an element-wise question.
func (f *function) test(op compute.OpType, x in) (out, error) {
	v := f.same(op, x)
	v.shape = v.shape.Clone()
	v.shape.DType = dtypes.Bool
	return v, nil
}

func (f *function) Clamp(low, x, high in) (out, error) {
	v, l, h := x.(*value), low.(*value), high.(*value)
	return f.add(compute.OpTypeClamp, v.shape, f.b.labels.elementwise(v.shape.Dimensions, v, l, h), l, v, h), nil
}

func (f *function) LogicalNot(x in) (out, error) { return f.unary(compute.OpTypeLogicalNot, x) }

func (f *function) Add(x, y in) (out, error) { return f.binary(compute.OpTypeAdd, x, y) }
func (f *function) Sub(x, y in) (out, error) { return f.binary(compute.OpTypeSub, x, y) }
func (f *function) Mul(x, y in) (out, error) { return f.binary(compute.OpTypeMul, x, y) }
func (f *function) Div(x, y in) (out, error) { return f.binary(compute.OpTypeDiv, x, y) }
func (f *function) Pow(x, y in) (out, error) { return f.binary(compute.OpTypePow, x, y) }
func (f *function) Rem(x, y in) (out, error) { return f.binary(compute.OpTypeRem, x, y) }
func (f *function) Max(x, y in) (out, error) { return f.binary(compute.OpTypeMax, x, y) }
func (f *function) Min(x, y in) (out, error) { return f.binary(compute.OpTypeMin, x, y) }

func (f *function) Equal(x, y in) (out, error)    { return f.binary(compute.OpTypeEqual, x, y) }
func (f *function) NotEqual(x, y in) (out, error) { return f.binary(compute.OpTypeNotEqual, x, y) }
func (f *function) GreaterThan(x, y in) (out, error) {
	return f.binary(compute.OpTypeGreaterThan, x, y)
}
func (f *function) GreaterOrEqual(x, y in) (out, error) {
	return f.binary(compute.OpTypeGreaterOrEqual, x, y)
}
func (f *function) LessThan(x, y in) (out, error) { return f.binary(compute.OpTypeLessThan, x, y) }
func (f *function) LessOrEqual(x, y in) (out, error) {
	return f.binary(compute.OpTypeLessOrEqual, x, y)
}
func (f *function) LogicalAnd(x, y in) (out, error) { return f.binary(compute.OpTypeLogicalAnd, x, y) }
func (f *function) LogicalOr(x, y in) (out, error)  { return f.binary(compute.OpTypeLogicalOr, x, y) }
func (f *function) LogicalXor(x, y in) (out, error) { return f.binary(compute.OpTypeLogicalXor, x, y) }

func (f *function) Identity(x in) (out, error) { return f.same(compute.OpTypeIdentity, x), nil }

// same records an operation that leaves the numbers as they are.
func (f *function) same(op compute.OpType, x in) *value {
	v := x.(*value)
	return f.add(op, v.shape, append([]axis(nil), v.axes...), v)
}

func (f *function) ConvertDType(x in, dtype dtypes.DType) (out, error) {
	v := f.same(compute.OpTypeConvertDType, x)
	v.shape = v.shape.Clone()
	v.shape.DType = dtype
	return v, nil
}

func (f *function) OptimizationBarrier(operands ...in) ([]out, error) {
	var outs []out
	for _, x := range operands {
		outs = append(outs, f.same(compute.OpTypeOptimizationBarrier, x))
	}
	return outs, nil
}

func (f *function) Where(condition, onTrue, onFalse in) (out, error) {
	c, x, y := condition.(*value), onTrue.(*value), onFalse.(*value)
	shape, err := shapeinference.Where(c.shape, x.shape, y.shape)
	if err != nil {
		return nil, err
	}
	return f.add(compute.OpTypeWhere, shape, f.b.labels.elementwise(shape.Dimensions, c, x, y), c, x, y), nil
}

func (f *function) Iota(shape shapes.Shape, at int) (out, error) {
	axes := make([]axis, shape.Rank())
	axes[at] = f.b.labels.fresh(shape.Dimensions[at])
	f.b.labels.set(axes[at], markConstant)
	return f.add(compute.OpTypeIota, shape, axes), nil
}

func fused(op compute.OpType) bool {
	switch op {
	case compute.OpTypeFusedActivation, compute.OpTypeFusedActivationVJP, compute.OpTypeFusedAttentionQKVProjection, compute.OpTypeFusedDense,
		compute.OpTypeFusedDenseVJP, compute.OpTypeFusedLayerNorm, compute.OpTypeFusedScaledDotProductAttention,
		compute.OpTypeFusedScaledDotProductAttentionVJP, compute.OpTypeFusedSoftmax:
		return true
	}
	return false
}

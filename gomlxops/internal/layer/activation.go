package layer

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/support/exceptions"
)

// Activation names the function f inside an MLP, elementwise.
//
//	silu       f = x σ(x), σ(x) = 1/(1+exp(−x))
//	relu       f = max(x, 0)
//	gelu       f = x Φ(x), Φ(x) = (1 + erf(x/√2))/2       f′ = Φ(x) + x φ(x), φ(x) = exp(−x²/2)/√(2π)
//	gelu_tanh  f = x (1+t)/2, t = tanh(k (x + c x³)),     f′ = (1+t)/2 + x (1−t²) k (1 + 3c x²)/2
//	           k = √(2/π), c = 0.044715
//
// The Go backend's Erf has an error of up to 2e-7, in float64 too: gelu is as good as float32 there.
//
// The manual form of silu is the Go backend's fused one, which has a fused gradient too; the others have f′ by hand.
//
// D. Hendrycks, K. Gimpel, "Gaussian Error Linear Units", 2016, https://arxiv.org/abs/1606.08415; S. Elfwing et al., "Sigmoid-weighted
// linear units", 2017, https://arxiv.org/abs/1702.03118.
type Activation string

// The activations.
const (
	SiLU     Activation = "silu"
	ReLU     Activation = "relu"
	GELU     Activation = "gelu"
	GELUTanh Activation = "gelu_tanh"
)

// Activate returns f(x) for x [N, F].
func (s Style) Activate(f Activation, x *Node) *Node {
	x.AssertRank(2)
	switch f {
	case SiLU:
		if s.Manual {
			return activation.Swish(x)
		}
		return Mul(x, Sigmoid(x))
	case ReLU:
		return s.relu(x)
	case GELU:
		return s.gelu(x)
	case GELUTanh:
		return s.geluTanh(x)
	}
	exceptions.Panicf("layer: no activation %q", f)
	return nil
}

// Gated returns f(gate)·up; both arguments and the result are [N, F].
//
// N. Shazeer, "GLU Variants Improve Transformer", 2020, https://arxiv.org/abs/2002.05202, without biases and with β = 1.
func (s Style) Gated(f Activation, gate, up *Node) *Node {
	up.AssertDims(gate.Shape().Dim(0), gate.Shape().Dim(1))
	return Mul(s.Activate(f, gate), up)
}

func (s Style) relu(x *Node) *Node {
	y := MaxScalar(x, 0)
	if !s.Manual {
		return y
	}
	return CustomVJP([]*Node{x}, y, func(dy *Node) []*Node {
		return []*Node{Where(GreaterThan(x, ScalarZero(x.Graph(), x.DType())), dy, ZerosLike(dy))}
	})
}

func (s Style) gelu(x *Node) *Node {
	cdf := MulScalar(OnePlus(Erf(MulScalar(x, math.Sqrt2/2))), 0.5)
	y := Mul(x, cdf)
	if !s.Manual {
		return y
	}
	return CustomVJP([]*Node{x}, y, func(dy *Node) []*Node {
		density := MulScalar(Exp(MulScalar(Square(x), -0.5)), 1/math.Sqrt(2*math.Pi))
		return []*Node{Mul(dy, Add(cdf, Mul(x, density)))}
	})
}

func (s Style) geluTanh(x *Node) *Node {
	const c = 0.044715
	k := math.Sqrt(2 / math.Pi)
	square := Square(x)
	t := Tanh(Mul(MulScalar(x, k), OnePlus(MulScalar(square, c))))
	half := MulScalar(OnePlus(t), 0.5)
	y := Mul(x, half)
	if !s.Manual {
		return y
	}
	return CustomVJP([]*Node{x}, y, func(dy *Node) []*Node {
		slope := MulScalar(OnePlus(MulScalar(square, 3*c)), k/2)
		return []*Node{Mul(dy, Add(half, Mul(Mul(x, OneMinus(Square(t))), slope)))}
	})
}

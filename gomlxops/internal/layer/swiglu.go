package layer

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers/activation"
)

// SwiGLU returns silu(gate)·up, with silu(a) = a/(1+exp(−a)), elementwise; both arguments and the result are [N, F].
//
// The manual form uses the Go backend's fused activation, which has a fused gradient too.
//
// N. Shazeer, "GLU Variants Improve Transformer", 2020, https://arxiv.org/abs/2002.05202, without biases and with β = 1.
func (s Style) SwiGLU(gate, up *Node) *Node {
	gate.AssertRank(2)
	up.AssertDims(gate.Shape().Dim(0), gate.Shape().Dim(1))
	if s.Manual {
		return Mul(activation.Swish(gate), up)
	}
	return Mul(Mul(gate, Sigmoid(gate)), up)
}

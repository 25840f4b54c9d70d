package recovery

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// adamW is Adam with decoupled weight decay, as torch.optim.AdamW computes it. For a parameter p with gradient g in step t = 1, 2, …
//
//	p ← p − lr λ p
//	m ← β₁ m + (1 − β₁) g              m₀ = 0
//	v ← β₂ v + (1 − β₂) g²             v₀ = 0
//	p ← p − lr · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε)
//
//	symbol  meaning                                   shape
//	p, g    parameter, its gradient                   any, equal
//	m, v    running mean of g and of g²               as p
//	lr      learning rate of this step                scalar
//	λ       weight decay; 0 for vectors, see decays   scalar
//	ε       keeps the quotient finite where v is 0    scalar
//
// Ilya Loshchilov and Frank Hutter, Decoupled Weight Decay Regularization, ICLR 2019, algorithm 2.
type adamW struct {
	beta1, beta2, epsilon, decay float64
}

// stepNumbers is the number of values in the vector that [adamW.numbers] makes.
const stepNumbers = 3

// numbers returns what a step's graph must know of its time: lr, 1/(1−β₁ᵗ), 1/√(1−β₂ᵗ).
func (a adamW) numbers(step int, lr float64) []float64 {
	t := float64(step)
	return []float64{lr, 1 / (1 - math.Pow(a.beta1, t)), 1 / math.Sqrt(1-math.Pow(a.beta2, t))}
}

// update returns the parameter and its state after one step. numbers is the vector of [adamW.numbers], in p's dtype.
func (a adamW) update(p, m, v, g, numbers *Node) (newP, newM, newV *Node) {
	g.AssertDims(p.Shape().Dimensions...)
	numbers.AssertDims(stepNumbers)
	number := func(i int) *Node { return Reshape(Slice(numbers, AxisElem(i))) }
	lr, correct1, correct2 := number(0), number(1), number(2)
	m = Add(MulScalar(m, a.beta1), MulScalar(g, 1-a.beta1))
	v = Add(MulScalar(v, a.beta2), MulScalar(Square(g), 1-a.beta2))
	if a.decays(p) {
		p = Mul(p, OneMinus(MulScalar(lr, a.decay)))
	}
	size := AddScalar(Mul(Sqrt(v), correct2), a.epsilon)
	return Sub(p, Mul(Div(m, size), Mul(lr, correct1))), m, v
}

// decays says whether p shrinks by weight decay: matrices do; vectors, which are norms and biases, would lose their scale.
func (a adamW) decays(p *Node) bool { return a.decay != 0 && p.Rank() > 1 }

// clip scales all gradients by min(1, most/(‖g‖+10⁻⁶)), where ‖g‖ is the norm of all of them together, and returns that norm too.
// most ≤ 0 leaves them as they are. The 10⁻⁶ is torch.nn.utils.clip_grad_norm_'s.
//
// Razvan Pascanu, Tomas Mikolov and Yoshua Bengio, On the difficulty of training recurrent neural networks, ICML 2013, algorithm 1.
func clip(grads []*Node, most float64) (clipped []*Node, norm *Node) {
	var squares *Node
	for _, g := range grads {
		s := ReduceAllSum(Square(g))
		if squares == nil {
			squares = s
		} else {
			squares = Add(squares, s)
		}
	}
	norm = Sqrt(squares)
	if most <= 0 {
		return grads, norm
	}
	scale := MinScalar(Div(Scalar(norm.Graph(), norm.DType(), most), AddScalar(norm, 1e-6)), 1)
	for _, g := range grads {
		clipped = append(clipped, Mul(g, scale))
	}
	return clipped, norm
}

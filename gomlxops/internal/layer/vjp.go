package layer

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// CustomVJP returns y with the gradient that backward gives instead of the one GoMLX would derive.
//
// y must have been computed from inputs. backward gets dLoss/dy and returns dLoss/dinput for each of inputs, in their
// order and shapes; it is called once, while the gradient graph is built. In a graph without a gradient it costs nothing:
// the hooks on the inputs are dead code and the rest are identities.
//
// How: y is cut off from its history, then tied to one hook per input by an optimization barrier. Reverse mode meets the
// hook on y first, which remembers dy, and then the hooks on the inputs, which answer from backward.
func CustomVJP(inputs []*Node, y *Node, backward func(dy *Node) []*Node) *Node {
	var dy *Node
	var grads []*Node
	tied := []*Node{StopGradient(y)}
	for i, x := range inputs {
		tied = append(tied, IdentityWithCustomGradient(x, func(_, _ *Node) *Node {
			if grads == nil {
				grads = backward(dy)
			}
			return grads[i]
		}))
	}
	outs := OptimizationBarriers(tied...)
	return IdentityWithCustomGradient(outs[0], func(_, v *Node) *Node {
		dy, grads = v, nil
		return v
	})
}

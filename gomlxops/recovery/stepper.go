package recovery

import (
	"errors"
	"fmt"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/parelab/pare/gomlxops/transformer"
)

// inputs are the arguments of a loss beside the weights.
type inputs struct {
	tokens  *graph.Node // int32 [B, T+1]
	weights *graph.Node // float32 [B, T]
	scale   *graph.Node // float64 scalar: 1 over the sum of the weights of all that one step reads
	random  *graph.Node // state of the random numbers; nil where nothing is trained
}

// lossFunc builds a scalar loss; w holds the trained weights and the frozen ones, and may be added to.
type lossFunc func(in inputs, w transformer.Weights) *graph.Node

// stepper holds weights and optimizer state on the backend and replaces them step by step. Frozen weights are arguments that are
// never given up, and nothing is differentiated by them.
type stepper struct {
	*loaded
	backend compute.Backend
	state   []*tensors.Tensor // trained weights, then m, then v, each in the order of names
	adamW   adamW
	whole   *graph.Exec // numbers, piece, state, frozen → loss, gradient norm, state
	part    *graph.Exec // piece, gradient sums, weights, frozen → loss, gradient sums
	apply   *graph.Exec // numbers, gradient sums, state → gradient norm, state
	loss    *graph.Exec // piece, weights, frozen → loss
	taken   int
	inside  time.Duration // spent in whole, part and apply, their compilation too
}

// call runs one of the graphs of a step, and counts its time.
func (s *stepper) call(e *graph.Exec, args []any) ([]*tensors.Tensor, error) {
	start := time.Now()
	defer func() { s.inside += time.Since(start) }()
	return e.Call(args...)
}

// newStepper takes over the weights.
func newStepper(b compute.Backend, l *loaded, a adamW, clipNorm float64) (*stepper, error) {
	s := &stepper{loaded: l, backend: b, state: l.trained, adamW: a}
	for range 2 {
		for _, w := range l.trained {
			s.state = append(s.state, tensors.FromShape(w.Shape()))
		}
	}
	var errs [4]error
	s.whole, errs[0] = graph.NewExec(b, s.wholeGraph(clipNorm))
	s.part, errs[1] = graph.NewExec(b, s.partGraph)
	s.apply, errs[2] = graph.NewExec(b, func(in []*graph.Node) []*graph.Node {
		n := len(s.names)
		return s.update(in[0], in[1:1+n], in[1+n:], clipNorm)
	})
	s.loss, errs[3] = graph.NewExec(b, func(in []*graph.Node) *graph.Node {
		return wide(s.loaded.loss(inputs{in[0], in[1], in[2], nil}, s.weights(in[pieceArgs:])))
	})
	return s, errors.Join(errs[:]...)
}

// pieceArgs is how many arguments a piece is.
const pieceArgs = 4

// wholeGraph builds one training step.
func (s *stepper) wholeGraph(clipNorm float64) func(in []*graph.Node) []*graph.Node {
	return func(in []*graph.Node) []*graph.Node {
		n, state := len(s.names), in[1+pieceArgs:]
		l, grads := s.differentiate(in[1:], state[:n], state[3*n:])
		return append([]*graph.Node{wide(l)}, s.update(in[0], grads, state[:3*n], clipNorm)...)
	}
}

// partGraph builds the gradients of one part of a step, added to those of the parts before.
func (s *stepper) partGraph(in []*graph.Node) []*graph.Node {
	n := len(s.names)
	sums, w := in[pieceArgs:pieceArgs+n], in[pieceArgs+n:]
	l, grads := s.differentiate(in, w[:n], w[n:])
	out := []*graph.Node{wide(l)}
	for i, g := range grads {
		out = append(out, graph.Add(sums[i], g))
	}
	return out
}

// differentiate builds the loss of a piece and its gradients by the trained weights.
func (s *stepper) differentiate(in, trained, frozen []*graph.Node) (loss *graph.Node, grads []*graph.Node) {
	all := append(append([]*graph.Node{}, trained...), frozen...)
	loss = s.loaded.loss(inputs{in[0], in[1], in[2], in[3]}, s.weights(all))
	return loss, graph.Gradient(loss, trained...)
}

// update builds the optimizer's part of a step: the norm of the gradients, and the new state.
func (s *stepper) update(numbers *graph.Node, grads, state []*graph.Node, clipNorm float64) []*graph.Node {
	n := len(s.names)
	grads, norm := clip(grads, clipNorm)
	numbers = graph.ConvertDType(numbers, state[0].DType())
	out := make([]*graph.Node, 3*n)
	for i := range n {
		out[i], out[n+i], out[2*n+i] = s.adamW.update(state[i], state[n+i], state[2*n+i], grads[i], numbers)
	}
	return append([]*graph.Node{wide(norm)}, out...)
}

// wide converts a scalar to float64, for the host.
func wide(x *graph.Node) *graph.Node { return graph.ConvertDType(x, dtypes.Float64) }

// weights gives the nodes their names: the trained weights, then the frozen ones.
func (s *stepper) weights(nodes []*graph.Node) transformer.Weights {
	w := make(transformer.Weights, len(nodes))
	for i, name := range s.names {
		w[name] = nodes[i]
	}
	for i, name := range s.frozenNames {
		w[name] = nodes[len(s.names)+i]
	}
	return w
}

// take runs one step over the pieces and returns the loss and the norm of the gradients before it. After an error the state is gone.
func (s *stepper) take(pieces []piece, lr float64) (loss, norm float64, err error) {
	numbers, scale := tensors.FromValue(s.adamW.numbers(s.taken+1, lr)), 1/weightOf(pieces)
	var results []*tensors.Tensor
	if len(pieces) == 1 {
		var args []any
		if args, err = pieces[0].args(scale); err != nil {
			return 0, 0, err
		}
		args, err = s.donate(append([]any{numbers}, args...), &s.state)
		if err == nil {
			results, err = s.call(s.whole, append(args, anys(s.frozen)...))
		}
		if err != nil {
			return 0, 0, err
		}
		if loss, err = scalar(results[0]); err != nil {
			return 0, 0, err
		}
		results = results[1:]
	} else {
		var sums []*tensors.Tensor
		if loss, sums, err = s.accumulate(pieces, scale); err != nil {
			return 0, 0, err
		}
		args, err := s.donate([]any{numbers}, &sums)
		if err == nil {
			args, err = s.donate(args, &s.state)
		}
		if err == nil {
			results, err = s.call(s.apply, args)
		}
		if err != nil {
			return 0, 0, err
		}
	}
	norm, err = scalar(results[0])
	s.state = results[1:]
	s.taken++
	return loss, norm, err
}

// accumulate adds up loss and gradients over the pieces.
func (s *stepper) accumulate(pieces []piece, scale float64) (loss float64, sums []*tensors.Tensor, err error) {
	for _, w := range s.state[:len(s.names)] {
		sums = append(sums, tensors.FromShape(w.Shape()))
	}
	for _, p := range pieces {
		args, err := p.args(scale)
		if err == nil {
			args, err = s.donate(args, &sums)
		}
		if err != nil {
			return 0, nil, err
		}
		args = append(append(args, anys(s.state[:len(s.names)])...), anys(s.frozen)...)
		results, err := s.call(s.part, args)
		if err != nil {
			return 0, nil, err
		}
		l, err := scalar(results[0])
		if err != nil {
			return 0, nil, err
		}
		loss += l
		sums = results[1:]
	}
	return loss, sums, nil
}

// donate appends the tensors' buffers to args and gives them up.
func (s *stepper) donate(args []any, from *[]*tensors.Tensor) ([]any, error) {
	for _, t := range *from {
		donated, err := graph.DonateTensorBuffer(t, s.backend, 0)
		if err != nil {
			return nil, fmt.Errorf("cannot hand the training state to the backend: %w", err)
		}
		args = append(args, donated)
	}
	*from = nil
	return args, nil
}

func anys(list []*tensors.Tensor) []any {
	all := make([]any, len(list))
	for i, t := range list {
		all[i] = t
	}
	return all
}

// scalar takes the number out of a result and frees it.
func scalar(t *tensors.Tensor) (float64, error) {
	return tensors.ToScalar[float64](t), t.FinalizeAll()
}

// evaluate returns the summed loss on a piece, each prediction by its weight, and changes nothing.
func (s *stepper) evaluate(p piece) (float64, error) {
	args, err := p.args(1)
	if err != nil {
		return 0, err
	}
	results, err := s.loss.Call(append(append(args, anys(s.state[:len(s.names)])...), anys(s.frozen)...)...)
	if err != nil {
		return 0, err
	}
	return scalar(results[0])
}

// copies returns the trained weights as they are now; nil where a failed step took them along.
func (s *stepper) copies() map[string][]float32 {
	if len(s.state) == 0 {
		return nil
	}
	weights := make(map[string][]float32, len(s.names))
	for i, name := range s.names {
		weights[name] = tensors.MustCopyFlatData[float32](s.state[i])
	}
	return weights
}

// close gives the memory back.
func (s *stepper) close() {
	s.drop()
	for _, t := range s.frozen {
		_ = t.FinalizeAll()
	}
	for _, e := range []*graph.Exec{s.whole, s.part, s.apply, s.loss} {
		e.Finalize()
	}
}

// drop forgets a state that a step has spoilt.
func (s *stepper) drop() {
	for _, t := range s.state {
		_ = t.FinalizeAll()
	}
	s.state = nil
}

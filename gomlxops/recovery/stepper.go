package recovery

import (
	"errors"
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/parelab/pare/gomlxops/transformer"
)

// lossFunc builds a scalar loss from tokens, int32 [B, T+1], and the trained weights.
type lossFunc func(tokens *graph.Node, w transformer.Weights) *graph.Node

// stepper holds weights and optimizer state on the backend and replaces them step by step.
type stepper struct {
	backend compute.Backend
	names   []string
	state   []*tensors.Tensor // weights, then m, then v, each in the order of names
	adamW   adamW
	step    *graph.Exec // numbers, tokens, state → loss, gradient norm, state
	loss    *graph.Exec // tokens, weights → loss
	taken   int
}

// newStepper takes over the weights, one tensor for each name.
func newStepper(b compute.Backend, names []string, weights []*tensors.Tensor, loss lossFunc, a adamW, clipNorm float64) (*stepper, error) {
	s := &stepper{backend: b, names: names, state: weights, adamW: a}
	for range 2 {
		for _, w := range weights {
			s.state = append(s.state, tensors.FromShape(w.Shape()))
		}
	}
	var err error
	if s.step, err = graph.NewExec(b, s.stepGraph(loss, clipNorm)); err != nil {
		return nil, err
	}
	s.loss, err = graph.NewExec(b, func(in []*graph.Node) *graph.Node {
		return wide(loss(in[0], s.weights(in[1:])))
	})
	return s, err
}

// stepGraph builds one training step.
func (s *stepper) stepGraph(loss lossFunc, clipNorm float64) func(in []*graph.Node) []*graph.Node {
	return func(in []*graph.Node) []*graph.Node {
		n := len(s.names)
		numbers, tokens, state := in[0], in[1], in[2:]
		w, m, v := state[:n], state[n:2*n], state[2*n:]
		l := loss(tokens, s.weights(w))
		grads, norm := clip(graph.Gradient(l, w...), clipNorm)
		numbers = graph.ConvertDType(numbers, w[0].DType())
		out := make([]*graph.Node, 3*n)
		for i := range n {
			out[i], out[n+i], out[2*n+i] = s.adamW.update(w[i], m[i], v[i], grads[i], numbers)
		}
		return append([]*graph.Node{wide(l), wide(norm)}, out...)
	}
}

// wide converts a scalar to float64, for the host.
func wide(x *graph.Node) *graph.Node { return graph.ConvertDType(x, dtypes.Float64) }

// weights gives the nodes their names.
func (s *stepper) weights(nodes []*graph.Node) transformer.Weights {
	w := make(transformer.Weights, len(s.names))
	for i, name := range s.names {
		w[name] = nodes[i]
	}
	return w
}

// take runs one step and returns the loss and the norm of the gradients before it. After an error the state is gone.
func (s *stepper) take(sequences [][]int32, lr float64) (loss, norm float64, err error) {
	args := []any{tensors.FromValue(s.adamW.numbers(s.taken+1, lr)), tokenTensor(sequences)}
	for _, t := range s.state {
		donated, err := graph.DonateTensorBuffer(t, s.backend, 0)
		if err != nil {
			return 0, 0, fmt.Errorf("cannot hand the training state to the backend: %w", err)
		}
		args = append(args, donated)
	}
	s.state = nil
	results, err := s.step.Call(args...)
	if err != nil {
		return 0, 0, err
	}
	loss, norm = tensors.ToScalar[float64](results[0]), tensors.ToScalar[float64](results[1])
	s.state = results[2:]
	s.taken++
	return loss, norm, errors.Join(results[0].FinalizeAll(), results[1].FinalizeAll())
}

// evaluate returns the loss on sequences and changes nothing.
func (s *stepper) evaluate(sequences [][]int32) (float64, error) {
	args := []any{tokenTensor(sequences)}
	for _, t := range s.state[:len(s.names)] {
		args = append(args, t)
	}
	results, err := s.loss.Call(args...)
	if err != nil {
		return 0, err
	}
	return tensors.ToScalar[float64](results[0]), results[0].FinalizeAll()
}

// copies returns the weights as they are now; nil where a failed step took them along.
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
	s.step.Finalize()
	s.loss.Finalize()
}

// tokenTensor packs sequences of equal length as int32 [B, T].
func tokenTensor(sequences [][]int32) *tensors.Tensor {
	flat := make([]int32, 0, len(sequences)*len(sequences[0]))
	for _, s := range sequences {
		flat = append(flat, s...)
	}
	return tensors.FromFlatDataAndDimensions(flat, len(sequences), len(sequences[0]))
}

// drop forgets a state that a step has spoilt.
func (s *stepper) drop() {
	for _, t := range s.state {
		_ = t.FinalizeAll()
	}
	s.state = nil
}

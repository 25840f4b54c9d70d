package prune

import (
	"fmt"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/parelab/pare/gomlxops/transformer"
)

// The lengths that models are traced at: more than one, and different, so that sequences and positions are told from one another.
const (
	tracedSequences = 2
	tracedTokens    = 3
)

// Of traces the model of configuration c, from its tokens to its loss. Weights have their names in the checkpoint. No numbers are needed.
//
// Cost at LLaMA-7B's shape: 2 s of one processor and 0.8 GB, of which the result is a small part.
func Of(c *transformer.Config) (*Graph, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	operands := []Operand{{Name: "tokens", Shape: []int{tracedSequences, tracedTokens + 1}, Data: true, Int: true}}
	for _, t := range c.TensorShapes() {
		operands = append(operands, Operand{Name: t.Name, Shape: t.Shape})
	}
	g, err := Trace(operands, func(in []*graph.Node) []*graph.Node {
		w := make(transformer.Weights, len(in)-1)
		for i, n := range in[1:] {
			w[operands[i+1].Name] = n
		}
		return []*graph.Node{c.Loss(in[0], w)}
	})
	if err != nil {
		return nil, fmt.Errorf("%s model: %w", c.ModelType, err)
	}
	return g, nil
}

package recovery

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/parelab/pare/gomlxops/transformer"
)

// Batch is what a step trains on.
type Batch struct {
	Tokens [][]int32 // sequences of T+1 tokens each, whose first T predict their last T
	// Weights are those of each sequence's T predictions in the mean loss, at least 0: 0 for the tokens of a prompt. nil is 1 each.
	Weights [][]float32
}

// checkBatch says what is wrong with sequences that the model shall be trained or measured on.
func checkBatch(batch Batch, c *transformer.Config) error {
	inputs := make([][]int32, len(batch.Tokens))
	for i, s := range batch.Tokens {
		if len(s) < 2 || len(s) != len(batch.Tokens[0]) {
			return fmt.Errorf("sequence %d: expected at least 2 tokens, and as many as the first sequence has (%d), found %d", i, len(batch.Tokens[0]), len(s))
		}
		inputs[i] = s[:len(s)-1] // the last token is predicted, and takes no position
		if err := transformer.CheckTokens([][]int32{s[len(s)-1:]}, c); err != nil {
			return fmt.Errorf("last token of sequence %d: %w", i, err)
		}
	}
	if err := transformer.CheckTokens(inputs, c); err != nil {
		return err
	}
	return batch.checkWeights()
}

func (b Batch) checkWeights() error {
	if b.Weights == nil {
		return nil
	}
	if len(b.Weights) != len(b.Tokens) {
		return fmt.Errorf("expected weights for %d sequences, found %d", len(b.Tokens), len(b.Weights))
	}
	sum := 0.0
	for i, w := range b.Weights {
		if len(w) != len(b.Tokens[i])-1 {
			return fmt.Errorf("weights of sequence %d: expected %d, one for each prediction, found %d", i, len(b.Tokens[i])-1, len(w))
		}
		for k, v := range w {
			if !(v >= 0) || math.IsInf(float64(v), 0) {
				return fmt.Errorf("weights of sequence %d: expected finite numbers of at least 0, found %v at %d", i, v, k)
			}
			sum += float64(v)
		}
	}
	if sum == 0 {
		return errors.New("all predictions have weight 0: nothing can be learnt; a longer cut-off leaves more than the prompt")
	}
	return nil
}

// pieces cuts a batch into equal parts, each with a seed of its own.
func (b Batch) pieces(parts int, seed uint64, step int) []piece {
	n := len(b.Tokens) / parts
	all := make([]piece, parts)
	random := rand.New(rand.NewPCG(seed, uint64(step)))
	for i := range all {
		all[i] = piece{tokens: b.Tokens[i*n : (i+1)*n], seed: int64(random.Uint64())}
		if b.Weights != nil {
			all[i].weights = b.Weights[i*n : (i+1)*n]
		}
	}
	return all
}

// piece is a batch, or a part of one, as arguments of a graph.
type piece struct {
	tokens  [][]int32
	weights [][]float32 // nil is 1 each
	seed    int64       // of dropout
}

// args are the piece's arguments, pieceArgs of them.
func (p piece) args(scale float64) ([]any, error) {
	random, err := graph.RNGStateFromSeed(p.seed)
	if err != nil {
		return nil, err
	}
	b, t := len(p.tokens), len(p.tokens[0])-1
	tokens, weights := make([]int32, 0, b*(t+1)), make([]float32, 0, b*t)
	for i, s := range p.tokens {
		tokens = append(tokens, s...)
		for k := range t {
			weights = append(weights, p.weight(i, k))
		}
	}
	return []any{tensors.FromFlatDataAndDimensions(tokens, b, t+1), tensors.FromFlatDataAndDimensions(weights, b, t),
		tensors.FromScalar(scale), random}, nil
}

// weight is that of prediction k of sequence i.
func (p piece) weight(i, k int) float32 {
	if p.weights == nil {
		return 1
	}
	return p.weights[i][k]
}

// weightOf adds up the weights of all predictions.
func weightOf(pieces []piece) (sum float64) {
	for _, p := range pieces {
		for i, s := range p.tokens {
			for k := range len(s) - 1 {
				sum += float64(p.weight(i, k))
			}
		}
	}
	return sum
}

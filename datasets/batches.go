package datasets

import (
	"fmt"
	"math/rand/v2"
	"sync"
)

// Batches gives out sequences in random order, each once before any comes again. The batch of a step is the same whenever it is asked
// for, so that a training that was stopped goes on with what it would have had. It is safe for concurrent use.
type Batches struct {
	tokens  [][]int32
	weights [][]float32
	size    int
	seed    uint64

	mu    sync.Mutex
	known map[int][]int // the orders of the last two rounds asked for
}

// NewBatches makes batches of size sequences. weights are those of each sequence's predictions, and nil where all count.
func NewBatches(tokens [][]int32, weights [][]float32, size int, seed uint64) (*Batches, error) {
	switch {
	case len(tokens) == 0:
		return nil, fmt.Errorf("datasets: expected sequences to make batches of, found none")
	case size < 1:
		return nil, fmt.Errorf("datasets: expected a batch of at least 1 sequence, found %d", size)
	case weights != nil && len(weights) != len(tokens):
		return nil, fmt.Errorf("datasets: expected weights for %d sequences, found %d", len(tokens), len(weights))
	}
	return &Batches{tokens: tokens, weights: weights, size: size, seed: seed, known: map[int][]int{}}, nil
}

// Len returns how many sequences a round has.
func (b *Batches) Len() int { return len(b.tokens) }

// At returns the batch of a step, counted from 1. The sequences share memory with those that the batches were made of. weights is nil where all count.
func (b *Batches) At(step int) (tokens [][]int32, weights [][]float32) {
	for i := (step - 1) * b.size; i < step*b.size; i++ {
		at := b.order(i / len(b.tokens))[i%len(b.tokens)]
		tokens = append(tokens, b.tokens[at])
		if b.weights != nil {
			weights = append(weights, b.weights[at])
		}
	}
	return tokens, weights
}

// order is that of a round: every round has a generator of its own, so that any can be drawn alone.
func (b *Batches) order(round int) []int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.known[round] == nil {
		if len(b.known) > 1 {
			clear(b.known)
		}
		b.known[round] = rand.New(rand.NewPCG(b.seed, uint64(round))).Perm(len(b.tokens))
	}
	return b.known[round]
}

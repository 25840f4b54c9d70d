package bayesopt

import "math/rand/v2"

// newRand returns the source of randomness for one purpose.
func newRand(seed, purpose uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, purpose)) }

// random draws uniformly from the box and projects on the budget.
type random struct{}

func (random) next(h *history, rng *rand.Rand) (proposal, error) {
	return proposal{u: h.domain.random(rng), phase: PhaseRandom}, nil
}

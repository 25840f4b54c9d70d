package bayesopt

import "math/rand/v2"

// newRand returns the source of randomness for one purpose.
func newRand(seed, purpose uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, purpose)) }

package importance

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/transformer"
)

// Magnitudes scores every linear and norm of v by l1 and l2, from the weights alone. A linear that is not held dense is an error.
func Magnitudes(ctx context.Context, v *transformer.Variant, rec gomlxops.Recorder) (*Scores, error) {
	s, err := blank(v)
	if err != nil {
		return nil, fmt.Errorf("cannot score by magnitude: %w", err)
	}
	for i, w := range s.Weights {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		values, err := weightOf(v, w)
		if err != nil {
			return nil, fmt.Errorf("cannot score by magnitude: %w", err)
		}
		w.By = magnitude(values, w.Rows, max(1, w.Columns), w.Columns == 0)
		gomlxops.OrDiscard(rec).Progress("magnitudes", i+1, len(s.Weights))
	}
	return s, nil
}

// Randoms scores every row and column of every linear and norm of v by a number of its own, uniform in [0, 1). It depends on the seed and
// the weight's name.
func Randoms(v *transformer.Variant, seed uint64) (*Scores, error) {
	s, err := blank(v)
	if err != nil {
		return nil, fmt.Errorf("cannot score at random: %w", err)
	}
	s.Seed = seed
	for _, w := range s.Weights {
		h := fnv.New64a()
		h.Write([]byte(w.Name))
		rng := rand.New(rand.NewPCG(seed, h.Sum64()))
		vs := Vectors{Rows: uniform(rng, w.Rows)}
		if w.Columns > 0 {
			vs.Columns = uniform(rng, w.Columns)
		}
		w.By = map[Criterion]Vectors{Random: vs}
	}
	return s, nil
}

func uniform(rng *rand.Rand, n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = rng.Float64()
	}
	return v
}

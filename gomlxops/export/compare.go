package export

import (
	"context"
	"fmt"
	"math"

	"github.com/parelab/pare/gomlxops/transformer"
)

// Comparison is how far an export's logits are from the model's, over all positions of some sequences.
type Comparison struct {
	Tokens     int     `json:"tokens"`
	Difference float64 `json:"largest_logit_difference"` // absolute
	Logit      float64 `json:"largest_logit"`            // absolute, of the model
	SameBest   int     `json:"same_best"`                // positions whose most likely token is the same
}

// Compare runs the model and what was read back of its export over the same sequences, equally long. Logits that are not finite are an error.
func Compare(ctx context.Context, model, again *transformer.Variant, sequences [][]int32) (*Comparison, error) {
	want, err := model.Logits(ctx, sequences)
	if err != nil {
		return nil, err
	}
	got, err := again.Logits(ctx, sequences)
	if err != nil {
		return nil, fmt.Errorf("the export read back: %w", err)
	}
	if len(got) != len(want) {
		return nil, fmt.Errorf("the export has %d logits for %d of the model: their vocabularies differ", len(got), len(want))
	}
	vocab := model.Model().Config().VocabSize
	c := &Comparison{}
	for at := 0; at < len(want); at += vocab {
		w, g := want[at:at+vocab], got[at:at+vocab]
		if best(w) == best(g) {
			c.SameBest++
		}
		c.Tokens++
		for i := range w {
			d := math.Abs(float64(w[i]) - float64(g[i]))
			if math.IsNaN(d) || math.IsInf(d, 0) {
				return nil, fmt.Errorf("position %d, token %d: the model's logit is %v and the export's %v: expected finite numbers", at/vocab, i, w[i], g[i])
			}
			c.Difference, c.Logit = max(c.Difference, d), max(c.Logit, math.Abs(float64(w[i])))
		}
	}
	return c, nil
}

func best(logits []float32) int {
	at := 0
	for i, x := range logits {
		if x > logits[at] {
			at = i
		}
	}
	return at
}

package evaluate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/transformer"
)

// Throughput is how fast a variant reads, measured.
type Throughput struct {
	TokensPerSecond float64 `json:"tokens_per_second"` // median over the repeats
	Best            float64 `json:"best"`
	Worst           float64 `json:"worst"`
	Repeats         int     `json:"repeats"`
	Tokens          int     `json:"tokens"` // of one repeat
	Blocks          int     `json:"blocks"`
	Length          int     `json:"length"`
	Backend         string  `json:"backend"`
}

// defaultRepeats is few enough for a cell to wait for, and odd so that the median is one of them.
const defaultRepeats = 5

// MeasureThroughput runs the blocks, forward to their losses, once unmeasured and then repeats times (0 means 5), and returns
// tokens per second. Building graphs and first reading of weights fall into the unmeasured run.
func MeasureThroughput(ctx context.Context, v *transformer.Variant, blocks [][]int32, repeats int) (*Throughput, error) {
	if repeats < 0 {
		return nil, fmt.Errorf("cannot measure throughput: repeats: expected a positive number, found %d", repeats)
	}
	if repeats == 0 {
		repeats = defaultRepeats
	}
	rates := make([]float64, 0, repeats)
	for i := range repeats + 1 {
		began := time.Now()
		if _, err := v.Losses(ctx, blocks, transformer.RunOptions{Stage: "throughput"}); err != nil {
			return nil, fmt.Errorf("cannot measure throughput: %w", err)
		}
		if i > 0 {
			rates = append(rates, float64(len(blocks)*len(blocks[0]))/time.Since(began).Seconds())
		}
	}
	slices.Sort(rates)
	return &Throughput{
		TokensPerSecond: rates[len(rates)/2], Best: rates[len(rates)-1], Worst: rates[0], Repeats: repeats,
		Tokens: len(blocks) * len(blocks[0]), Blocks: len(blocks), Length: len(blocks[0]), Backend: gomlxops.BackendName(),
	}, nil
}

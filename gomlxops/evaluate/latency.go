package evaluate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/transformer"
)

// Latency is how long a variant takes to read one batch, measured.
type Latency struct {
	Batch   int     `json:"batch"`   // sequences at once
	Length  int     `json:"length"`  // tokens of each
	Median  float64 `json:"median"`  // seconds, over the repeats
	Low     float64 `json:"low"`     // first quartile
	High    float64 `json:"high"`    // third quartile
	Repeats int     `json:"repeats"` // measured; one more comes before them
	Backend string  `json:"backend"`
}

// LatencyOptions are the choices of [MeasureLatency]. The zero value works.
type LatencyOptions struct {
	Batches []int // sequences at once; default 1 and 8
	Length  int   // tokens of each; default 64, or the model's longest if that is less
	Repeats int   // default 11
}

func (o LatencyOptions) withDefaults(c *transformer.Config) (LatencyOptions, error) {
	if o.Batches == nil {
		o.Batches = []int{1, 8}
	}
	if o.Length == 0 {
		o.Length = min(64, c.MaxPositions)
	}
	if o.Repeats == 0 {
		o.Repeats = 11
	}
	if o.Repeats < 1 || o.Length < 2 || o.Length > c.MaxPositions || slices.Min(o.Batches) < 1 {
		return o, fmt.Errorf("cannot measure latency: expected at least one repeat, from 2 to %d tokens and at least one sequence, found %d, %d and %v", c.MaxPositions, o.Repeats, o.Length, o.Batches)
	}
	return o, nil
}

// MeasureLatency runs batches of sequences forward to their losses, each as one call. What the tokens are does not matter; they are
// spread over the vocabulary. Building graphs and the first reading of weights fall into a run that is not measured.
func MeasureLatency(ctx context.Context, v *transformer.Variant, opt LatencyOptions, rec gomlxops.Recorder) ([]Latency, error) {
	all, err := CompareLatency(ctx, []*transformer.Variant{v}, opt, rec)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// CompareLatency measures several variants in turns, repeat by repeat, so that whatever else the machine does meets all of them: for each the latencies of
// [MeasureLatency]. The options hold for all; a length of 0 is what the first takes.
func CompareLatency(ctx context.Context, variants []*transformer.Variant, opt LatencyOptions, rec gomlxops.Recorder) ([][]Latency, error) {
	opt, err := opt.withDefaults(variants[0].Model().Config())
	if err != nil {
		return nil, err
	}
	rec = gomlxops.OrDiscard(rec)
	all := make([][]Latency, len(variants))
	for i, batch := range opt.Batches {
		seconds := make([][]float64, len(variants))
		for r := range opt.Repeats + 1 {
			for j, v := range variants {
				sequences := spread(batch, opt.Length, v.Model().Config().VocabSize)
				began := time.Now()
				if _, err := v.Losses(ctx, sequences, transformer.RunOptions{Batch: batch}); err != nil {
					return nil, fmt.Errorf("cannot measure latency: %w", err)
				}
				if r > 0 {
					seconds[j] = append(seconds[j], time.Since(began).Seconds())
				}
			}
			rec.Progress("latency", i*(opt.Repeats+1)+r+1, len(opt.Batches)*(opt.Repeats+1))
		}
		for j, s := range seconds {
			slices.Sort(s)
			all[j] = append(all[j], Latency{
				Batch: batch, Length: opt.Length, Median: quantile(s, 0.5), Low: quantile(s, 0.25), High: quantile(s, 0.75),
				Repeats: opt.Repeats, Backend: gomlxops.BackendName(),
			})
		}
	}
	return all, nil
}

// spread makes n sequences of tokens that are all over the vocabulary: steps of 7919, a prime.
func spread(n, length, vocabulary int) [][]int32 {
	sequences := make([][]int32, n)
	for i := range sequences {
		sequences[i] = make([]int32, length)
		for j := range sequences[i] {
			sequences[i][j] = int32((i*length + j) * 7919 % vocabulary)
		}
	}
	return sequences
}

// quantile returns the value below which the fraction q of sorted values lies, between neighbours in proportion.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	low := int(at)
	if low+1 == len(sorted) {
		return sorted[low]
	}
	return sorted[low] + (at-float64(low))*(sorted[low+1]-sorted[low])
}

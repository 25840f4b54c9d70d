package recovery

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/parelab/pare/gomlxops/transformer"
)

// BenchmarkTrain times whole AdamW steps of a model of 3.7 million parameters, 8 sequences of 256 tokens each; compilation is in the first.
func BenchmarkTrain(b *testing.B) {
	c := &transformer.Config{ModelType: "llama", VocabSize: 2048, HiddenSize: 256, IntermediateSize: 704, Layers: 4, Heads: 8, KVHeads: 8,
		HeadDim: 32, MaxPositions: 256, RopeTheta: 10000, NormEps: 1e-6, TieEmbeddings: true, BOS: -1, EOS: -1}
	rng := rand.New(rand.NewPCG(1, 0))
	next := func(int) [][]int32 {
		batch := make([][]int32, 8)
		for i := range batch {
			batch[i] = make([]int32, 257)
			for k := range batch[i] {
				batch[i][k] = int32(rng.IntN(c.VocabSize))
			}
		}
		return batch
	}
	weights := c.Init(1)
	steps := 0
	for b.Loop() {
		rec := &notes{metrics: map[string][]float64{}}
		result, err := Train(context.Background(), c, weights, next, TrainOptions{Steps: 8}, rec)
		if err != nil {
			b.Fatal(err)
		}
		steps += result.Steps
		fastest := 0.0
		for _, rate := range rec.metrics["tokens_per_second"] {
			fastest = max(fastest, rate)
		}
		b.ReportMetric(fastest, "best-tok/s")
	}
	b.ReportMetric(float64(steps*8*256)/b.Elapsed().Seconds(), "tok/s")
}

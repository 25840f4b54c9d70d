package importance

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/parelab/pare/gomlxops/transformer"
)

// noProbe asks for nothing: what the reverse stream costs by itself.
type noProbe struct{}

func (noProbe) Graph(transformer.Tap) []*graph.Node               { return nil }
func (noProbe) Observe(transformer.Seen, []*tensors.Tensor) error { return nil }
func (noProbe) Finish(int) error                                  { return nil }

// benchShapes are those of transformer's benchmarks that testdata/torch_peer.py there knows too.
var benchShapes = map[string]string{
	"peer": `"hidden_size": 256, "intermediate_size": 704, "num_hidden_layers": 4, "num_attention_heads": 8, "num_key_value_heads": 8`,
	"wide": `"hidden_size": 1024, "intermediate_size": 2816, "num_hidden_layers": 2, "num_attention_heads": 16, "num_key_value_heads": 16`,
}

// benchModel is a model of a shape with random weights.
func benchModel(b *testing.B, shape string) *transformer.Model {
	b.Helper()
	c, err := transformer.ParseConfig(fmt.Appendf(nil, `{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 2048, %s,
		"max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "tie_word_embeddings": true}`, benchShapes[shape]))
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir() + "/model"
	if err := transformer.SaveInit(b.Context(), dir, c, 1, "BF16", nil, transformer.SaveOptions{}); err != nil {
		b.Fatal(err)
	}
	m, err := transformer.Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { m.Close() })
	return m
}

// BenchmarkTaylor measures a forward pass with losses, the way back by itself, and with what Fisher sums and Taylor scores ask for. The
// issue's bound on the way back is three forward passes; what the sinks take besides is the part for each sequence.
func BenchmarkTaylor(b *testing.B) {
	for _, c := range []struct {
		shape             string
		sequences, length int
	}{{"peer", 16, 256}, {"peer", 64, 64}, {"wide", 8, 256}} {
		m := benchModel(b, c.shape)
		rng := rand.New(rand.NewPCG(1, 2))
		sequences := make([][]int32, c.sequences)
		for i := range sequences {
			for range c.length {
				sequences[i] = append(sequences[i], int32(rng.IntN(2048)))
			}
		}
		for _, what := range []struct {
			name string
			run  func(ctx context.Context) error
		}{
			{"forward", func(ctx context.Context) error {
				_, err := m.Dense().Losses(ctx, sequences, transformer.RunOptions{})
				return err
			}},
			{"backward", func(ctx context.Context) error {
				_, err := m.Dense().Backward(ctx, sequences, noProbe{}, transformer.RunOptions{})
				return err
			}},
			{"fisher", func(ctx context.Context) error { _, err := Collect(ctx, m, sequences, Options{}); return err }},
			{"taylor", func(ctx context.Context) error { _, err := Taylor(ctx, m.Dense(), sequences, Options{}); return err }},
		} {
			b.Run(fmt.Sprintf("%s/%d×%d/%s", c.shape, c.sequences, c.length, what.name), func(b *testing.B) {
				cpu := cpuTime()
				for b.Loop() {
					if err := what.run(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(c.sequences*c.length)*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
				b.ReportMetric(float64((cpuTime()-cpu).Milliseconds())/float64(b.N), "cpu-ms/op")
			})
		}
	}
}

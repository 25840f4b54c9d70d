package covariance

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/parelab/pare/gomlxops/transformer"
)

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkCollect measures what calibration costs beside the blocks' forward pass alone, in processor time, with the scatter
// on the host and, at the smallest size, inside the graph. They take turns, so that whatever else the machine does falls on all alike, and
// the median of each turn's ratio counts.
func BenchmarkCollect(b *testing.B) {
	for _, shape := range []struct{ hidden, mid, layers, sequences int }{{256, 704, 2, 32}, {1024, 2816, 1, 16}, {2048, 5632, 1, 8}} {
		b.Run(fmt.Sprint(shape.hidden), func(b *testing.B) {
			m := randomModel(b, shape.hidden, shape.mid, shape.layers)
			tokens := randomTokens(shape.sequences, m.Config().VocabSize)
			var host, graph []float64
			for b.Loop() {
				forward := cost(b, m, tokens, nil)
				extra := func(set func(*probe)) float64 {
					return 100 * float64(cost(b, m, tokens, set)-forward) / float64(forward)
				}
				host = append(host, extra(func(p *probe) { p.inGraph = false }))
				if shape.hidden == 256 {
					graph = append(graph, extra(func(p *probe) { p.inGraph = true }))
				}
			}
			b.ReportMetric(median(host), "host-extra-%")
			if len(graph) > 0 {
				b.ReportMetric(median(graph), "graph-extra-%")
			}
		})
	}
}

func median(x []float64) float64 {
	slices.Sort(x)
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}

// randomTokens returns sequences of 256 tokens.
func randomTokens(sequences, vocabulary int) [][]int32 {
	rng := rand.New(rand.NewPCG(1, 2))
	tokens := make([][]int32, sequences)
	for i := range tokens {
		tokens[i] = make([]int32, 256)
		for t := range tokens[i] {
			tokens[i][t] = int32(rng.IntN(vocabulary))
		}
	}
	return tokens
}

// BenchmarkScatter measures the scatter of one batch by itself, in operations of the half that is computed, of one processor.
func BenchmarkScatter(b *testing.B) {
	for _, dim := range []int{256, 704, 1024, 2816} {
		b.Run(fmt.Sprint(dim), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(3, 4))
			x := make([]float32, tokensPerScatter*dim)
			for i := range x {
				x[i] = float32(rng.NormFloat64())
			}
			s, p := newStats(0, transformer.MLPIn, dim, 1), &probe{length: 1}
			before := cpuTime()
			for b.Loop() {
				if err := p.addTokens(s, 0, 0, x); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(tokensPerScatter)*float64(dim*dim)*float64(b.N)/(cpuTime()-before).Seconds()/1e9, "GFLOP/cpu-s")
		})
	}
}

// cost runs the blocks once, with a probe where there is one.
func cost(b *testing.B, m *transformer.Model, tokens [][]int32, set func(*probe)) time.Duration {
	opt := transformer.RunOptions{}
	if set != nil {
		moments, _, err := prepare(m.Dense(), tokens, Options{})
		if err != nil {
			b.Fatal(err)
		}
		p, err := newProbe(moments)
		if err != nil {
			b.Fatal(err)
		}
		set(p)
		opt.Probe = p
	}
	before := cpuTime()
	if err := m.Dense().Stream(b.Context(), tokens, opt); err != nil {
		b.Fatal(err)
	}
	return cpuTime() - before
}

// randomModel saves a LLaMA-shaped model of random weights and opens it.
func randomModel(t testing.TB, hidden, mid, layers int) *transformer.Model {
	t.Helper()
	c := transformer.Config{ModelType: "llama", VocabSize: 2048, HiddenSize: hidden, IntermediateSize: mid, Layers: layers, Heads: hidden / 32,
		KVHeads: hidden / 32, HeadDim: 32, MaxPositions: 2048, RopeTheta: 10000, NormEps: 1e-5, TieEmbeddings: true, BOS: -1, EOS: -1}
	return savedModel(t, &c, c.Init(1))
}

func savedModel(t testing.TB, c *transformer.Config, weights map[string][]float32) *transformer.Model {
	t.Helper()
	dir := t.TempDir() + "/model"
	if err := transformer.SaveTensors(t.Context(), dir, c, weights, "F32", nil); err != nil {
		t.Fatal(err)
	}
	m, err := transformer.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// BenchmarkCheckpoint measures what checkpoints cost beside a pass without, in processor time: at their own pace, and after each group of
// 1,024 tokens. Passes take turns, and the best of each counts.
func BenchmarkCheckpoint(b *testing.B) {
	m := randomModel(b, 256, 704, 4)
	tokens := randomTokens(64, m.Config().VocabSize)
	path := b.TempDir() + "/checkpoint"
	kinds := []Options{{}, {Checkpoint: Checkpoint{Path: path}}, {Checkpoint: Checkpoint{Path: path, Every: -1}}}
	best := []time.Duration{math.MaxInt64, math.MaxInt64, math.MaxInt64}
	for b.Loop() {
		for i, opt := range kinds {
			opt.Groups = len(tokens) / 4
			before := cpuTime()
			if _, err := Collect(b.Context(), m.Dense(), tokens, opt); err != nil {
				b.Fatal(err)
			}
			best[i] = min(best[i], cpuTime()-before)
		}
	}
	b.ReportMetric(float64(best[0].Milliseconds()), "plain-cpu-ms")
	b.ReportMetric(100*float64(best[1]-best[0])/float64(best[0]), "paced-extra-%")
	b.ReportMetric(100*float64(best[2]-best[0])/float64(best[0]), "each-group-extra-%")
}

package transformer

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/parelab/pare/gomlxops"
)

// benchShape is a model and a batch to measure; testdata/torch_peer.py knows the same by name.
type benchShape struct {
	name         string
	config       Config
	batch, width int // sequences, and tokens of each
}

var benchShapes = []benchShape{
	{"peer", benchConfig(2048, 256, 704, 4, 8, 8), 8, 256},
	{"pocket", benchConfig(2048, 256, 640, 4, 8, 4), 8, 256},
	{"long", benchConfig(2048, 256, 704, 4, 8, 8), 2, 1024},
	{"wide", benchConfig(2048, 1024, 2816, 2, 16, 16), 4, 256},
}

func benchConfig(vocab, hidden, mid, layers, heads, kv int) Config {
	return Config{ModelType: "llama", VocabSize: vocab, HiddenSize: hidden, IntermediateSize: mid, Layers: layers, Heads: heads,
		KVHeads: kv, HeadDim: hidden / heads, MaxPositions: 2048, RopeTheta: 10000, NormEps: 1e-5, TieEmbeddings: true, BOS: -1, EOS: -1}
}

func (s benchShape) sequences(n, extra int) [][]int32 {
	rng := rand.New(rand.NewPCG(1, 2))
	all := make([][]int32, n)
	for i := range all {
		all[i] = make([]int32, s.width+extra)
		for t := range all[i] {
			all[i][t] = int32(rng.IntN(s.config.VocabSize))
		}
	}
	return all
}

// report gives tokens per second, and the processor time per operation, which other programs on the machine disturb less.
func report(b *testing.B, tokens int, cpu time.Duration) {
	b.ReportMetric(float64(tokens)*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
	b.ReportMetric(float64((cpuTime()-cpu).Milliseconds())/float64(b.N), "cpu-ms/op")
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkForward measures Losses, the streamed forward pass with the head, on four batches.
func BenchmarkForward(b *testing.B) {
	for _, s := range benchShapes {
		b.Run(s.name, func(b *testing.B) {
			dir := b.TempDir() + "/model"
			if err := SaveTensors(b.Context(), dir, &s.config, s.config.Init(1), "BF16", nil); err != nil {
				b.Fatal(err)
			}
			m, err := Open(dir)
			if err != nil {
				b.Fatal(err)
			}
			defer m.Close()
			sequences := s.sequences(4*s.batch, 0)
			cpu := cpuTime()
			for b.Loop() {
				if _, err := m.Dense().Losses(b.Context(), sequences, RunOptions{}); err != nil {
					b.Fatal(err)
				}
			}
			report(b, 4*s.batch*s.width, cpu)
		})
	}
}

// BenchmarkStep measures a training step on one batch: loss, gradient of every weight, and W ← W − 0.01·gradient.
func BenchmarkStep(b *testing.B) {
	for _, s := range benchShapes {
		b.Run(s.name, func(b *testing.B) {
			backend, err := gomlxops.Backend()
			if err != nil {
				b.Fatal(err)
			}
			shapes := s.config.TensorShapes()
			step := graph.MustNewExec(backend, func(in []*graph.Node) []*graph.Node { return sgd(&s.config, shapes, in) })
			tokens := tokenTensor(s.sequences(s.batch, 1))
			weights := make([]*tensors.Tensor, len(shapes))
			for i, values := range s.config.Init(1) {
				for j, shape := range shapes {
					if shape.Name == i {
						weights[j] = tensors.FromFlatDataAndDimensions(values, shape.Shape...)
					}
				}
			}
			cpu := cpuTime()
			for b.Loop() {
				args := []any{tokens}
				for _, w := range weights {
					donated, err := graph.DonateTensorBuffer(w, backend, 0)
					if err != nil {
						b.Fatal(err)
					}
					args = append(args, donated)
				}
				out, err := step.Call(args...)
				if err != nil {
					b.Fatal(err)
				}
				weights = out[1:]
			}
			report(b, s.batch*s.width, cpu)
		})
	}
}

// BenchmarkProduct measures the backend's bare product of a batch with an MLP's matrix: what bounds the passes above, were all else free.
func BenchmarkProduct(b *testing.B) {
	for _, s := range benchShapes {
		b.Run(s.name, func(b *testing.B) {
			backend, err := gomlxops.Backend()
			if err != nil {
				b.Fatal(err)
			}
			n, in, out := s.batch*s.width, s.config.HiddenSize, s.config.IntermediateSize
			x, w := tensors.FromFlatDataAndDimensions(make([]float32, n*in), n, in), tensors.FromFlatDataAndDimensions(make([]float32, out*in), out, in)
			product := graph.MustNewExec(backend, func(x, w *graph.Node) *graph.Node { return graph.DotGeneral(x, []int{1}, nil, w, []int{1}, nil) })
			for b.Loop() {
				product.MustCall(x, w)[0].MustFinalizeAll()
			}
			b.ReportMetric(2e-9*float64(n)*float64(in)*float64(out)*float64(b.N)/b.Elapsed().Seconds(), "GFLOP/s")
		})
	}
}

// sgd takes tokens and weights, and returns the loss and the weights after one step of plain gradient descent.
func sgd(c *Config, shapes []TensorShape, in []*graph.Node) []*graph.Node {
	w := Weights{}
	for i, s := range shapes {
		w[s.Name] = in[i+1]
	}
	loss := c.Loss(in[0], w)
	out := []*graph.Node{loss}
	for i, g := range graph.Gradient(loss, in[1:]...) {
		out = append(out, graph.Sub(in[i+1], graph.MulScalar(g, 0.01)))
	}
	return out
}

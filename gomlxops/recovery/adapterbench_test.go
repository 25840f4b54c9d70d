package recovery

import (
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"

	"github.com/parelab/pare/gomlxops/transformer"
)

// BenchmarkStepCost measures the processor time of one step, without compilation, of a model of 3.7 million parameters on 4 sequences of 128 tokens: all
// weights trained, LoRA of rank 8 beside every linear, LoRA beside the last layer only, and the forward pass alone. A frozen matrix costs a forward
// product and, where a branch lies below it, one for dX; a trained one a third for dW.
func BenchmarkStepCost(b *testing.B) {
	c := &transformer.Config{ModelType: "llama", VocabSize: 512, HiddenSize: 256, IntermediateSize: 704, Layers: 4, Heads: 8, KVHeads: 8,
		HeadDim: 32, MaxPositions: 256, RopeTheta: 10000, NormEps: 1e-6, TieEmbeddings: true, BOS: -1, EOS: -1}
	rng := rand.New(rand.NewPCG(1, 0))
	tokens := make([][]int32, 4)
	for i := range tokens {
		for range 129 {
			tokens[i] = append(tokens[i], int32(rng.IntN(c.VocabSize)))
		}
	}
	weights := c.Init(1)
	for what, layers := range map[string]int{"full": 0, "lora": c.Layers, "lora of the last layer": 1} {
		b.Run(what, func(b *testing.B) {
			p := &Problem{Config: c, Trained: map[string]Array{}, Frozen: map[string]Array{}}
			base := p.Frozen
			if layers == 0 {
				base = p.Trained
			}
			for _, s := range c.TensorShapes() {
				base[s.Name] = Numbers(weights[s.Name], s.Shape...)
			}
			for _, l := range c.Linears() {
				if l.Layer >= c.Layers-layers {
					p.Trained[l.Name+".lora_A.weight"] = Numbers(make([]float32, 8*l.In), 8, l.In)
					p.Trained[l.Name+".lora_B.weight"] = Numbers(make([]float32, 8*l.Out), l.Out, 8)
					p.Frozen[l.Name+".lora_scale"] = Numbers([]float32{1}, 1)
				}
			}
			start, n := 0.0, 0
			for b.Loop() {
				_, err := Tune(b.Context(), p, func(step int) Batch {
					if step == 3 {
						start = processorSeconds()
					}
					return Batch{Tokens: tokens}
				}, TrainOptions{Steps: 12}, nil)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric((processorSeconds()-start)/10, "cpu-s/step")
				n++
			}
		})
	}
}

// BenchmarkLoRA measures a step of LoRA of rank 8 beside every linear, AdamW and clipping in it, of the model that testdata/torch_lora_peer.py has in
// PyTorch: 256 channels, 4 layers, vocabulary 2048, 8 sequences of 256 tokens. overhead-% is what the loop takes of a step outside the compiled graph.
func BenchmarkLoRA(b *testing.B) {
	for _, dtype := range []string{Float32, BFloat16} {
		b.Run(dtype, func(b *testing.B) { benchmarkLoRA(b, dtype) })
	}
}

func benchmarkLoRA(b *testing.B, dtype string) {
	c := &transformer.Config{ModelType: "llama", VocabSize: 2048, HiddenSize: 256, IntermediateSize: 704, Layers: 4, Heads: 8, KVHeads: 8,
		HeadDim: 32, MaxPositions: 256, RopeTheta: 10000, NormEps: 1e-6, TieEmbeddings: true, BOS: -1, EOS: -1}
	rng := rand.New(rand.NewPCG(1, 0))
	tokens := make([][]int32, 8)
	for i := range tokens {
		for range 257 {
			tokens[i] = append(tokens[i], int32(rng.IntN(c.VocabSize)))
		}
	}
	p, weights := &Problem{Config: c, Trained: map[string]Array{}, Frozen: map[string]Array{}}, c.Init(1)
	for _, s := range c.TensorShapes() {
		p.Frozen[s.Name] = Numbers(weights[s.Name], s.Shape...)
	}
	for _, l := range c.Linears() {
		a := make([]float32, 8*l.In)
		for i := range a {
			a[i] = float32(rng.NormFloat64()) / 16
		}
		p.Trained[l.Name+".lora_A.weight"] = Numbers(a, 8, l.In)
		p.Trained[l.Name+".lora_B.weight"] = Numbers(make([]float32, 8*l.Out), l.Out, 8)
		p.Frozen[l.Name+".lora_scale"] = Numbers([]float32{2}, 1)
	}
	const steps = 12
	for b.Loop() {
		rec, start := &notes{metrics: map[string][]float64{}}, 0.0
		result, err := Tune(b.Context(), p, func(step int) Batch {
			if step == 3 {
				start = processorSeconds()
			}
			return Batch{Tokens: tokens}
		}, TrainOptions{Steps: steps, DType: dtype}, rec)
		if err != nil {
			b.Fatal(err)
		}
		rates := slices.Sorted(slices.Values(rec.metrics["tokens_per_second"][2:]))
		median := rates[len(rates)/2]
		b.ReportMetric(median, "tok/s")
		b.ReportMetric((processorSeconds()-start)/(steps-2)*1e3, "cpu-ms/step")
		b.ReportMetric(100*(result.Seconds-result.Inside)/steps*median/(8*256), "overhead-%")
	}
}

// processorSeconds is what the process has used of all processors.
func processorSeconds() float64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

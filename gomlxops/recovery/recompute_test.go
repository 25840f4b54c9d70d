package recovery

import (
	"math"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"testing"
	"time"

	"github.com/parelab/pare/gomlxops/transformer"
)

// deep is a LoRA training of a model of so many blocks and channels, on so many sequences of 64 tokens.
func deep(layers, width, sequences int) (*Problem, func(int) Batch) {
	c := &transformer.Config{ModelType: "llama", VocabSize: 64, HiddenSize: width, IntermediateSize: 11 * width / 4, Layers: layers, Heads: 4, KVHeads: 4,
		HeadDim: width / 4, MaxPositions: 128, RopeTheta: 10000, NormEps: 1e-6, TieEmbeddings: true, BOS: -1, EOS: -1}
	p, random := &Problem{Config: c, Trained: map[string]Array{}, Frozen: map[string]Array{}, Dropout: 0.1}, rand.New(rand.NewPCG(1, 0))
	for name, values := range c.Init(1) {
		i := slices.IndexFunc(c.TensorShapes(), func(s transformer.TensorShape) bool { return s.Name == name })
		p.Frozen[name] = Numbers(values, c.TensorShapes()[i].Shape...)
	}
	for _, l := range c.Linears() {
		a := make([]float32, 2*l.In)
		for i := range a {
			a[i] = float32(random.NormFloat64()) / 8
		}
		p.Trained[l.Name+".lora_A.weight"] = Numbers(a, 2, l.In)
		p.Trained[l.Name+".lora_B.weight"] = Numbers(make([]float32, 2*l.Out), l.Out, 2)
		p.Frozen[l.Name+".lora_scale"] = Numbers([]float32{2}, 1)
	}
	tokens := make([][]int32, sequences)
	for i := range tokens {
		for range 65 {
			tokens[i] = append(tokens[i], int32(random.IntN(c.VocabSize)))
		}
	}
	return p, func(int) Batch { return Batch{Tokens: tokens} }
}

// TestRecompute trains with and without computing blocks again: the same losses and gradient norms, up to the rounding of sums that are cut otherwise,
// and far less memory at the peak.
func TestRecompute(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(5))
	p, next := deep(16, 64, 4)
	p.Dropout = 0 // whose masks stay, computed again or not
	opt := TrainOptions{Steps: 2, LearningRate: 1e-2}
	var results [2]*TrainResult
	var norms [2][]float64
	var peaks [2]uint64
	for i, again := range []bool{false, true} {
		opt.Recompute = again
		rec := &notes{metrics: map[string][]float64{}}
		peaks[i] = peakHeap(func() {
			var err error
			if results[i], err = Tune(t.Context(), p, next, opt, rec); err != nil {
				t.Fatal(err)
			}
		})
		norms[i] = rec.metrics["grad_norm"]
	}
	for step, loss := range results[0].Losses {
		if !(math.Abs(results[1].Losses[step]/loss-1) < 1e-6) || !(math.Abs(norms[1][step]/norms[0][step]-1) < 1e-4) {
			t.Errorf("step %d: loss %v and norm %v, computed again %v and %v", step+1, loss, norms[0][step], results[1].Losses[step], norms[1][step])
		}
	}
	t.Logf("peak of the heap: %d MB, %d MB where blocks are computed again", peaks[0]>>20, peaks[1]>>20)
	if len(results[1].Losses) != 2 || peaks[1]*4 > peaks[0]*3 {
		t.Errorf("peak of the heap: %d bytes, %d where blocks are computed again: expected less than three quarters", peaks[0], peaks[1])
	}
}

// peakHeap is the most that any collection while f runs has found alive, above what was alive before.
func peakHeap(f func()) uint64 {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	for range 3 { // pools let go of what is in them at the second
		runtime.GC()
	}
	metrics.Read(live)
	start := live[0].Value.Uint64()
	peak, done, ended := start, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
				metrics.Read(live)
				peak = max(peak, live[0].Value.Uint64())
			}
		}
	}()
	f()
	close(done)
	<-ended
	return peak - start
}

package recovery

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/transformer"
)

// tiny is a model that learns in milliseconds.
func tiny() *transformer.Config {
	return &transformer.Config{ModelType: "llama", VocabSize: 16, HiddenSize: 16, IntermediateSize: 32, Layers: 2, Heads: 2, KVHeads: 1,
		HeadDim: 8, MaxPositions: 16, RopeTheta: 10000, NormEps: 1e-6, TieEmbeddings: true, BOS: -1, EOS: -1}
}

// counting gives sequences that count upwards, whose next token is always certain.
func counting(step int) [][]int32 {
	batch := make([][]int32, 4)
	for i := range batch {
		for k := range 17 {
			batch[i] = append(batch[i], int32((step*5+i*3+k)%16))
		}
	}
	return batch
}

// notes is a Recorder that keeps everything.
type notes struct {
	metrics map[string][]float64
	done    int
}

func (n *notes) Metric(name string, _ int, value float64) {
	n.metrics[name] = append(n.metrics[name], value)
}
func (n *notes) Progress(_ string, done, _ int) { n.done = done }

// TestTrainLearns trains a tiny model to count, from a loss of ln 16 to almost none, and checks what is reported.
func TestTrainLearns(t *testing.T) {
	c := tiny()
	start := c.Init(1)
	before := slices.Clone(start["model.embed_tokens.weight"])
	rec := &notes{metrics: map[string][]float64{}}
	const steps = 150
	saved := 0
	result, err := Train(context.Background(), c, start, counting, TrainOptions{
		Steps: steps, WarmUp: 10, LearningRate: 1e-2, WeightDecay: 0.01, Held: append(counting(1000), counting(2000)[:2]...), EvalEvery: 100,
		Checkpoint: func(step int, weights func() map[string][]float32) error {
			if step%50 == 0 {
				saved += len(weights())
			}
			return nil
		},
	}, rec)
	if err != nil {
		t.Fatal(err)
	}
	first, last := result.Losses[0], result.Losses[steps-1]
	if math.Abs(first-math.Log(16)) > 0.1 || last > 0.1 {
		t.Errorf("the loss went from %v to %v", first, last)
	}
	if len(result.Held) != 2 || result.Held[1].Step != steps || result.Held[1].Loss > 0.1 {
		t.Errorf("held-out losses %v", result.Held)
	}
	if saved != 3*len(c.TensorShapes()) || rec.done != steps || result.Steps != steps || result.Tokens != steps*4*16 {
		t.Errorf("saved %d tensors, %d steps reported, %d taken on %d tokens", saved, rec.done, result.Steps, result.Tokens)
	}
	for _, name := range []string{"loss", "learning_rate", "grad_norm", "tokens_per_second"} {
		if len(rec.metrics[name]) != steps {
			t.Errorf("metric %s was reported %d times", name, len(rec.metrics[name]))
		}
	}
	if !slices.Equal(before, start["model.embed_tokens.weight"]) {
		t.Error("training changed the weights that it was given")
	}
	again, err := Train(context.Background(), c, start, counting, TrainOptions{Steps: 3}, nil)
	if err != nil || again.Losses[0] != first || again.Losses[2] == again.Losses[0] {
		t.Errorf("the same start gives losses %v, %v", again.Losses, err)
	}
}

// TestHeldLoss compares the held-out loss, over a whole batch and half of one, with the losses of training on each sequence alone, at a
// learning rate that changes nothing.
func TestHeldLoss(t *testing.T) {
	c := tiny()
	held := append(counting(1), counting(2)[:2]...)
	for _, s := range held[4:] {
		slices.Reverse(s) // so that the two batches differ
	}
	opt := TrainOptions{Steps: len(held), LearningRate: 1e-12, Held: held, EvalEvery: len(held)}
	alone, err := Train(context.Background(), c, c.Init(1), func(step int) [][]int32 { return held[step-1 : step] }, opt, nil)
	if err != nil {
		t.Fatal(err)
	}
	mean := 0.0
	for _, loss := range alone.Losses {
		mean += loss / float64(len(held))
	}
	opt.Steps, opt.EvalEvery = 1, 1
	together, err := Train(context.Background(), c, c.Init(1), counting, opt, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*TrainResult{alone, together} {
		if len(r.Held) != 1 || math.Abs(r.Held[0].Loss-mean) > 1e-5 {
			t.Errorf("expected the held-out loss %v, found %v", mean, r.Held)
		}
	}
}

// TestTrainStops sees what is trained so far come back when the context ends.
func TestTrainStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	c := tiny()
	result, err := Train(ctx, c, c.Init(1), func(step int) [][]int32 {
		if step == 3 {
			cancel()
		}
		return counting(step)
	}, TrainOptions{Steps: 50}, nil)
	if !errors.Is(err, context.Canceled) || result == nil || result.Steps != 3 || len(result.Weights) != len(c.TensorShapes()) {
		t.Errorf("expected 3 steps and the context's error, found %+v, %v", result, err)
	}
}

// TestTrainNotFinite starts from a number that overflows and sees step and remedy named.
func TestTrainNotFinite(t *testing.T) {
	c := tiny()
	weights := c.Init(1)
	for i := range weights["model.norm.weight"] {
		weights["model.norm.weight"][i] = 1e38
	}
	result, err := Train(context.Background(), c, weights, counting, TrainOptions{Steps: 5}, nil)
	if err == nil || !strings.Contains(err.Error(), "step 1") || !strings.Contains(err.Error(), "LearningRate") {
		t.Fatalf("expected an error that names step 1 and what to try, found %v", err)
	}
	if result.Weights != nil {
		t.Error("spoilt weights were returned")
	}
}

// TestTrainRefuses sees bad options and batches named.
func TestTrainRefuses(t *testing.T) {
	c := tiny()
	missing := c.Init(1)
	delete(missing, "model.norm.weight")
	constant := func(batch ...[]int32) func(int) [][]int32 { return func(int) [][]int32 { return batch } }
	for _, x := range []struct {
		weights map[string][]float32
		next    func(int) [][]int32
		opt     TrainOptions
		mention string
	}{
		{c.Init(1), counting, TrainOptions{}, "Steps"},
		{c.Init(1), counting, TrainOptions{Steps: 5, WarmUp: 5}, "WarmUp"},
		{c.Init(1), counting, TrainOptions{Steps: 5, LearningRate: math.NaN()}, "LearningRate"},
		{c.Init(1), counting, TrainOptions{Steps: 5, MinLearningRate: 1}, "MinLearningRate"},
		{c.Init(1), counting, TrainOptions{Steps: 5, WeightDecay: -1}, "WeightDecay"},
		{c.Init(1), counting, TrainOptions{Steps: 5, Beta1: 1}, "Beta1"},
		{c.Init(1), counting, TrainOptions{Steps: 5, Beta2: 2}, "Beta2"},
		{c.Init(1), counting, TrainOptions{Steps: 5, Epsilon: -1}, "Epsilon"},
		{missing, counting, TrainOptions{Steps: 5}, "model.norm.weight"},
		{c.Init(1), constant(), TrainOptions{Steps: 5}, "no sequence"},
		{c.Init(1), constant([]int32{1}), TrainOptions{Steps: 5}, "at least 2"},
		{c.Init(1), constant([]int32{1, 2}, []int32{1, 2, 3}), TrainOptions{Steps: 5}, "sequence 1"},
		{c.Init(1), constant([]int32{16, 1}), TrainOptions{Steps: 5}, "16"},
		{c.Init(1), constant([]int32{1, -1}), TrainOptions{Steps: 5}, "-1"},
		{c.Init(1), constant(make([]int32, 18)), TrainOptions{Steps: 5}, "max_position_embeddings"},
		{c.Init(1), func(step int) [][]int32 { return counting(step)[:5-step] }, TrainOptions{Steps: 5}, "step 2"},
	} {
		if _, err := Train(context.Background(), c, x.weights, x.next, x.opt, nil); err == nil || !strings.Contains(err.Error(), x.mention) {
			t.Errorf("expected an error with %q, found %v", x.mention, err)
		}
	}
}

package recovery

import (
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
)

// TestAccumulate trains with one, two and four parts and sees the same losses and, beyond rounding, the same weights; weights of
// predictions differ between the parts.
func TestAccumulate(t *testing.T) {
	var first *TrainResult
	for _, parts := range []int{1, 2, 4} {
		p, next, opt := keptTraining("")
		p.Dropout, opt.Accumulate, opt.Steps = 0, parts, 6
		weighted := func(step int) Batch {
			b := next(step)
			for i, s := range b.Tokens {
				w := make([]float32, len(s)-1)
				for k := i * 3; k < len(w); k++ {
					w[k] = float32(k%3) / 2
				}
				b.Weights = append(b.Weights, w)
			}
			return b
		}
		got, err := Tune(t.Context(), p, weighted, opt, nil)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = got
			continue
		}
		for i, loss := range got.Losses {
			if math.Abs(loss-first.Losses[i]) > 1e-5 {
				t.Errorf("%d parts, step %d: expected loss %v, found %v", parts, i+1, first.Losses[i], loss)
			}
		}
	}
}

// TestPromptMasked changes tokens that only predictions of weight 0 depend on, and sees the same training; with weight they matter.
func TestPromptMasked(t *testing.T) {
	train := func(last int32, weight float32) *TrainResult {
		p, next, opt := keptTraining("")
		opt.Steps, opt.EvalEvery, opt.Patience = 3, 0, 0
		got, err := Tune(t.Context(), p, func(step int) Batch {
			b := next(step)
			for i, s := range b.Tokens {
				w := slices.Repeat([]float32{1}, len(s)-1)
				s[len(s)-1], w[len(w)-1] = last, weight
				b.Tokens[i], b.Weights = s, append(b.Weights, w)
			}
			return b
		}, opt, nil)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if x, y := train(1, 0), train(9, 0); !slices.Equal(x.Losses, y.Losses) || !sameBits(x.Weights["model.layers.0.mlp.up_proj.lora_B.weight"], y.Weights["model.layers.0.mlp.up_proj.lora_B.weight"]) {
		t.Error("a token of weight 0 changes the training")
	}
	if x, y := train(1, 1), train(9, 1); slices.Equal(x.Losses, y.Losses) {
		t.Error("a token of weight 1 changes nothing")
	}
}

// TestPatience trains at a rate that only worsens the held-out loss, and sees it end early with the weights of the best evaluation.
func TestPatience(t *testing.T) {
	p, _, opt := keptTraining("")
	opt.EvalEvery, opt.Patience, opt.LearningRate = 1, 2, 0.5
	reversed := func(step int) Batch {
		b := counting(step)
		for _, s := range b {
			slices.Reverse(s)
		}
		return Batch{Tokens: b}
	}
	got, err := Tune(t.Context(), p, reversed, opt, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Steps >= opt.Steps || got.Steps != got.Best.Step+2 || len(got.Held) != got.Steps {
		t.Fatalf("expected an end two evaluations after the best, found step %d of %d, best %+v", got.Steps, opt.Steps, got.Best)
	}
	best := got.Weights
	opt.Patience = 0
	stop := errors.New("stop")
	opt.Checkpoint = func(step int, weights func() map[string][]float32) error {
		if step < got.Best.Step {
			return nil
		}
		if !maps.EqualFunc(best, weights(), sameBits) {
			t.Error("the weights are not those of the best evaluation")
		}
		return stop
	}
	if _, err := Tune(t.Context(), p, reversed, opt, nil); !errors.Is(err, stop) {
		t.Error(err)
	}
}

// TestTeacher learns from a teacher alone: the loss is the KL divergence, 0 where the student is the teacher, and training lowers it.
func TestTeacher(t *testing.T) {
	p, next, opt := keptTraining("")
	opt.Patience, opt.EvalEvery, opt.WeightDecay = 0, 0, 0
	teacher := p.Config.Init(5)
	p.Teacher = &Teacher{Config: p.Config, Weights: map[string]Array{}, Share: 1, Temperature: 2}
	for _, s := range p.Config.TensorShapes() {
		p.Teacher.Weights[s.Name] = Numbers(teacher[s.Name], s.Shape...)
	}
	got, err := Tune(t.Context(), p, next, opt, nil)
	if err != nil {
		t.Fatal(err)
	}
	if first, last := got.Losses[0], got.Losses[len(got.Losses)-1]; !(first > 1e-4 && last < first*0.9) {
		t.Errorf("distillation went from %v to %v", first, last)
	}
	for name := range p.Teacher.Weights {
		p.Teacher.Weights[name] = p.Frozen[name]
	}
	opt.Steps = 3
	if got, err = Tune(t.Context(), p, next, opt, nil); err != nil || math.Abs(got.Losses[0]) > 1e-6 {
		t.Errorf("a student that is its teacher has loss %v, %v", got.Losses[0], err)
	}
}

// TestTuneRefuses sees bad problems and options named.
func TestTuneRefuses(t *testing.T) {
	for mention, change := range map[string]func(p *Problem, o *TrainOptions){
		"configuration":     func(p *Problem, _ *TrainOptions) { p.Config = nil },
		"at least one":      func(p *Problem, _ *TrainOptions) { p.Trained = nil },
		"at once":           func(p *Problem, _ *TrainOptions) { p.Frozen["model.layers.0.mlp.up_proj.lora_A.weight"] = Numbers(nil) },
		"Dropout":           func(p *Problem, _ *TrainOptions) { p.Dropout = 1 },
		"Teacher":           func(p *Problem, _ *TrainOptions) { p.Teacher = &Teacher{} },
		"Schedule":          func(_ *Problem, o *TrainOptions) { o.Schedule = "step" },
		"Patience":          func(_ *Problem, o *TrainOptions) { o.EvalEvery = 0 },
		"Accumulate":        func(_ *Problem, o *TrainOptions) { o.Accumulate = 3 },
		"model.norm.weight": func(p *Problem, _ *TrainOptions) { p.Frozen["model.norm.weight"] = Numbers(make([]float32, 3), 16) },
		"NaN": func(p *Problem, _ *TrainOptions) {
			p.Frozen["model.norm.weight"] = Numbers(slices.Repeat([]float32{float32(math.NaN())}, 16), 16)
		},
		"weights of sequence 0": func(_ *Problem, o *TrainOptions) { o.HeldWeights = [][]float32{{1}, nil, nil, nil} },
	} {
		p, next, opt := keptTraining("")
		opt.Steps = 5
		change(p, &opt)
		if _, err := Tune(t.Context(), p, next, opt, nil); err == nil || !strings.Contains(err.Error(), mention) {
			t.Errorf("expected an error with %q, found %v", mention, err)
		}
	}
}

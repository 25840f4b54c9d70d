package recovery

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/transformer"
)

// TrainResult is what training came to.
type TrainResult struct {
	Weights map[string][]float32 // by checkpoint name; nil where the last step failed
	Steps   int                  // taken
	Losses  []float64            // mean loss of each step's batch, before its update
	Held    []HeldLoss           // losses on the held-out sequences
	Tokens  int64                // predictions trained on
	Seconds float64              // of the steps; compilation, evaluation and checkpoints included
}

// HeldLoss is the mean loss on the held-out sequences after a step.
type HeldLoss struct {
	Step int
	Loss float64
}

// Train trains all weights of a model of configuration c for opt.Steps steps and returns them. weights are the starting point, by
// checkpoint name, and stay unchanged. next gives the batch of a step, counted from 1: sequences of T+1 tokens each, as many and as long in every
// step, whose first T tokens predict their last T.
//
// Each step reports the metrics loss, learning_rate, grad_norm and tokens_per_second, and progress of the stage "train".
//
// A loss or gradient that is not finite ends the training with an error that names the step. When ctx ends, Train returns what has been trained,
// with the context's error.
func Train(ctx context.Context, c *transformer.Config, weights map[string][]float32, next func(step int) [][]int32, opt TrainOptions, rec gomlxops.Recorder) (*TrainResult, error) {
	opt = opt.withDefaults()
	if err := errors.Join(c.Validate(), opt.validate()); err != nil {
		return nil, err
	}
	b, err := gomlxops.Backend()
	if err != nil {
		return nil, err
	}
	var names []string
	var start []*tensors.Tensor
	for _, s := range c.TensorShapes() {
		w := weights[s.Name]
		if len(w) != s.Elements() {
			return nil, fmt.Errorf("cannot train: tensor %s: expected %d numbers for shape %v, found %d", s.Name, s.Elements(), s.Shape, len(w))
		}
		names, start = append(names, s.Name), append(start, tensors.FromFlatDataAndDimensions(w, s.Shape...))
	}
	s, err := newStepper(b, names, start, c.Loss, adamW{opt.Beta1, opt.Beta2, opt.Epsilon, opt.WeightDecay}, opt.ClipNorm)
	if err != nil {
		return nil, err
	}
	defer s.close()
	check := func(batch [][]int32) error { return checkBatch(batch, c) }
	t := &training{s, opt, check, gomlxops.OrDiscard(rec), &TrainResult{}}
	err = t.run(ctx, next)
	t.result.Weights = s.copies()
	return t.result, err
}

// checkBatch says what is wrong with sequences that the model shall be trained or measured on.
func checkBatch(batch [][]int32, c *transformer.Config) error {
	inputs := make([][]int32, len(batch))
	for i, s := range batch {
		if len(s) < 2 || len(s) != len(batch[0]) {
			return fmt.Errorf("sequence %d: expected at least 2 tokens, and as many as the first sequence has (%d), found %d", i, len(batch[0]), len(s))
		}
		inputs[i] = s[:len(s)-1] // the last token is predicted, and takes no position
		if err := transformer.CheckTokens([][]int32{s[len(s)-1:]}, c); err != nil {
			return fmt.Errorf("last token of sequence %d: %w", i, err)
		}
	}
	return transformer.CheckTokens(inputs, c)
}

// training is one run of Train.
type training struct {
	stepper *stepper
	opt     TrainOptions
	check   func(batch [][]int32) error
	rec     gomlxops.Recorder
	result  *TrainResult
}

// run takes the steps.
func (t *training) run(ctx context.Context, next func(step int) [][]int32) error {
	start, o := time.Now(), t.opt
	defer func() { t.result.Seconds = time.Since(start).Seconds() }()
	rate := schedule{o.Steps, o.WarmUp, o.LearningRate, o.MinLearningRate}
	var size [2]int
	for step := 1; step <= o.Steps; step++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		batch := next(step)
		if err := t.check(batch); err != nil {
			return fmt.Errorf("training step %d: %w", step, err)
		}
		if step == 1 {
			size = [2]int{len(batch), len(batch[0])}
		} else if got := [2]int{len(batch), len(batch[0])}; got != size {
			return fmt.Errorf("training step %d: expected %d sequences of %d tokens as in step 1, found %d of %d; another size would be compiled anew", step, size[0], size[1], got[0], got[1])
		}
		if err := t.step(step, batch, rate.at(step)); err != nil {
			return err
		}
		if err := t.after(ctx, step, size[0]); err != nil {
			return err
		}
	}
	return nil
}

// step trains on one batch and reports it.
func (t *training) step(step int, batch [][]int32, lr float64) error {
	start := time.Now()
	loss, norm, err := t.stepper.take(batch, lr)
	if err != nil {
		return fmt.Errorf("training step %d: %w", step, err)
	}
	if !finite(loss) || !finite(norm) {
		t.stepper.drop()
		return fmt.Errorf("training step %d: loss %v with gradient norm %v is not finite; try a lower LearningRate than %v, a longer WarmUp than %d, or a smaller ClipNorm than %v",
			step, loss, norm, t.opt.LearningRate, t.opt.WarmUp, t.opt.ClipNorm)
	}
	predictions := len(batch) * (len(batch[0]) - 1)
	t.result.Steps, t.result.Tokens = step, t.result.Tokens+int64(predictions)
	t.result.Losses = append(t.result.Losses, loss)
	t.rec.Metric("loss", step, loss)
	t.rec.Metric("learning_rate", step, lr)
	t.rec.Metric("grad_norm", step, norm)
	t.rec.Metric("tokens_per_second", step, float64(predictions)/time.Since(start).Seconds())
	t.rec.Progress("train", step, t.opt.Steps)
	return nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// after evaluates and calls the checkpoint where they are due.
func (t *training) after(ctx context.Context, step, batch int) error {
	if e := t.opt.EvalEvery; e > 0 && len(t.opt.Held) > 0 && (step%e == 0 || step == t.opt.Steps) {
		if err := t.evaluate(ctx, step, batch); err != nil {
			return fmt.Errorf("evaluation after step %d: %w", step, err)
		}
	}
	if t.opt.Checkpoint == nil {
		return nil
	}
	if err := t.opt.Checkpoint(step, t.stepper.copies); err != nil {
		return fmt.Errorf("checkpoint after step %d: %w", step, err)
	}
	return nil
}

// evaluate measures the held-out sequences, batch by batch; each counts alike, having as many predictions.
func (t *training) evaluate(ctx context.Context, step, batch int) error {
	held := t.opt.Held
	if err := t.check(held); err != nil {
		return err
	}
	sum := 0.0
	for from := 0; from < len(held); from += batch {
		if err := ctx.Err(); err != nil {
			return err
		}
		part := held[from:min(from+batch, len(held))]
		loss, err := t.stepper.evaluate(part)
		if err != nil {
			return err
		}
		sum += loss * float64(len(part))
	}
	loss := sum / float64(len(held))
	t.result.Held = append(t.result.Held, HeldLoss{step, loss})
	t.rec.Metric("eval_loss", step, loss)
	return nil
}

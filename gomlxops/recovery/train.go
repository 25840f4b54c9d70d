package recovery

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/metrics"
	"time"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/transformer"
)

// TrainResult is what training came to.
type TrainResult struct {
	Weights  map[string][]float32 // trained ones, by name; nil where the last step failed
	Steps    int                  // taken, those before a resumption too
	Losses   []float64            // mean loss of each step's batch, before its update
	Held     []HeldLoss           // losses on the held-out sequences
	Best     *HeldLoss            // the lowest of Held; with Patience, Weights are those after it
	Tokens   int64                // predictions trained on, those of weight 0 among them
	Seconds  float64              // of the steps since the last start; compilation, evaluation and checkpoints included
	Inside   float64              // of Seconds, in the compiled steps; the rest is the loop's, and evaluation's and the saving of states where they are asked for
	Resumed  int                  // steps that a saved state began with
	Known    int                  // of Held, those that it had
	Warnings []string             // saved states that could not be read
}

// HeldLoss is the mean loss on the held-out sequences after a step.
type HeldLoss struct {
	Step int     `json:"step"`
	Loss float64 `json:"loss"`
}

// Train trains all weights of a model of configuration c for opt.Steps steps and returns them. weights are the starting point, by
// checkpoint name, and stay unchanged. next gives the batch of a step, counted from 1: sequences of T+1 tokens each, as many and as long in every
// step, whose first T tokens predict their last T. The rest is as in [Tune].
func Train(ctx context.Context, c *transformer.Config, weights map[string][]float32, next func(step int) [][]int32, opt TrainOptions, rec gomlxops.Recorder) (*TrainResult, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	p := &Problem{Config: c, Trained: map[string]Array{}}
	for _, s := range c.TensorShapes() {
		w := weights[s.Name]
		if len(w) != s.Elements() {
			return nil, fmt.Errorf("cannot train: tensor %s: expected %d numbers for shape %v, found %d", s.Name, s.Elements(), s.Shape, len(w))
		}
		p.Trained[s.Name] = Numbers(w, s.Shape...)
	}
	return Tune(ctx, p, func(step int) Batch { return Batch{Tokens: next(step)} }, opt, rec)
}

// Tune trains what p says for opt.Steps steps and returns it. next gives the batch of a step, counted from 1, and the same one whenever it is
// asked for the same step: as many sequences, equally long, in every step.
//
// Each step reports the metrics loss, learning_rate, grad_norm, tokens_per_second and memory_bytes (what the process holds), and
// progress of the stage "train".
//
// A loss or gradient that is not finite ends the training with an error that names the step. When ctx ends, Tune returns what has been trained,
// with the context's error.
func Tune(ctx context.Context, p *Problem, next func(step int) Batch, opt TrainOptions, rec gomlxops.Recorder) (*TrainResult, error) {
	opt = opt.withDefaults()
	p = p.with(opt)
	if err := errors.Join(p.validate(), opt.validate()); err != nil {
		return nil, err
	}
	b, err := gomlxops.Backend()
	if err != nil {
		return nil, err
	}
	keep, err := newKeeper(p, opt)
	if err != nil {
		return nil, err
	}
	l, err := p.load(b)
	if err != nil {
		return nil, err
	}
	s, err := newStepper(b, l, adamW{opt.Beta1, opt.Beta2, opt.Epsilon, opt.WeightDecay}, opt.ClipNorm)
	if err != nil {
		return nil, err
	}
	defer s.close()
	t := &training{stepper: s, opt: opt, config: p.Config, rec: gomlxops.OrDiscard(rec), result: &TrainResult{}, keep: keep}
	if err := t.resume(); err != nil {
		return nil, err
	}
	err = t.run(ctx, next)
	t.result.Weights = s.copies()
	if opt.Patience > 0 && t.best != nil && t.result.Weights != nil {
		t.result.Weights = t.best
	}
	return t.result, err
}

// training is one run of Tune.
type training struct {
	stepper *stepper
	opt     TrainOptions
	config  *transformer.Config
	rec     gomlxops.Recorder
	result  *TrainResult
	best    map[string][]float32 // weights after result.Best, with Patience
	worse   int                  // evaluations since
	batch   int                  // sequences evaluated at once; 0 until the first step
	keep    *keeper              // nil where no state is kept
	kept    int                  // the step that was saved last
}

// run takes the steps.
func (t *training) run(ctx context.Context, next func(step int) Batch) (err error) {
	start := time.Now()
	defer func() { t.result.Seconds, t.result.Inside = time.Since(start).Seconds(), t.stepper.inside.Seconds() }()
	if t.due() && t.batch > 0 {
		if err := t.after(ctx); err != nil { // a state was saved when its evaluation was interrupted
			return err
		}
	}
	var size [2]int
	for step := t.result.Steps + 1; step <= t.opt.Steps && !t.outOfPatience(); step++ {
		if err := ctx.Err(); err != nil {
			return errors.Join(err, t.save())
		}
		batch := next(step)
		if err := checkBatch(batch, t.config); err != nil {
			return fmt.Errorf("training step %d: %w", step, err)
		}
		got := [2]int{len(batch.Tokens), len(batch.Tokens[0])}
		if size == [2]int{} {
			size, t.batch = got, max(1, got[0]/t.opt.Accumulate)
		}
		if err := t.checkSize(step, size, got); err != nil {
			return err
		}
		if err := t.step(step, batch); err != nil {
			return err
		}
		if err := t.after(ctx); err != nil {
			return err
		}
	}
	return t.save()
}

func (t *training) outOfPatience() bool { return t.opt.Patience > 0 && t.worse >= t.opt.Patience }

func (t *training) checkSize(step int, want, got [2]int) error {
	if got != want {
		return fmt.Errorf("training step %d: expected %d sequences of %d tokens as in step 1, found %d of %d; another size would be compiled anew", step, want[0], want[1], got[0], got[1])
	}
	if got[0]%t.opt.Accumulate != 0 {
		return fmt.Errorf("training step %d: expected a batch that %d parts divide (option Accumulate), found %d sequences", step, t.opt.Accumulate, got[0])
	}
	return nil
}

// step trains on one batch and reports it.
func (t *training) step(step int, batch Batch) error {
	start, o := time.Now(), t.opt
	lr := schedule{o.Steps, o.WarmUp, o.LearningRate, o.MinLearningRate, o.Schedule}.at(step)
	loss, norm, err := t.stepper.take(batch.pieces(o.Accumulate, o.Seed, step), lr)
	if err != nil {
		return fmt.Errorf("training step %d: %w", step, err)
	}
	if !finite(loss) || !finite(norm) {
		t.stepper.drop()
		return fmt.Errorf("training step %d: loss %v with gradient norm %v is not finite; try a lower LearningRate than %v, a longer WarmUp than %d, or a smaller ClipNorm than %v",
			step, loss, norm, t.opt.LearningRate, t.opt.WarmUp, t.opt.ClipNorm)
	}
	predictions := len(batch.Tokens) * (len(batch.Tokens[0]) - 1)
	t.result.Steps, t.result.Tokens = step, t.result.Tokens+int64(predictions)
	t.result.Losses = append(t.result.Losses, loss)
	t.rec.Metric("loss", step, loss)
	t.rec.Metric("learning_rate", step, lr)
	t.rec.Metric("grad_norm", step, norm)
	t.rec.Metric("tokens_per_second", step, float64(predictions)/time.Since(start).Seconds())
	t.rec.Metric("memory_bytes", step, memoryBytes())
	t.rec.Progress("train", step, t.opt.Steps)
	return nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// memoryBytes is what the process has from the system, without what it gave back.
func memoryBytes() float64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return float64(samples[0].Value.Uint64() - samples[1].Value.Uint64())
}

// after evaluates, calls the checkpoint and saves the state where they are due.
func (t *training) after(ctx context.Context) error {
	step := t.result.Steps
	if t.due() {
		if err := t.evaluate(ctx, step); err != nil {
			err = fmt.Errorf("evaluation after step %d: %w", step, err)
			if ctx.Err() != nil {
				err = errors.Join(err, t.save())
			}
			return err
		}
	}
	if t.opt.Checkpoint != nil {
		if err := t.opt.Checkpoint(step, t.stepper.copies); err != nil {
			return fmt.Errorf("checkpoint after step %d: %w", step, err)
		}
	}
	if step%t.opt.SaveEvery == 0 {
		return t.save()
	}
	return nil
}

// due says whether the held-out sequences are to be measured now.
func (t *training) due() bool {
	step, e, held := t.result.Steps, t.opt.EvalEvery, t.result.Held
	return step > 0 && e > 0 && len(t.opt.Held) > 0 && (step%e == 0 || step == t.opt.Steps) && (len(held) == 0 || held[len(held)-1].Step != step)
}

// evaluate measures the held-out sequences, batch by batch, each prediction by its weight.
func (t *training) evaluate(ctx context.Context, step int) error {
	held := Batch{t.opt.Held, t.opt.HeldWeights}
	if err := checkBatch(held, t.config); err != nil {
		return err
	}
	sum := 0.0
	for from := 0; from < len(held.Tokens); from += t.batch {
		if err := ctx.Err(); err != nil {
			return err
		}
		to := min(from+t.batch, len(held.Tokens))
		part := piece{tokens: held.Tokens[from:to]}
		if held.Weights != nil {
			part.weights = held.Weights[from:to]
		}
		loss, err := t.stepper.evaluate(part)
		if err != nil {
			return err
		}
		sum += loss
	}
	t.note(HeldLoss{step, sum / weightOf([]piece{{held.Tokens, held.Weights, 0}})})
	return nil
}

// note keeps a held-out loss, and the weights where it is the lowest.
func (t *training) note(h HeldLoss) {
	t.result.Held = append(t.result.Held, h)
	t.rec.Metric("eval_loss", h.Step, h.Loss)
	t.worse++
	if t.result.Best == nil || h.Loss < t.result.Best.Loss {
		t.result.Best, t.worse = &h, 0
		if t.opt.Patience > 0 {
			t.best = t.stepper.copies()
		}
	}
}

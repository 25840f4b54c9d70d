package recovery

import "fmt"

// TrainOptions says how [Train] trains. Steps must be set; the zero value of everything else works.
type TrainOptions struct {
	Steps  int // at least 1
	WarmUp int // steps over which the learning rate rises; fewer than Steps. 0 is none

	LearningRate    float64 // the highest; 0 is 1e-3, which suits models of a few million parameters
	MinLearningRate float64 // that of the last step; at most LearningRate. 0 falls to nothing
	WeightDecay     float64 // of matrices; vectors have none. 0 is none
	Beta1, Beta2    float64 // memory of AdamW's running means, in [0,1); 0 is 0.9 and 0.999, as torch
	Epsilon         float64 // 0 is 1e-8, as torch
	ClipNorm        float64 // largest norm of all gradients together; 0 is 1, negative is no clipping

	Schedule   string // Cosine, which empty is too, Line or Constant
	Accumulate int    // parts that a step's batch is cut into, which must divide it: less memory, the same gradient. 0 is 1
	Seed       uint64 // of dropout

	Recompute bool   // as the [Problem]'s
	DType     string // likewise

	Teacher *Teacher // stands in the place of the problem's; for [Recover], [TuneFactor] and [TuneAll], which make their problem themselves

	// Held is measured without training on it, as metric "eval_loss": every EvalEvery steps (0 is never) and after the last one.
	// HeldWeights are as [Batch.Weights].
	Held        [][]int32
	HeldWeights [][]float32
	EvalEvery   int
	// Patience, where positive, ends the training when so many evaluations in a row have not bettered the lowest loss, and returns the
	// weights of the lowest.
	Patience int

	// Dir, where not empty, is the directory that keeps the state of the training. A training that finds its own
	// state there goes on from it, to the same numbers as if it had never stopped. SaveEvery is in steps, 0 is 100; the state is
	// saved after the last step too, and when the context ends. Data names the batches that the training gets, seed and all: it is
	// how a state of other data is told from this one's.
	Dir       string
	SaveEvery int
	Data      string

	// Checkpoint is called after every step, counted from 1. weights copies the trained weights as they are now; a step that saves nothing
	// does not call it. An error ends the training.
	Checkpoint func(step int, weights func() map[string][]float32) error
}

// withDefaults fills in what was left zero.
func (o TrainOptions) withDefaults() TrainOptions {
	for _, f := range []struct {
		field *float64
		value float64
	}{{&o.LearningRate, 1e-3}, {&o.Beta1, 0.9}, {&o.Beta2, 0.999}, {&o.Epsilon, 1e-8}, {&o.ClipNorm, 1}} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	if o.Schedule == "" {
		o.Schedule = Cosine
	}
	o.Accumulate = max(1, o.Accumulate)
	if o.SaveEvery == 0 {
		o.SaveEvery = 100
	}
	return o
}

// Check names an option that cannot be, as [Tune] would.
func (o TrainOptions) Check() error { return o.withDefaults().validate() }

// validate names the option that cannot be. The comparisons are written so that NaN fails them.
func (o TrainOptions) validate() error {
	switch {
	case o.Steps < 1:
		return fmt.Errorf("training option Steps: expected at least 1, found %d", o.Steps)
	case o.WarmUp < 0 || o.WarmUp >= o.Steps:
		return fmt.Errorf("training option WarmUp: expected from 0 to %d, fewer than Steps, found %d", o.Steps-1, o.WarmUp)
	case !(o.LearningRate > 0 && o.LearningRate <= 1):
		return fmt.Errorf("training option LearningRate: expected above 0 and at most 1, found %v", o.LearningRate)
	case !(o.MinLearningRate >= 0 && o.MinLearningRate <= o.LearningRate):
		return fmt.Errorf("training option MinLearningRate: expected from 0 to LearningRate %v, found %v", o.LearningRate, o.MinLearningRate)
	case !(o.WeightDecay >= 0 && o.WeightDecay*o.LearningRate < 1):
		return fmt.Errorf("training option WeightDecay: expected from 0 to 1/LearningRate, found %v", o.WeightDecay)
	case !(o.Beta1 >= 0 && o.Beta1 < 1):
		return fmt.Errorf("training option Beta1: expected at least 0 and below 1, found %v", o.Beta1)
	case !(o.Beta2 >= 0 && o.Beta2 < 1):
		return fmt.Errorf("training option Beta2: expected at least 0 and below 1, found %v", o.Beta2)
	case !(o.Epsilon > 0):
		return fmt.Errorf("training option Epsilon: expected above 0, found %v", o.Epsilon)
	case o.ClipNorm != o.ClipNorm:
		return fmt.Errorf("training option ClipNorm: expected a number, found %v", o.ClipNorm)
	}
	return o.validateRest()
}

func (o TrainOptions) validateRest() error {
	switch {
	case o.DType != "" && o.DType != Float32 && o.DType != BFloat16:
		return fmt.Errorf("training option DType: expected %s or %s, found %q", Float32, BFloat16, o.DType)
	case o.EvalEvery < 0:
		return fmt.Errorf("training option EvalEvery: expected at least 0, found %d", o.EvalEvery)
	case o.Schedule != Cosine && o.Schedule != Line && o.Schedule != Constant:
		return fmt.Errorf("training option Schedule: expected %s, %s or %s, found %q", Cosine, Line, Constant, o.Schedule)
	case o.Patience < 0 || o.Patience > 0 && (o.EvalEvery == 0 || len(o.Held) == 0):
		return fmt.Errorf("training option Patience: expected at least 0, and above 0 only with Held and EvalEvery, found %d", o.Patience)
	case o.SaveEvery < 0:
		return fmt.Errorf("training option SaveEvery: expected at least 0, found %d", o.SaveEvery)
	}
	return nil
}

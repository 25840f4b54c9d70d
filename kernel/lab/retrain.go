package lab

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/recovery"
	"github.com/parelab/pare/gomlxops/transformer"
)

// retraining is one recovery under way.
type retraining struct {
	Recovery
	smaller *transformer.Variant // what is trained, or stands beside what is trained
	base    string               // what an adapter says that it stands beside
	dir     string               // for a model whose every number is trained
	state   string               // directory that keeps the training's state
	lessons *lessons
	teacher *recovery.Teacher
	adapter *recovery.Adapter // untrained; nil where the model itself is trained
	rec     gomlxops.Recorder
}

// retrained is what came of it.
type retrained struct {
	variant *transformer.Variant
	adapter *recovery.Adapter  // nil where none was trained
	model   *transformer.Model // the variant's, where the training made it
	results []*recovery.TrainResult
	params  int64 // trained numbers
}

// train trains what the recovery says.
func (t *retraining) train(ctx context.Context) (*retrained, error) {
	switch t.Trained {
	case ByTwoSided:
		return t.twoSided(ctx)
	case ByAll:
		return t.all(ctx)
	}
	trained, result, err := recovery.Recover(ctx, t.smaller, t.adapter, t.lessons.next, t.options(), t.rec)
	if err != nil {
		return nil, err
	}
	v, err := trained.Apply(t.smaller)
	return &retrained{variant: v, adapter: trained, results: []*recovery.TrainResult{result}, params: t.adapter.Params()}, err
}

// prepare makes the adapter, before anything is measured.
func (t *retraining) prepare() (err error) {
	switch t.Trained {
	case BySubspace:
		t.adapter, err = recovery.NewSubspace(t.smaller, t.subspace())
	case ByLoRA:
		t.adapter, err = recovery.NewLoRA(t.smaller, t.lora(t.base))
	}
	return err
}

// options are those of the training loop.
func (t *retraining) options() recovery.TrainOptions {
	o := t.loop()
	o.Teacher, o.Dir, o.Data = t.teacher, t.state, t.lessons.name+" "+t.lessons.digest
	o.Held, o.HeldWeights = t.lessons.held.Tokens, t.lessons.held.Weights
	return o
}

// twoSided trains the outer factors with the first half of the steps and the inner ones with the rest, so that it learns from as much text as the
// other recoveries. Steps are counted through.
func (t *retraining) twoSided(ctx context.Context) (*retrained, error) {
	out := &retrained{variant: t.smaller}
	first := (t.Steps + 1) / 2
	for i, factor := range []string{"B", "A"} {
		opt, from := t.options(), i*first
		opt.Steps = []int{first, t.Steps - first}[i]
		opt.WarmUp, opt.Dir = min(opt.WarmUp, opt.Steps-1), filepath.Join(t.state, factor)
		opt.Data += " " + factor
		next := func(step int) recovery.Batch { return t.lessons.next(from + step) }
		tuned, result, err := recovery.TuneFactor(ctx, out.variant, factor, t.Targets, next, opt, shifted{t.rec, from, t.Steps})
		if err != nil {
			return nil, err
		}
		out.variant, out.results = tuned, append(out.results, result)
		for _, w := range result.Weights {
			out.params += int64(len(w))
		}
	}
	return out, nil
}

// shifted counts the steps of a training as part of a longer one.
type shifted struct {
	gomlxops.Recorder
	from, total int
}

func (s shifted) Metric(name string, step int, value float64) {
	s.Recorder.Metric(name, s.from+step, value)
}

func (s shifted) Progress(stage string, done, _ int) {
	s.Recorder.Progress(stage, s.from+done, s.total)
}

// all trains every number, and writes the model that comes of it.
func (t *retraining) all(ctx context.Context) (*retrained, error) {
	result, err := recovery.TuneAll(ctx, t.smaller, t.lessons.next, t.options(), t.rec)
	if err != nil {
		return nil, err
	}
	files, err := t.smaller.Model().SideFiles()
	if err != nil {
		return nil, err
	}
	m, err := recovery.Rebuild(ctx, t.dir, t.smaller, result.Weights, files)
	if err != nil {
		return nil, fmt.Errorf("cannot keep the trained model: %w", err)
	}
	out := &retrained{variant: m.Dense(), model: m, results: []*recovery.TrainResult{result}}
	for _, w := range result.Weights {
		out.params += int64(len(w))
	}
	return out, nil
}

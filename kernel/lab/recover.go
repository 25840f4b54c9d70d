package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/recovery"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/internal/durable"
	"github.com/parelab/pare/tracker"
)

// Recover makes the model smaller as the attempt says, wins quality back as the recovery says, measures both, and records all as a trial of the
// study. An attempt of method [Dense] recovers the model as it is, as a directory that an earlier attempt has left.
//
// What has been trained is kept as it goes: the same call goes on from there after an interrupt or a crash, to the same numbers.
func (s *Study) Recover(ctx context.Context, m *Model, a Attempt, r Recovery) (*Recovered, error) {
	r = r.withDefaults(m)
	if err := errors.Join(r.check(), a.check()); err != nil {
		return nil, err
	}
	data, err := s.lab.lessons(m, r)
	if err != nil {
		return nil, err
	}
	run, err := s.startRecovery(ctx, m, a, r, data)
	if err != nil {
		return nil, err
	}
	out, err := s.recover(ctx, run, m, a, r, data)
	if ended := run.Finish(err); err == nil {
		err = ended
	}
	if err != nil {
		return nil, fmt.Errorf("study %s, trial %d: %w", s.Name, run.Number(), err)
	}
	return out, nil
}

func (s *Study) startRecovery(ctx context.Context, m *Model, a Attempt, r Recovery, data *lessons) (*tracker.Run, error) {
	o, err := s.attemptOrigin(m, a)
	if err != nil {
		return nil, err
	}
	o.Digests["train"] = data.digest
	params := a.params(m)
	if seed, ok := params[seedParam]; ok { // the recovery's own is what tells repetitions apart
		params["calibration_seed"] = seed
	}
	parent, err := s.parent(ctx, m, a)
	if err != nil {
		return nil, err
	}
	if parent != "" {
		params[parentParam] = tracker.String(parent)
	}
	maps.Copy(params, r.params())
	params["label"] = tracker.String(recoveredLabel(a, r))
	maps.Copy(params, s.Measure.withDefaults(m).params())
	o.Seeds["recovery"] = r.Seed
	return tracker.Start(ctx, s.lab.Store, tracker.Attempt{Study: s.Name, Params: params, Origin: o})
}

// recoveredLabel names an attempt with what won quality back.
func recoveredLabel(a Attempt, r Recovery) string {
	if a.Method == Dense {
		return r.Label()
	}
	return a.Label() + " + " + r.Label()
}

func (s *Study) recover(ctx context.Context, run *tracker.Run, m *Model, a Attempt, r Recovery, data *lessons) (*Recovered, error) {
	watch := s.lab.watch(fmt.Sprintf("Trial %d: %s, %s", run.Number(), a, r.Label()))
	defer watch.Close()
	if c, ok := watch.(interface{ Curve(metrics ...string) }); ok {
		c.Curve("loss", "eval_loss")
	}
	rec := both{run, watch}
	between, err := s.lab.between()
	if err != nil {
		return nil, err
	}
	defer between.Remove()
	placed := a
	if (a.Method == Prune || a.Then != "") && a.Out == "" {
		placed.Out = filepath.Join(between.Dir, "smaller") // a merged model takes its tokenizer from there
	}
	small, err := s.lab.Compress(ctx, m, placed, rec)
	if err != nil {
		return nil, err
	}
	if err := recordSmaller(run, small); err != nil {
		return nil, err
	}
	if err := a.save(ctx, run, small.Variant, rec); err != nil {
		return nil, err
	}
	out := &Recovered{Attempt: a, Recovery: r, Smaller: small, Trial: run.Number()}
	t := &retraining{Recovery: r, smaller: small.Variant, base: cmp.Or(a.Out, m.Name), dir: cmp.Or(r.Out, filepath.Join(between.Dir, "trained")), lessons: data, rec: rec}
	if err := t.prepare(); err != nil {
		return nil, err
	}
	if out.Before, err = s.qualityBefore(ctx, m, a, small.Variant, rec); err != nil {
		return nil, err
	}
	if err := s.retrain(ctx, m, t, out); err != nil {
		return nil, err
	}
	if err := out.save(ctx, run, s.lab, rec); err != nil {
		return nil, err
	}
	if out.After, err = s.quality(ctx, m, out.Variant, rec); err != nil {
		return nil, err
	}
	if err := out.record(run, rec); err != nil {
		return nil, err
	}
	return out, os.RemoveAll(t.state) // everything that it was for is on disk and on record
}

// retrain trains, from where an earlier run has come to.
func (s *Study) retrain(ctx context.Context, m *Model, t *retraining, out *Recovered) (err error) {
	closeTeacher, err := t.learnFrom(s.lab, m)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeTeacher()) }()
	if t.state, err = s.lab.stateDir(m, out.Attempt, t); err != nil {
		return err
	}
	if t.Fresh {
		if err := os.RemoveAll(t.state); err != nil {
			return err
		}
	}
	out.retrained, err = t.train(ctx)
	if err != nil {
		return err
	}
	out.Variant = out.retrained.variant
	return nil
}

// learnFrom opens the teacher.
func (t *retraining) learnFrom(l *Lab, m *Model) (done func() error, err error) {
	done = func() error { return nil }
	if t.Teach == 0 {
		return done, nil
	}
	if t.Teacher != "" {
		if m, err = l.Open(t.Teacher); err != nil {
			return done, fmt.Errorf("teacher: %w", err)
		}
		done = m.Close
	}
	t.teacher = &recovery.Teacher{Config: m.Config(), Weights: recovery.VariantArrays(m.Dense()), Share: t.Teach, Temperature: t.Temperature}
	return done, nil
}

// stateDir is where the state of a recovery lies, by all that its numbers follow from.
func (l *Lab) stateDir(m *Model, a Attempt, t *retraining) (string, error) {
	digest, err := m.Digest()
	if err != nil {
		return "", err
	}
	return filepath.Join(l.Home, "recovering", key("recovery 1", digest, settings(a.params(m)), settings(t.params()), t.EvalEvery, t.lessons.name, t.lessons.digest)[:16]), nil
}

// between is a directory for what is needed until a recovery ends.
func (l *Lab) between() (*durable.Workspace, error) {
	if err := os.MkdirAll(l.Home, 0o755); err != nil {
		return nil, err
	}
	return durable.NewWorkspace(l.Home, ".recovering-")
}

// quality measures a variant as the study measures.
func (s *Study) quality(ctx context.Context, m *Model, v *transformer.Variant, rec gomlxops.Recorder) (q Quality, err error) {
	if s.Measure.Nothing {
		return q, nil
	}
	if q.Measured, err = s.measureAll(ctx, m, v, rec); err != nil || len(s.Measure.Questions.Tasks) == 0 {
		return q, err
	}
	q.Answers, err = s.lab.ask(ctx, m, v, s.Measure.Questions, rec)
	return q, err
}

// qualityBefore measures what an attempt made. A study measures it once for all recoveries that begin with it.
func (s *Study) qualityBefore(ctx context.Context, m *Model, a Attempt, v *transformer.Variant, rec gomlxops.Recorder) (Quality, error) {
	digest, err := m.Digest()
	if err != nil {
		return Quality{}, err
	}
	at := key(digest, settings(a.params(m)), fmt.Sprintf("%+v", s.Measure))
	q, known := s.before[at]
	rec = suffixed{rec, beforeSuffix}
	if !known {
		if q, err = s.quality(ctx, m, v, rec); err == nil {
			s.before[at] = q
		}
		return q, err
	}
	for i, measured := range s.Measure.withDefaults(m).questions() {
		p := q.Measured[i]
		rec.Metric(measured.metric, 0, p.Value)
		rec.Metric(stderrOf(measured.metric), 0, p.Value*p.StdErr)
	}
	return q, nil
}

// suffixed gives metrics and stages other names.
type suffixed struct {
	gomlxops.Recorder
	suffix string
}

func (s suffixed) Metric(name string, step int, value float64) {
	if of, ok := strings.CutSuffix(name, stderrOf("")); ok {
		s.Recorder.Metric(stderrOf(of+s.suffix), step, value)
		return
	}
	s.Recorder.Metric(name+s.suffix, step, value)
}

func (s suffixed) Progress(stage string, done, total int) {
	s.Recorder.Progress(stage+" before", done, total)
}

// beforeSuffix is behind the names of metrics that were measured before a recovery.
const beforeSuffix = "_before"

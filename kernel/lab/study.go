package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/evaluate"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/tracker"
)

// Study is a question that several attempts answer: how low does perplexity stay?
type Study struct {
	Name    string
	Measure Measure
	lab     *Lab
	before  map[string]Quality // measured already, by model and attempt
}

// NewStudy opens the study of that name, or makes it.
func (l *Lab) NewStudy(ctx context.Context, name string, measure Measure) (*Study, error) {
	if err := measure.check(); err != nil {
		return nil, err
	}
	_, err := l.Store.CreateStudy(ctx, tracker.Study{Name: name, Metric: perplexityMetric, Direction: tracker.Minimize})
	if err != nil {
		return nil, err
	}
	own := *l
	if own.texts = maps.Clone(l.texts); own.texts == nil {
		own.texts = map[string]*Tokens{}
	}
	return &Study{Name: name, Measure: measure, lab: &own, before: map[string]Quality{}}, nil
}

// Try makes the model smaller as the attempt says, measures it, writes it where the attempt says so, and records all as a trial
// of the study: also one that fails or is interrupted, but not one that [Lab.Check] refuses.
func (s *Study) Try(ctx context.Context, m *Model, a Attempt) (*Outcome, error) {
	if err := s.lab.Check(m, a); err != nil {
		return nil, err
	}
	run, err := s.start(ctx, m, a)
	if err != nil {
		return nil, err
	}
	out, err := s.try(ctx, run, m, a)
	if ended := run.Finish(err); err == nil {
		err = ended
	}
	if err != nil {
		return nil, fmt.Errorf("study %s, trial %d: %w", s.Name, run.Number(), err)
	}
	return out, nil
}

func (s *Study) start(ctx context.Context, m *Model, a Attempt) (*tracker.Run, error) {
	o, err := s.attemptOrigin(m, a)
	if err != nil {
		return nil, err
	}
	params := a.params(m)
	maps.Copy(params, s.Measure.withDefaults(m).params())
	return tracker.Start(ctx, s.lab.Store, tracker.Attempt{Study: s.Name, Params: params, Origin: o})
}

// attemptOrigin is where a trial of the attempt comes from.
func (s *Study) attemptOrigin(m *Model, a Attempt) (o tracker.Origin, err error) {
	digest, err := m.Digest()
	if err != nil {
		return o, err
	}
	digests, seeds := map[string]string{"model": digest}, map[string]uint64{}
	measure := s.Measure.withDefaults(m)
	note := func(what, text string, part Part) {
		if t, err := s.lab.Tokens(m, text, part); err == nil { // a text that cannot be read fails the trial, not its record
			digests[what] = t.Digest
		}
	}
	for _, q := range measure.questions() {
		note(q.metric, q.text, q.part)
	}
	if a.looksAtText() {
		o := a.calibration(m)
		note("calibration", o.Text, CalibrationPart)
		seeds["calibration"] = o.Seed
	}
	return origin(seeds, digests), nil
}

func (s *Study) try(ctx context.Context, run *tracker.Run, m *Model, a Attempt) (*Outcome, error) {
	watch := s.lab.watch(fmt.Sprintf("Trial %d: %s", run.Number(), a))
	defer watch.Close()
	rec := both{run, watch}
	small, err := s.lab.Compress(ctx, m, a, rec)
	if err != nil {
		return nil, err
	}
	out := &Outcome{Smaller: small, Trial: run.Number()}
	if err := recordSmaller(run, small); err != nil {
		return nil, err
	}
	if err := a.save(ctx, run, small.Variant, rec); err != nil {
		return nil, err
	}
	if a.Latency {
		if out.Latency, err = latencies(ctx, m, small.Variant, rec); err != nil {
			return nil, err
		}
		out.Latency.record(rec)
	}
	if s.Measure.Nothing {
		return out, nil
	}
	if out.Measured, err = s.measureAll(ctx, m, small.Variant, rec); err != nil {
		return nil, err
	}
	if err := keep(run, "perplexity.json", out.Measured); err != nil || len(s.Measure.Questions.Tasks) == 0 {
		return out, err
	}
	if out.Answers, err = s.lab.ask(ctx, m, small.Variant, s.Measure.Questions, rec); err != nil {
		return nil, err
	}
	return out, out.Answers.record(run, rec)
}

// save writes the variant where the attempt says so.
func (a Attempt) save(ctx context.Context, run *tracker.Run, v *transformer.Variant, rec gomlxops.Recorder) error {
	if a.Out == "" {
		return nil
	}
	if a.Method != Prune && a.Then == "" { // others have written it
		if err := transformer.Save(ctx, a.Out, v, transformer.SaveOptions{Overwrite: a.Overwrite, Recorder: rec}); err != nil {
			return err
		}
	}
	return run.Reference("model", a.Out)
}

// recordSize records how large the variant is, counted from what it holds.
func recordSize(run *tracker.Run, v *transformer.Variant) {
	size := evaluate.Size(v)
	run.Metric("parameters", 0, float64(size.Params))
	run.Metric("linear_parameters", 0, float64(size.LinearParams))
	run.Metric("removed", 0, size.Removed)
}

// keep stores v as a JSON file of the trial.
func keep(run *tracker.Run, name string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return run.FileBytes(name, data)
}

// both reports to a trial's record and to the eye.
type both struct {
	run   *tracker.Run
	watch Watcher
}

func (b both) Metric(name string, step int, value float64) {
	b.run.Metric(name, step, value)
	b.watch.Metric(name, step, value)
}

func (b both) Progress(stage string, done, total int) {
	b.run.Progress(stage, done, total)
	b.watch.Progress(stage, done, total)
}

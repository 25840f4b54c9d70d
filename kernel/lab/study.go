package lab

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/evaluate"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/tracker"
)

// perplexityMetric is what studies of this package compare by.
const perplexityMetric = "perplexity"

// elsewhereMetric is perplexity on the second text.
const elsewhereMetric = "perplexity_elsewhere"

// stderrOf names the metric that holds the standard error of another.
func stderrOf(metric string) string { return metric + "_stderr" }

// Measure says what every attempt of a study is measured on.
type Measure struct {
	Text      string // see Lab.Tokens; its HeldOut part. Default "pocket"
	Elsewhere string // another text, all of it, to see how the result carries over; "" measures none
	Blocks    int    // blocks of each text, spread evenly; default 100, -1 takes all
	Length    int    // tokens per block; default 256, or the model's longest if that is less
}

func (o Measure) withDefaults(m *Model) Measure {
	if o.Text == "" {
		o.Text = Pocket
	}
	if o.Blocks == 0 {
		o.Blocks = 100
	}
	if o.Length == 0 {
		o.Length = min(256, m.Config().MaxPositions)
	}
	return o
}

// Study is a question that several attempts answer: how low does perplexity stay?
type Study struct {
	Name    string
	Measure Measure
	lab     *Lab
	texts   map[string]*Tokens // what is measured on, by model and name
}

// NewStudy opens the study of that name, or makes it.
func (l *Lab) NewStudy(ctx context.Context, name string, measure Measure) (*Study, error) {
	_, err := l.Store.CreateStudy(ctx, tracker.Study{Name: name, Metric: perplexityMetric, Direction: tracker.Minimize})
	if err != nil {
		return nil, err
	}
	return &Study{Name: name, Measure: measure, lab: l, texts: map[string]*Tokens{}}, nil
}

// Try makes the model smaller as the attempt says, measures it, and records both as a trial of the study: also one that
// fails or is interrupted.
func (s *Study) Try(ctx context.Context, m *Model, a Attempt) (*Outcome, error) {
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
	digest, err := m.Digest()
	if err != nil {
		return nil, err
	}
	digests, seeds := map[string]string{"model": digest}, map[string]uint64{}
	if a.Moments != nil {
		digests["calibration"] = a.Moments.Text.Digest
		seeds["calibration"] = a.Moments.Options.Seed
	}
	return tracker.Start(ctx, s.lab.Store, tracker.Attempt{Study: s.Name, Params: a.params(m), Origin: origin(seeds, digests)})
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
	recordSize(run, small.Variant)
	if small.Allocation != nil {
		if err := keep(run, "allocation.json", small.Allocation); err != nil {
			return nil, err
		}
	}
	if out.Measured, err = s.measureAll(ctx, m, small.Variant, rec); err != nil {
		return nil, err
	}
	return out, keep(run, "perplexity.json", out.Measured)
}

// recordSize records how large the variant is, counted from what it holds.
func recordSize(run *tracker.Run, v *transformer.Variant) {
	size := evaluate.Size(v)
	run.Metric("parameters", 0, float64(size.Params))
	run.Metric("linear_parameters", 0, float64(size.LinearParams))
	run.Metric("removed", 0, size.Removed)
}

// question is one measurement: a text, which part of it, and the metric's name.
type question struct {
	text   string
	part   Part
	metric string
}

// measureAll returns the perplexity of a variant on the study's texts.
func (s *Study) measureAll(ctx context.Context, m *Model, v *transformer.Variant, rec gomlxops.Recorder) ([]*evaluate.Perplexity, error) {
	opt := s.Measure.withDefaults(m)
	on := []question{{opt.Text, HeldOutPart, perplexityMetric}}
	if opt.Elsewhere != "" {
		on = append(on, question{opt.Elsewhere, WholeText, elsewhereMetric})
	}
	var all []*evaluate.Perplexity
	for _, q := range on {
		text, err := s.tokens(m, q)
		if err != nil {
			return nil, err
		}
		p, err := text.perplexity(ctx, v, opt, rec)
		if err != nil {
			return nil, err
		}
		rec.Metric(q.metric, 0, p.Value)
		rec.Metric(stderrOf(q.metric), 0, p.Value*p.StdErr) // to first order, since d exp(l) = exp(l) dl
		all = append(all, p)
	}
	return all, nil
}

// perplexity measures a variant on blocks of the text.
func (t *Tokens) perplexity(ctx context.Context, v *transformer.Variant, opt Measure, rec gomlxops.Recorder) (*evaluate.Perplexity, error) {
	blocks, err := t.Blocks(opt.Blocks, opt.Length)
	if err != nil {
		return nil, err
	}
	return evaluate.MeasurePerplexity(ctx, v, blocks, t.protocol(), rec)
}

// Perplexity measures a model as it is on one text, without a record. See [Measure].
func (l *Lab) Perplexity(ctx context.Context, m *Model, opt Measure) (*evaluate.Perplexity, error) {
	opt = opt.withDefaults(m)
	text, err := l.Tokens(m, opt.Text, HeldOutPart)
	if err != nil {
		return nil, err
	}
	watch := l.watch("Perplexity on " + text.String())
	defer watch.Close()
	return text.perplexity(ctx, m.Dense(), opt, watch)
}

// tokens reads a text for a model once in the life of the study.
func (s *Study) tokens(m *Model, q question) (*Tokens, error) {
	digest, err := m.Digest()
	if err != nil {
		return nil, err
	}
	at := key(digest, q.text)
	if s.texts[at] == nil {
		if s.texts[at], err = s.lab.Tokens(m, q.text, q.part); err != nil {
			return nil, err
		}
	}
	return s.texts[at], nil
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

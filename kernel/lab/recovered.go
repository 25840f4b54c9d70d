package lab

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/evaluate"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/kernel/show"
	"github.com/parelab/pare/tracker"
)

// Quality is what a study measures of a variant.
type Quality struct {
	Measured []*evaluate.Perplexity `json:"perplexity"` // on the study's texts
	Answers  *Answers               `json:"questions"`  // nil where the study asks none
}

// Recovered is what came of a recovery.
type Recovered struct {
	Attempt  Attempt
	Recovery Recovery // with its defaults
	Trial    int      // number in the study
	Smaller  *Smaller // before the training
	Variant  *transformer.Variant
	Before   Quality
	After    Quality
	Adapter  string // its directory; "" where none was trained
	Warnings []string

	*retrained
}

// Close lets go of models that the recovery made. Nothing of its variants may be used afterwards.
func (r *Recovered) Close() error {
	err := r.Smaller.Close()
	if r.retrained != nil && r.model != nil {
		err = errors.Join(err, r.model.Close())
	}
	return err
}

// Params counts the numbers that were trained.
func (r *Recovered) Params() int64 { return r.params }

// Steps counts those taken, Resumed those of them that an earlier run had taken, and Tokens the predictions trained on.
func (r *Recovered) Steps() (steps, resumed int, tokens int64) {
	for _, t := range r.results {
		steps, resumed, tokens = steps+t.Steps, resumed+t.Resumed, tokens+t.Tokens
	}
	return steps, resumed, tokens
}

// Seconds is how long the training took since the last start.
func (r *Recovered) Seconds() (sum float64) {
	for _, t := range r.results {
		sum += t.Seconds
	}
	return sum
}

// save keeps what was trained where the recovery says, and names it in the trial.
func (r *Recovered) save(ctx context.Context, run *tracker.Run, l *Lab, rec gomlxops.Recorder) error {
	o := r.Recovery
	if r.adapter == nil {
		return r.saveModel(ctx, run, rec)
	}
	r.Adapter = o.Out
	if r.Adapter == "" {
		r.Adapter = filepath.Join(l.Home, "adapters", run.ID())
	}
	if err := r.adapter.Save(r.Adapter); err != nil {
		return err
	}
	if err := run.Reference("adapter", r.Adapter); err != nil || o.Merge == "" {
		return err
	}
	merged, err := r.adapter.Merge(r.Smaller.Variant)
	if err != nil {
		return err
	}
	if err := transformer.Save(ctx, o.Merge, merged, transformer.SaveOptions{Overwrite: o.Overwrite, Recorder: rec}); err != nil {
		return err
	}
	return run.Reference("model", o.Merge)
}

// saveModel writes a model whose own numbers were trained.
func (r *Recovered) saveModel(ctx context.Context, run *tracker.Run, rec gomlxops.Recorder) error {
	out := r.Recovery.Out
	if out == "" {
		return nil
	}
	if r.model == nil { // otherwise it lies there
		if err := transformer.Save(ctx, out, r.Variant, transformer.SaveOptions{DType: "F32", Recorder: rec}); err != nil {
			return err
		}
	}
	return run.Reference("model", out)
}

// The metrics of a recovery beside those of an attempt, and of the training loop.
const (
	trainedMetric = "trained_parameters"
	secondsMetric = "train_seconds"
	tokensMetric  = "train_tokens"
)

// record keeps what the recovery came to. The losses of an earlier run that this one went on from are told once more, so that the trial has all of them.
func (r *Recovered) record(run *tracker.Run, rec gomlxops.Recorder) error {
	from := 0
	for _, t := range r.results {
		for i, loss := range t.Losses[:t.Resumed] {
			run.Metric("loss", from+i+1, loss)
		}
		for _, h := range t.Held[:t.Known] {
			run.Metric("eval_loss", from+h.Step, h.Loss)
		}
		from += t.Steps
		r.Warnings = append(r.Warnings, t.Warnings...)
	}
	_, resumed, tokens := r.Steps()
	run.Metric(trainedMetric, 0, float64(r.params))
	run.Metric(secondsMetric, 0, r.Seconds())
	run.Metric(tokensMetric, 0, float64(tokens))
	if resumed > 0 {
		run.Metric("resumed_steps", 0, float64(resumed))
	}
	r.Warnings = append(r.Warnings, r.Smaller.Warnings...)
	if err := keep(run, "perplexity.json", r.After.Measured); err != nil || r.After.Answers == nil {
		return err
	}
	return errors.Join(r.Before.Answers.report(suffixed{rec, beforeSuffix}), r.After.Answers.record(run, rec))
}

// Facts says what was trained, and what it won back.
func (r *Recovered) Facts() show.Fragment {
	steps, resumed, tokens := r.Steps()
	taken := fmt.Sprint(steps)
	if resumed > 0 {
		taken += fmt.Sprintf(", of which an earlier run took %d", resumed)
	}
	items := []show.Fact{
		{Name: "trained", Value: r.Recovery.Label()},
		{Name: "on", Value: r.Recovery.data()},
		{Name: "trained parameters", Value: r.params},
		{Name: "of the model's", Value: float64(r.params) / float64(r.Smaller.Variant.Params()), Format: show.Percent},
		{Name: "steps", Value: taken},
		{Name: "tokens", Value: tokens},
		{Name: "took", Value: r.Seconds(), Format: show.Seconds},
	}
	losses := r.Losses()
	if n := len(losses); n > 0 {
		items = append(items, show.Fact{Name: "loss, first and last step", Value: fmt.Sprintf("%.4f, %.4f", losses[0], losses[n-1])})
	}
	for i, after := range r.After.Measured {
		name := "perplexity on " + after.Data
		items = append(items, show.Fact{Name: name + " before", Value: estimate(r.Before.Measured[i]), Format: "%.4f"}, show.Fact{Name: name + " after", Value: estimate(after), Format: "%.4f"})
	}
	if r.After.Answers != nil {
		for i, after := range r.After.Answers.Results {
			b, _ := r.Before.Answers.Results[i].Metric(after.Metrics[0])
			a, _ := after.Metric(after.Metrics[0])
			name := after.Task + " " + after.Metrics[0]
			items = append(items, show.Fact{Name: name + " before", Value: show.Estimate{Value: b.Value, Spread: b.StdErr}, Format: "%.4f"},
				show.Fact{Name: name + " after", Value: show.Estimate{Value: a.Value, Spread: a.StdErr}, Format: "%.4f"})
		}
	}
	switch {
	case r.Recovery.Out != "":
		items = append(items, show.Fact{Name: "written to", Value: r.Recovery.Out})
	case r.Adapter != "": // of which no notebook needs to know where Home is
		items = append(items, show.Fact{Name: "adapter", Value: filepath.Join("adapters", filepath.Base(r.Adapter)) + ", with the record"})
	}
	return show.Facts{Title: "Recovery", Items: items, Caption: strings.Join(r.Warnings, " ")}
}

func estimate(p *evaluate.Perplexity) show.Estimate {
	return show.Estimate{Value: p.Value, Spread: p.Value * p.StdErr}
}

// Losses are those of all steps.
func (r *Recovered) Losses() (all []float64) {
	for _, t := range r.results {
		all = append(all, t.Losses...)
	}
	return all
}

// Curve draws the loss over the steps, each with those about it taken together, and the loss on what was not trained on.
func (r *Recovered) Curve() show.Fragment {
	c := show.Chart{Title: "Training " + r.Recovery.Label(), X: show.Axis{Label: "step"}, Y: show.Axis{Label: "loss"}}
	losses := r.Losses()
	smooth := smoothed(losses, len(losses)/40)
	x := make([]float64, len(losses))
	for i := range x {
		x[i] = float64(i + 1)
	}
	c.Series = []show.Series{{Name: "training", X: x, Y: smooth}}
	held, from := show.Series{Name: "held out"}, 0
	for _, t := range r.results {
		for _, h := range t.Held {
			held.X, held.Y = append(held.X, float64(from+h.Step)), append(held.Y, h.Loss)
		}
		from += t.Steps
	}
	if len(held.X) > 0 {
		c.Series = append(c.Series, held)
	}
	return c
}

// smoothed is the mean of each value and up to n on both sides of it.
func smoothed(values []float64, n int) []float64 {
	out := make([]float64, len(values))
	for i := range values {
		about := values[max(0, i-n):min(len(values), i+n+1)]
		for _, v := range about {
			out[i] += v / float64(len(about))
		}
	}
	return out
}

// Recover makes the model smaller, wins quality back and records the trial. See [Study.Recover].
func (s CellStudy) Recover(m *Model, a Attempt, r Recovery) *Recovered {
	return must(s.Study.Recover(interruptible(), m, a, r))
}

package lab

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/parelab/pare/kernel/show"
	"github.com/parelab/pare/tracker"
)

// Recoveries are a study's recoveries side by side, repetitions with other seeds taken together.
type Recoveries struct {
	Study    string
	Measured string // the protocol of the trials, and how many of another are left out
	Rows     []RecoveredSetting
	Dense    *float64 // perplexity of the model that all others were made of; nil where it was not tried
	asked    []string // metrics of the study's questions
}

// RecoveredSetting is a recovery with one or several seeds. Estimates are means and standard deviations over seeds; before a recovery, and where there is one
// seed, the spread is the standard error of the measurement.
type RecoveredSetting struct {
	Model, Attempt, Recovery string
	Trained                  Trained
	Ratio                    float64
	Seeds                    int
	Params                   float64 // trained
	Steps, Tokens, Seconds   float64
	Estimates                map[string]show.Estimate // by metric; those of before have "_before" behind
}

// Recoveries takes the seeds of every recovery of the study together, of trials that were measured as the study measures. Of several
// trials with the same seed the latest counts.
func (s *Study) Recoveries(ctx context.Context) (*Recoveries, error) {
	of, err := s.complete(ctx)
	if err != nil {
		return nil, err
	}
	out := &Recoveries{Study: s.Name, Measured: of.String(), asked: s.Measure.Questions.metrics()}
	bySetting, order := map[string]map[string]*tracker.Trial{}, []string{}
	for _, t := range of.trials {
		if _, recovered := t.Params[recoveryParam]; !recovered {
			if v, ok := t.Value(perplexityMetric); ok && label(t) == string(Dense) {
				out.Dense = &v
			}
			continue
		}
		rest := maps.Clone(t.Params)
		delete(rest, seedParam)
		delete(rest, parentParam)
		k := settings(rest)
		if bySetting[k] == nil {
			bySetting[k], order = map[string]*tracker.Trial{}, append(order, k)
		}
		bySetting[k][name(t, seedParam)] = t
	}
	for _, k := range order {
		out.Rows = append(out.Rows, s.recoveredSetting(slices.Collect(maps.Values(bySetting[k]))))
	}
	slices.SortStableFunc(out.Rows, func(a, b RecoveredSetting) int {
		return cmp.Or(cmp.Compare(a.Model, b.Model), cmp.Compare(a.Attempt, b.Attempt), cmp.Compare(a.Ratio, b.Ratio), cmp.Compare(a.Params, b.Params))
	})
	return out, nil
}

// recoveredSetting takes the trials of one setting together.
func (s *Study) recoveredSetting(trials []*tracker.Trial) RecoveredSetting {
	one := trials[0]
	r := RecoveredSetting{Model: name(one, "model"), Ratio: ratio(one), Seeds: len(trials), Estimates: map[string]show.Estimate{}}
	var both bool
	if r.Attempt, r.Recovery, both = strings.Cut(label(one), " + "); !both { // a model as it is
		r.Attempt, r.Recovery = r.Model, label(one)
	}
	r.Trained = Trained(name(one, recoveryParam))
	mean := func(metric string) float64 {
		sum := 0.0
		for _, t := range trials {
			v, _ := t.Value(metric)
			sum += v / float64(len(trials))
		}
		return sum
	}
	r.Params, r.Tokens, r.Seconds = mean(trainedMetric), mean(tokensMetric), mean(secondsMetric)
	r.Steps, _ = one.Params["train_steps"].Float64()
	for _, of := range append([]string{perplexityMetric, elsewhereMetric}, s.Measure.Questions.metrics()...) {
		if e, ok := metric(one, of+beforeSuffix).(show.Estimate); ok {
			r.Estimates[of+beforeSuffix] = e
		}
		if e, ok := metric(one, of).(show.Estimate); ok {
			r.Estimates[of] = e
		}
		var values []float64
		for _, t := range trials {
			if v, ok := t.Value(of); ok {
				values = append(values, v)
			}
		}
		if len(values) > 1 {
			mean, spread := meanAndSpread(values)
			r.Estimates[of] = show.Estimate{Value: mean, Spread: spread}
		}
	}
	return r
}

// estimate is nil, which a table shows as missing, where there is none.
func (r RecoveredSetting) estimate(metric string) any {
	if e, ok := r.Estimates[metric]; ok {
		return e
	}
	return nil
}

// Table lists the recoveries with what they won back.
func (r *Recoveries) Table() show.Fragment {
	t := show.Table{
		Title: "Recoveries of study " + r.Study,
		Columns: []show.Column{{Name: "made smaller by"}, {Name: "ratio", Format: show.Percent}, {Name: "recovered by"}, {Name: "trained", Format: show.Integer}, {Name: "seeds"},
			{Name: "took", Format: show.Seconds}, {Name: "perplexity before", Format: "%.3f"}, {Name: "after", Format: "%.3f"}},
		Caption: "Trained are numbers. ± is the standard deviation over seeds; before, and with one seed, the standard error over blocks. " + r.Measured,
	}
	more := append([]string{elsewhereMetric}, r.asked...)
	more = slices.DeleteFunc(more, func(m string) bool {
		return !slices.ContainsFunc(r.Rows, func(s RecoveredSetting) bool { return s.estimate(m) != nil })
	})
	for _, m := range more {
		t.Columns = append(t.Columns, show.Column{Name: m + " before", Format: "%.3f"}, show.Column{Name: "after", Format: "%.3f"})
	}
	for _, s := range r.Rows {
		row := []any{s.Attempt, s.Ratio, s.Recovery, s.Params, s.Seeds, s.Seconds, s.estimate(perplexityMetric + beforeSuffix), s.estimate(perplexityMetric)}
		for _, m := range more {
			row = append(row, s.estimate(m+beforeSuffix), s.estimate(m))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// ByParams draws perplexity after recovery against the numbers that were trained: a line for each attempt and what is trained, whatever its rank.
func (r *Recoveries) ByParams() show.Fragment {
	return r.chart(show.Axis{Label: "trained parameters", Log: true}, func(s RecoveredSetting) float64 { return s.Params })
}

// BySeconds draws perplexity after recovery against the seconds of training.
func (r *Recoveries) BySeconds() show.Fragment {
	return r.chart(show.Axis{Label: "seconds of training"}, func(s RecoveredSetting) float64 { return s.Seconds })
}

func (r *Recoveries) chart(x show.Axis, at func(RecoveredSetting) float64) show.Fragment {
	c := show.Chart{Title: "What recovery wins back", X: x, Y: show.Axis{Label: "perplexity after", Log: true}, Caption: r.Measured}
	if r.Dense != nil {
		c.References = append(c.References, show.Reference{Label: string(Dense), At: *r.Dense})
	}
	attempts := map[string]bool{}
	for _, s := range r.Rows {
		e, ok := s.Estimates[perplexityMetric]
		if !ok {
			continue
		}
		of := fmt.Sprintf("%s at %.4g%%", s.Attempt, 100*s.Ratio)
		if before, ok := s.Estimates[perplexityMetric+beforeSuffix]; ok && !attempts[of] {
			attempts[of], c.References = true, append(c.References, show.Reference{Label: of, At: before.Value})
		}
		kind := s.Attempt + ", " + string(s.Trained)
		i := slices.IndexFunc(c.Series, func(series show.Series) bool { return series.Name == kind })
		if i < 0 {
			i = len(c.Series)
			c.Series = append(c.Series, show.Series{Name: kind})
		}
		c.Series[i].X, c.Series[i].Y = append(c.Series[i].X, at(s)), append(c.Series[i].Y, e.Value)
	}
	return c
}

// Recoveries takes the seeds of every recovery together, for a cell. See [Study.Recoveries].
func (s CellStudy) Recoveries() *Recoveries { return must(s.Study.Recoveries(interruptible())) }

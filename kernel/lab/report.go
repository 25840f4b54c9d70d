package lab

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/parelab/pare/gomlxops/lowrank"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/kernel/show"
	"github.com/parelab/pare/tracker"
)

// Latest returns, of every setting that was tried and measured as the study measures, the latest complete trial: the dense
// model first, then by method and ratio.
func (s *Study) Latest(ctx context.Context) ([]*tracker.Trial, error) {
	of, err := s.complete(ctx)
	return latest(of.trials), err
}

// complete are the study's complete trials of its protocol.
func (s *Study) complete(ctx context.Context) (peers, error) {
	trials, err := s.lab.Store.Trials(ctx, s.Name, tracker.Filter{States: []tracker.State{tracker.Complete}})
	return s.peers(trials), err
}

func latest(trials []*tracker.Trial) []*tracker.Trial {
	latest := map[string]*tracker.Trial{}
	for _, t := range trials {
		latest[key(name(t, "model"), label(t), ratio(t))] = t
	}
	var out []*tracker.Trial
	for _, t := range latest {
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b *tracker.Trial) int {
		return cmp.Or(cmp.Compare(name(a, "model"), name(b, "model")), first(label(a) == string(Dense), label(b) == string(Dense)),
			cmp.Compare(label(a), label(b)), cmp.Compare(ratio(a), ratio(b)))
	})
	return out
}

func name(t *tracker.Trial, param string) string { return fmt.Sprint(t.Params[param].Any()) }

// label names what was tried, but for its ratio. See [Attempt.Label].
func label(t *tracker.Trial) string {
	if v, ok := t.Params["label"]; ok {
		return fmt.Sprint(v.Any())
	}
	return name(t, "method")
}

func ratio(t *tracker.Trial) float64 {
	r, _ := t.Params["ratio"].Float64()
	return r
}

// removed is the fraction of the decoder linears' parameters that a trial counted as gone; what it was asked for where it kept no such number.
func removed(t *tracker.Trial) float64 {
	if v, ok := t.Value("removed"); ok {
		return v
	}
	return ratio(t)
}

// metric returns a trial's result, with its standard error where it has one; nil, which a table shows as missing, where
// there is no result.
func metric(t *tracker.Trial, name string) any {
	v, ok := t.Value(name)
	if !ok {
		return nil
	}
	if spread, ok := t.Value(stderrOf(name)); ok {
		return show.Estimate{Value: v, Spread: spread}
	}
	return v
}

// Table lists the latest trial of every setting.
func (s *Study) Table(ctx context.Context) (show.Table, error) {
	of, err := s.complete(ctx)
	if err != nil {
		return show.Table{}, err
	}
	trials := latest(of.trials)
	table := show.Table{
		Title: "Study " + s.Name,
		Columns: []show.Column{
			{Name: "trial"}, {Name: "method"}, {Name: "ratio", Format: show.Percent}, {Name: "removed", Format: show.Percent},
			{Name: "parameters", Format: show.Integer}, {Name: "perplexity", Format: "%.3f"},
		},
		Caption: "Ratio is what was asked for: of the decoder linears' parameters, or where pruning counts no parameters, of heads and channels. Removed is what was counted, of the decoder linears' parameters. " + of.String(),
	}
	elsewhere := slices.ContainsFunc(trials, func(t *tracker.Trial) bool { return metric(t, elsewhereMetric) != nil })
	if elsewhere {
		table.Columns = append(table.Columns, show.Column{Name: "elsewhere", Format: "%.3f"})
	}
	asked := s.Measure.Questions.metrics()
	for _, name := range asked {
		table.Columns = append(table.Columns, show.Column{Name: name, Format: "%.4f"})
	}
	for _, t := range trials {
		row := []any{strconv.Itoa(t.Number), label(t), ratio(t), metric(t, "removed"), metric(t, "parameters"), metric(t, perplexityMetric)}
		if elsewhere {
			row = append(row, metric(t, elsewhereMetric))
		}
		for _, name := range asked {
			row = append(row, metric(t, name))
		}
		table.Rows = append(table.Rows, row)
	}
	return table, nil
}

// Chart draws perplexity against what was removed, counted, a line for every method, with the dense model as reference.
func (s *Study) Chart(ctx context.Context) (show.Chart, error) {
	of, err := s.complete(ctx)
	if err != nil {
		return show.Chart{}, err
	}
	chart := show.Chart{
		Title: "What removing parameters costs", Caption: of.String(),
		X: show.Axis{Label: "removed from the decoder linears", Format: show.Percent},
		Y: show.Axis{Label: "perplexity on " + cmp.Or(s.Measure.Text, Pocket), Log: true},
	}
	for _, t := range latest(of.trials) {
		value, ok := t.Value(perplexityMetric)
		if !ok {
			continue
		}
		if label(t) == string(Dense) {
			chart.References = append(chart.References, show.Reference{Label: string(Dense), At: value})
			continue
		}
		i := slices.IndexFunc(chart.Series, func(series show.Series) bool { return series.Name == label(t) })
		if i < 0 {
			i = len(chart.Series)
			chart.Series = append(chart.Series, show.Series{Name: label(t)})
		}
		chart.Series[i].X = append(chart.Series[i].X, removed(t))
		chart.Series[i].Y = append(chart.Series[i].Y, value)
	}
	return chart, nil
}

// LostEnergy draws what an attempt's ranks leave out of every linear. It decomposes, and measures nothing.
func (l *Lab) LostEnergy(ctx context.Context, m *Model, a Attempt) (show.Fragment, error) {
	small, err := l.Compress(ctx, m, a, nil)
	if err != nil {
		return nil, err
	}
	if small.Allocation == nil {
		return nil, fmt.Errorf("method %q leaves nothing out; choose one of %v", a.Method, lowrank.Methods())
	}
	return lostEnergy(small.Allocation, m.Linears()), nil
}

// lostEnergy draws what the attempt's ranks leave out of every linear, as a fraction of its energy.
func lostEnergy(a *lowrank.Allocation, linears []transformer.Linear) show.HeatMap {
	h := show.HeatMap{
		Title: fmt.Sprintf("Energy left out by %s at %g", a.Method, a.Ratio),
		Label: "left out", Format: show.Percent,
	}
	byLinear(&h, linears, func(i int) float64 { return a.Ranks[i].Discarded / a.Ranks[i].Energy })
	return h
}

// byLinear fills a map of layers by kinds of linear.
func byLinear(h *show.HeatMap, linears []transformer.Linear, value func(i int) float64) {
	h.RowLabel, h.ColLabel = "layer", "linear"
	for _, lin := range linears {
		if !slices.Contains(h.Cols, string(lin.Kind)) {
			h.Cols = append(h.Cols, string(lin.Kind))
		}
	}
	for i, lin := range linears {
		for len(h.Rows) <= lin.Layer {
			h.Rows = append(h.Rows, strconv.Itoa(len(h.Rows)))
			h.Values = append(h.Values, make([]float64, len(h.Cols)))
		}
		h.Values[lin.Layer][slices.Index(h.Cols, string(lin.Kind))] = value(i)
	}
}

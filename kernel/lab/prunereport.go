package lab

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/evaluate"
	"github.com/parelab/pare/gomlxops/prune"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/kernel/show"
	"github.com/parelab/pare/tracker"
)

// Facts says what was cut, and where.
func (p *Pruned) Facts() show.Fragment {
	across := ""
	if p.Pruning.scope() == CutBlocks {
		across = ", " + string(cmp.Or(p.Pruning.Across, prune.Local))
	}
	o := p.Pruning.options(p.was.Layers, 0)
	items := []show.Fact{
		{Name: "score", Value: fmt.Sprintf("%s, %s over the weights that go together", p.Pruning.score(), p.Pruning.aggregate())},
		{Name: "scope", Value: string(p.Pruning.scope()) + across},
		{Name: "parameters", Value: p.After},
		{Name: "before", Value: p.Before},
		{Name: "removed", Value: 1 - float64(p.After)/float64(p.Before), Format: show.Percent},
		{Name: "removed of decoder linears", Value: p.Removed(), Format: show.Percent},
		{Name: "layers", Value: fmt.Sprintf("%d of %d", len(p.Plan.Layers), p.was.Layers)},
		{Name: "protected", Value: fmt.Sprintf("first %d and last %d", o.ProtectFirst, o.ProtectLast)},
	}
	if p.Plan.Hidden != nil {
		items = append(items, show.Fact{Name: "hidden channels kept", Value: fmt.Sprintf("%d of %d", len(p.Plan.Hidden), p.was.HiddenSize)})
	}
	units, channels := make([]string, 0, p.was.Layers), make([]string, 0, p.was.Layers)
	for _, l := range p.Plan.Layers {
		n, _ := prune.Units(p.was, l.Index)
		units = append(units, fmt.Sprintf("%d/%d", len(l.Heads), n))
		channels = append(channels, fmt.Sprintf("%d/%d", len(l.Channels), p.was.Shape(l.Index).MLP))
	}
	items = append(items,
		show.Fact{Name: "heads kept, by layer", Value: strings.Join(units, " ")},
		show.Fact{Name: "MLP channels kept, by layer", Value: strings.Join(channels, " ")})
	return show.Facts{Title: "Pruning", Items: items, Caption: "Heads are those that go as a whole: under shared keys and values one with all query heads that share it."}
}

// recordSmaller records how large the smaller model is, counted from what it holds, and what of the model is kept.
func recordSmaller(run *tracker.Run, s *Smaller) error {
	if s.Allocation != nil {
		if err := keep(run, "allocation.json", s.Allocation); err != nil {
			return err
		}
	}
	if s.InTurn != nil {
		run.Metric("linear_parameters_between", 0, float64(s.InTurn.Between))
	}
	if s.Pruned == nil {
		recordSize(run, s.Variant)
		return nil
	}
	run.Metric("parameters", 0, float64(s.Counted.After))
	run.Metric("linear_parameters", 0, float64(s.Counted.LinearAfter))
	run.Metric("removed", 0, s.Counted.Removed())
	run.Metric("parameters_before", 0, float64(s.Counted.Before))
	return keep(run, "kept.json", s.Pruned.Plan)
}

// Latencies are how long batches take before and after.
type Latencies struct {
	Before []evaluate.Latency `json:"before"`
	After  []evaluate.Latency `json:"after"`
}

// latencies measures the model and what was made of it, in turns on this machine.
func latencies(ctx context.Context, m *Model, v *transformer.Variant, rec gomlxops.Recorder) (*Latencies, error) {
	opt := evaluate.LatencyOptions{Length: min(costLength, m.Config().MaxPositions)}
	both, err := evaluate.CompareLatency(ctx, []*transformer.Variant{m.Dense(), v}, opt, rec)
	if err != nil {
		return nil, err
	}
	return &Latencies{both[0], both[1]}, nil
}

func (l *Latencies) record(rec gomlxops.Recorder) {
	for i, a := range l.After {
		rec.Metric(fmt.Sprintf("latency_%d", a.Batch), 0, a.Median)
		rec.Metric(fmt.Sprintf("latency_%d_before", a.Batch), 0, l.Before[i].Median)
	}
}

// Facts compares the latencies.
func (l *Latencies) Facts() show.Fragment {
	t := show.Table{Title: "Latency", Columns: []show.Column{
		{Name: "batch"}, {Name: "tokens each"}, {Name: "before", Unit: "ms", Format: "%.2f"}, {Name: "after", Unit: "ms", Format: "%.2f"}, {Name: "times as fast", Format: "%.2f"},
	}}
	for i, a := range l.After {
		b := l.Before[i]
		t.Rows = append(t.Rows, []any{a.Batch, a.Length, 1e3 * b.Median, 1e3 * a.Median, b.Median / a.Median})
		t.Caption = fmt.Sprintf("Medians of %d, in turns, on %s.", a.Repeats, a.Backend)
	}
	return t
}

package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/prune"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/internal/durable"
)

// Pruned is what pruning left, counted.
type Pruned struct {
	Counted
	Plan    *prune.Plan
	Pruning Pruning

	was   *transformer.Config
	model *transformer.Model
}

// prune cuts the model as the attempt says. The smaller model lies in the attempt's directory, or where it names none in one that is gone again when it
// has been opened: its numbers stay mapped.
func (l *Lab) prune(ctx context.Context, m *Model, a Attempt, rec gomlxops.Recorder) (*Smaller, error) {
	graph, err := m.graph()
	if err != nil {
		return nil, err
	}
	dir, remove, err := l.place(a.Out)
	if err != nil {
		return nil, err
	}
	defer remove()
	k := &cutting{l: l, m: m, a: a, graph: graph, rec: rec}
	plan, err := k.to(ctx, dir)
	if err != nil {
		return nil, err
	}
	model, err := transformer.Open(dir)
	if err != nil {
		return nil, err
	}
	after := model.Dense()
	out := &Pruned{Counted: count(m.Dense(), after), Plan: plan, Pruning: a.Pruning, was: m.Config(), model: model}
	if out.After == out.Before {
		k.warnings = append(k.warnings, fmt.Sprintf("nothing was removed: ratio %v is less than one head or channel, or rounding took it back", a.Ratio))
	}
	if a.Pruning.takesNoHead(m.Config(), plan) {
		n, _ := prune.Units(m.Config(), plan.Layers[0].Index)
		k.warnings = append(k.warnings, fmt.Sprintf("no head goes: a layer has %d, each is cut whole, and ratio %v is less than one of them; across %q lets channels go in their place", n, a.Ratio, prune.Even))
	}
	return &Smaller{Variant: after, Pruned: out, Warnings: k.warnings}, nil
}

// takesNoHead says whether a plan that should take the same part of heads and of channels takes channels alone.
func (p Pruning) takesNoHead(was *transformer.Config, plan *prune.Plan) bool {
	if p.scope() != CutBlocks || p.KeepHeads || p.KeepChannels || p.Across != "" && p.Across != prune.Local {
		return false
	}
	channels := false
	for _, l := range plan.Layers {
		if n, _ := prune.Units(was, l.Index); len(l.Heads) < n {
			return false
		}
		channels = channels || len(l.Channels) < was.Shape(l.Index).MLP
	}
	return channels
}

// place is where the smaller model is written, and what to do when it has been opened.
func (l *Lab) place(out string) (dir string, remove func(), err error) {
	if out != "" {
		return out, func() {}, os.MkdirAll(filepath.Dir(filepath.Clean(out)), 0o755)
	}
	if err := os.MkdirAll(l.Home, 0o755); err != nil {
		return "", nil, err
	}
	between, err := durable.NewWorkspace(l.Home, ".pruned-")
	if err != nil {
		return "", nil, err
	}
	return filepath.Join(between.Dir, "model"), func() { _ = between.Remove() }, nil
}

// cutting is one attempt under way.
type cutting struct {
	l        *Lab
	m        *Model
	a        Attempt
	graph    *prune.Graph
	rec      gomlxops.Recorder
	warnings []string
}

// to writes the smaller model and returns what is kept.
func (k *cutting) to(ctx context.Context, dir string) (*prune.Plan, error) {
	p, c := k.a.Pruning, k.m.Config()
	opt := prune.CutOptions{SaveOptions: transformer.SaveOptions{Overwrite: k.a.Overwrite, Recorder: k.rec}}
	if p.Steps > 1 {
		return k.a.pruneOptions(k.m).Iterate(ctx, dir, k.m.Dense(), opt, k.rescore)
	}
	scores, err := k.score(ctx, k.m, k.graph, 0)
	if err != nil {
		return nil, err
	}
	plan, err := p.plan(c, k.a.pruneOptions(k.m), scores)
	if err != nil {
		return nil, err
	}
	if p.Compensate {
		moments, err := k.l.Calibrate(ctx, k.m, k.a.Calibration.withDefaults(k.m))
		if err != nil {
			return nil, err
		}
		if opt.Compensation, err = prune.Compensate(k.m.Dense(), plan, prune.Means(k.m.Dense(), moments.Moments)); err != nil {
			return nil, err
		}
	}
	return plan, prune.Cut(ctx, dir, k.m.Dense(), plan, opt)
}

// rescore scores the model as it is before a step, on sequences drawn anew, by the next seed.
func (k *cutting) rescore(ctx context.Context, v *transformer.Variant, step int) (prune.Scores, error) {
	now := &Model{Model: v.Model(), Name: k.m.Name, Tokenizer: k.m.Tokenizer}
	graph, err := now.graph()
	if err != nil {
		return prune.Scores{}, err
	}
	if k.rec != nil {
		k.rec.Progress("steps", step-1, k.a.Pruning.Steps)
	}
	return k.score(ctx, now, graph, step-1)
}

func (k *cutting) score(ctx context.Context, m *Model, graph *prune.Graph, step int) (prune.Scores, error) {
	calibration := k.a.calibration(m)
	calibration.Groups = k.a.Calibration.Groups
	calibration.Seed += uint64(step)
	scored, err := k.l.importance(ctx, m, graph, k.a.Pruning, calibration, k.rec)
	if err != nil {
		return prune.Scores{}, err
	}
	k.warnings = append(k.warnings, scored.Warnings...)
	return scored.Cut, nil
}

// Close lets go of a smaller model that is a model of its own. Nothing of its variant may be used afterwards.
func (s *Smaller) Close() error {
	if s.Pruned == nil {
		return nil
	}
	return s.Pruned.model.Close()
}

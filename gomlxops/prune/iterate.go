package prune

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/internal/durable"
)

// Iterate cuts v in o.Steps steps and writes what is left to dir, as [Cut] does. Before each step score is asked for the scores of the model as
// it is by then; step counts from 1. The plan that is returned says what is kept, in the indices of v.
//
// Between steps the model lies in a directory beside dir that is removed at the end, whatever happens. opt.Overwrite is looked at in the last step only.
func (o Options) Iterate(ctx context.Context, dir string, v *transformer.Variant, opt CutOptions,
	score func(ctx context.Context, v *transformer.Variant, step int) (Scores, error)) (plan *Plan, err error) {
	initial, steps := v.Model().Config(), max(1, o.Steps)
	if err := o.check(initial.Layers); err != nil {
		return nil, err
	}
	if opt.Compensation != nil && steps > 1 {
		return nil, fmt.Errorf("compensation: expected one step, found %d: it is made for one plan", steps)
	}
	between, err := durable.NewWorkspace(filepath.Dir(filepath.Clean(dir)), ".prune-")
	if err != nil {
		return nil, fmt.Errorf("cannot prune in steps: %w", err)
	}
	defer func() { err = errors.Join(err, between.Remove()) }()
	plan, o.initially = Whole(initial), Holdings(v)
	for i := 1; i <= steps; i++ {
		s, err := score(ctx, v, i)
		if err != nil {
			return nil, fmt.Errorf("step %d of %d: %w", i, steps, err)
		}
		c := v.Model().Config()
		o.Holdings = Holdings(v)
		next, err := o.Step(i, initial, c, s)
		if err != nil {
			return nil, fmt.Errorf("step %d of %d: %w", i, steps, err)
		}
		if plan, err = plan.Then(initial, next); err != nil {
			return nil, err
		}
		if i == steps {
			return plan, Cut(ctx, dir, v, next, opt)
		}
		at := filepath.Join(between.Dir, fmt.Sprint(i))
		if err := Cut(ctx, at, v, next, CutOptions{}); err != nil {
			return nil, err
		}
		m, err := transformer.Open(at)
		if err != nil {
			return nil, err
		}
		defer m.Close()
		v = m.Dense()
	}
	return plan, nil
}

// Then returns the plan that does what p does to a model of configuration c, and then next to what is left.
func (p *Plan) Then(c *transformer.Config, next *Plan) (*Plan, error) {
	small, err := p.Config(c)
	if err != nil {
		return nil, err
	}
	if err := next.check(small); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	both := &Plan{Hidden: choose(p.Hidden, next.Hidden)}
	for _, n := range next.Layers {
		was := p.Layers[n.Index]
		l := Layer{Index: was.Index, Heads: was.Heads, Channels: choose(was.Channels, n.Channels)}
		if units, _ := Units(small, n.Index); len(n.Heads) < units {
			if units != len(was.Heads) {
				return nil, fmt.Errorf("plan: layer %d has one key-value head left, of several: its query heads have no place in the first plan", was.Index)
			}
			l.Heads = choose(was.Heads, n.Heads)
		}
		both.Layers = append(both.Layers, l)
	}
	return both, nil
}

// choose returns those of list that indices point at; nil is all.
func choose(list, indices []int) []int {
	switch {
	case list == nil:
		return indices
	case indices == nil:
		return list
	}
	out := make([]int, len(indices))
	for i, at := range indices {
		out[i] = list[at]
	}
	return out
}

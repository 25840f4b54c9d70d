package lab

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/parelab/pare/gomlxops/bayesopt"
	"github.com/parelab/pare/tracker"
)

// Hyperparameters of a search's trial in the record, beside those of its attempt.
const (
	searchParam  = "search"   // digest of the search
	askedParam   = "asked"    // the suggestion's number, from 0
	claimParam   = "claim"    // tells whoever made the trial that it is theirs
	phaseParam   = "phase"    // why the point was asked for
	ratioPrefix  = "ratio."   // and the group's name: the ratio asked for
	expectParam  = "expected" // perplexity, with its deviation and the logarithm of the expected improvement
	spreadParam  = "expected_deviation"
	improveParam = "log_ei"
)

// replay reads the search's trials as the optimiser remembers them, in the order of asking, with their numbers in the study. A trial
// that was interrupted or lost is not among them: its point is free.
func (h *hunt) replay(ctx context.Context) ([]bayesopt.Trial, map[int]int, error) {
	trials, numbers, _, err := h.read(ctx)
	return trials, numbers, err
}

// read is [hunt.replay], with how many trials the record has of each suggestion, those that do not count among them.
func (h *hunt) read(ctx context.Context) (trials []bayesopt.Trial, numbers, recorded map[int]int, err error) {
	all, err := h.study.lab.Store.Trials(ctx, h.study.Name, tracker.Filter{})
	if err != nil {
		return nil, nil, nil, err
	}
	numbers, recorded = map[int]int{}, map[int]int{}
	for _, t := range all {
		if t.Params[searchParam].Any() != any(h.digest) {
			continue
		}
		b, counts, err := h.remember(t)
		if err != nil {
			return nil, nil, nil, fmt.Errorf("study %s, trial %d: %w", h.study.Name, t.Number, err)
		}
		recorded[b.ID]++
		if counts {
			trials, numbers[b.ID] = append(trials, b), t.Number
		}
	}
	return inOrder(trials), numbers, recorded, nil
}

// inOrder sorts trials as they were asked for. Where one was measured twice, since its process was only taken for dead, one with a value counts.
func inOrder(trials []bayesopt.Trial) []bayesopt.Trial {
	slices.SortStableFunc(trials, func(a, b bayesopt.Trial) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), first(a.State == bayesopt.Done, b.State == bayesopt.Done))
	})
	return slices.CompactFunc(trials, func(a, b bayesopt.Trial) bool { return a.ID == b.ID })
}

// remember turns a trial of the record into one of the optimiser, and says whether it counts.
func (h *hunt) remember(t *tracker.Trial) (b bayesopt.Trial, counts bool, err error) {
	number := func(name string) float64 { v, _ := t.Params[name].Float64(); return v }
	b.ID, b.Phase = int(number(askedParam)), bayesopt.Phase(name(t, phaseParam))
	b.Mean, b.Deviation, b.Acquisition = number(expectParam), number(spreadParam), number(improveParam)
	for _, v := range h.space.Variables {
		x, ok := t.Params[ratioPrefix+v.Name].Float64()
		if !ok {
			return b, false, fmt.Errorf("expected a number in parameter %s%s, found %v", ratioPrefix, v.Name, t.Params[ratioPrefix+v.Name])
		}
		b.X = append(b.X, x)
	}
	b.At = h.space.realised(h.space.ranks(b.X, h.Options))
	switch t.State {
	case tracker.Running:
		b.State = bayesopt.Pending
	case tracker.Failed:
		b.State = bayesopt.Failed
	case tracker.Complete:
		value, ok := t.Value(objectiveMetric)
		if !ok {
			return b, false, fmt.Errorf("it is complete and has no %s", objectiveMetric)
		}
		if b.State, b.Value = bayesopt.Done, value; stopped(t) {
			b.State = bayesopt.Stopped
		}
	default:
		return b, false, nil
	}
	return b, true, nil
}

// ask takes the next suggestion and makes its trial; no run where there are as many trials as wanted.
//
// Two processes may ask at once and be told the same. The trial's id is made from the study, the search, the suggestion's number and how often
// it was tried before, and the store makes a trial of one id only once: whoever finds another's claim in it reads the record again. How many trials
// there are in all must not count: of two who are told the same, one may have read the record before somebody took up a dead process's point.
func (h *hunt) ask(ctx context.Context) (q *asked, run *tracker.Run, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		trials, numbers, recorded, err := h.read(ctx)
		if err != nil || len(trials) >= h.Trials {
			return nil, nil, err
		}
		if err := h.learn(ctx); err != nil {
			return nil, nil, err
		}
		q := &asked{}
		if q.Suggestion, err = h.suggest(trials); err != nil {
			return nil, nil, err
		}
		if q.best, err = h.incumbent(ctx, trials, numbers); err != nil {
			return nil, nil, err
		}
		if run, err = h.claim(ctx, q.Suggestion, recorded[q.ID]); run != nil || err != nil {
			return q, run, err
		}
	}
}

// suggest asks the optimiser what comes after the trials. It is one optimiser throughout, since it remembers what it fitted to fewer of them.
func (h *hunt) suggest(trials []bayesopt.Trial) (s bayesopt.Suggestion, err error) {
	if h.optimizer == nil {
		if h.optimizer, err = bayesopt.New(h.space.Space, h.options); err != nil {
			return s, err
		}
	}
	if err := h.optimizer.Continue(trials...); err != nil {
		return s, err
	}
	return h.optimizer.Ask()
}

// claim makes the suggestion's trial, or returns no run where another process was first.
func (h *hunt) claim(ctx context.Context, s bayesopt.Suggestion, before int) (*tracker.Run, error) {
	params := h.params(s)
	claim := rand.Text()
	params[claimParam] = tracker.String(claim)
	id := sha256.Sum256(fmt.Appendf(nil, "%s %s %d %d", h.study.Name, h.digest, s.ID, before))
	model, err := h.model.Digest()
	if err != nil {
		return nil, err
	}
	from := origin(map[string]uint64{"search": h.Seed}, map[string]string{"model": model, perplexityMetric: h.text.Digest})
	made, err := h.study.lab.Store.CreateTrial(ctx, &tracker.Trial{
		ID: fmt.Sprintf("%x", id[:8]), Study: h.study.Name, Params: params, Started: time.Now(), Process: tracker.ThisProcess(), Origin: &from,
	})
	if err != nil {
		return nil, err
	}
	if made.Params[claimParam].Any() != any(claim) {
		return nil, nil
	}
	return tracker.Start(ctx, h.study.lab.Store, tracker.Attempt{
		Study: h.study.Name, Params: params, Origin: from, Options: tracker.Options{Random: bytes.NewReader(id[:8])},
	})
}

// params are the suggestion's hyperparameters, with the optimiser's state of mind.
func (h *hunt) params(s bayesopt.Suggestion) map[string]tracker.Value {
	p := h.Attempt.params(h.model)
	p["label"] = tracker.String(h.Label() + ", searched")
	p["allocate"] = tracker.String(string(h.Sampler))
	p["grouping"] = tracker.String(string(h.Groups))
	p["objective"] = tracker.String(h.Objective.String())
	if h.Objective.Function != nil {
		p[measureParam] = tracker.String("by " + h.Objective.Name)
	} else {
		p[measureParam], p["chosen"] = tracker.String(h.text.String()+", drawn"), tracker.String(string(h.Choose))
		p[blocksParam], p[lengthParam] = tracker.Int(int64(h.Blocks)), tracker.Int(int64(h.BlockLength))
	}
	p["search_seed"] = tracker.Int(int64(h.Seed))
	p[searchParam], p[askedParam], p[phaseParam] = tracker.String(h.digest), tracker.Int(int64(s.ID)), tracker.String(string(s.Phase))
	for i, v := range h.space.Variables {
		p[ratioPrefix+v.Name] = tracker.Float(s.X[i])
	}
	if s.Phase == bayesopt.PhaseModel {
		p[expectParam], p[spreadParam], p[improveParam] = tracker.Float(s.Mean), tracker.Float(s.Deviation), tracker.Float(s.Acquisition)
	}
	return p
}

package lab

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/bayesopt"
	"github.com/parelab/pare/gomlxops/evaluate"
	"github.com/parelab/pare/gomlxops/lowrank"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/tracker"
)

// hunt is a search under way. The record is its only memory: before every question to the optimiser the search's trials are read, so
// that workers of any process see what the others ask for.
type hunt struct {
	Search
	study   *Study
	model   *Model
	space   *searchSpace
	options bayesopt.Options
	text    *Tokens
	blocks  [][]int32
	teacher *evaluate.Teacher // nil where the objective has none, and before the first trial; see learn
	padded  bool              // measure factors at one rank each, with zeros behind; see pad
	digest  string            // of all that makes the search's trials comparable and repeatable
	watch   Watcher

	mu        sync.Mutex          // of one question to the optimiser
	optimizer *bayesopt.Optimizer // nil before the first
	failure   error               // of the last trial that failed here
}

// asked is a suggestion, and the incumbent when it was made; nil where trials are not stopped early.
type asked struct {
	bayesopt.Suggestion
	best *incumbent
}

// run lets workers measure until the record has as many trials as wanted.
func (h *hunt) run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var workers sync.WaitGroup
	for range h.Workers {
		workers.Go(func() {
			if err := h.work(ctx); err != nil {
				stop(err) // the others need not go on
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}

func (h *hunt) work(ctx context.Context) error {
	for {
		q, run, err := h.ask(ctx)
		if err != nil || run == nil {
			return err
		}
		if err := h.try(ctx, q, run); err != nil {
			return err
		}
	}
}

// try measures a suggestion and ends its trial. What the trial failed of is recorded, and an error only where the search has to end.
func (h *hunt) try(ctx context.Context, q *asked, run *tracker.Run) error {
	score, failed := h.measure(ctx, q.Suggestion, q.best, run)
	if failed == nil {
		run.Metric(objectiveMetric, 0, score.value)
	}
	if err := run.Finish(failed); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if failed != nil {
		h.failure = fmt.Errorf("trial %d: %w", run.Number(), failed)
	}
	return h.show(ctx)
}

// variant slices the factors at the suggestion's ranks.
func (h *hunt) variant(s bayesopt.Suggestion, run *tracker.Run) (*transformer.Variant, error) {
	forms, allocation, err := lowrank.Apply(h.space.spectra, h.space.ranks(s.X, h.Options))
	if err != nil {
		return nil, err
	}
	if err := keep(run, "allocation.json", allocation); err != nil {
		return nil, err
	}
	v, err := h.model.With(forms)
	if err != nil {
		return nil, err
	}
	recordSize(run, v)
	if h.padded && h.Objective.Function == nil {
		return h.pad(forms)
	}
	return v, nil
}

// pad fills factors up to the highest rank that saves anything, so that trials share their graphs: one for each pattern of dense and factored
// linears in a block, and none for a trial. The zeros are multiplied too, which pays where compiling takes longer than that.
func (h *hunt) pad(forms map[string]transformer.Form) (*transformer.Variant, error) {
	wide := make(map[string]transformer.Form, len(forms))
	for _, l := range h.space.linears {
		if f, ok := forms[l.Name].(*transformer.Factored); ok {
			wide[l.Name] = f.Padded(int(l.Params() / l.step))
		}
	}
	return h.model.With(wide)
}

// compilesQuickly says whether the backend compiles a block's graph in about a millisecond, as the pure Go one does: of a trial on pocket, 16 blocks
// of 256 tokens, compiling is half a percent of the processor's time, while padding adds a tenth with 20 percent removed and a quarter with 50
// (two rounds in turns: 3 and 20, 27 and 24 percent):
//
//	go test -run - -bench SearchTrial -benchtime 10x ./kernel/lab/
func compilesQuickly() bool { return strings.HasPrefix(gomlxops.BackendName(), "go") }

// show tells how far the search is, and its incumbent.
func (h *hunt) show(ctx context.Context) error {
	trials, _, err := h.replay(ctx)
	if err != nil {
		return err
	}
	ended := 0
	for _, t := range trials {
		if t.State != bayesopt.Pending {
			ended++
		}
	}
	if b, found := best(trials); found {
		h.watch.Metric("incumbent", ended, b.Value)
	}
	h.watch.Progress("trials", ended, h.Trials)
	return nil
}

// measuredOn names the text that blocks were drawn from; "" where a function measures.
func (h *hunt) measuredOn() string {
	if h.Objective.Function != nil {
		return ""
	}
	return h.text.String()
}

// found reads what the record has of the search. Without a single value it is nil, with the error of a trial that failed here.
func (h *hunt) found(ctx context.Context) (*Found, error) {
	trials, numbers, err := h.replay(ctx)
	if err != nil {
		return nil, err
	}
	b, found := best(trials)
	if !found {
		return nil, errors.Join(errors.New("the search has no trial with a value"), h.failure)
	}
	f := &Found{Search: h.Search, Study: h.study.Name, Digest: h.digest, Text: h.measuredOn(), Space: h.space.Space, Trials: trials, Numbers: numbers, Best: b, options: h.options}
	f.Ranks = h.space.ranks(b.X, h.Options)
	_, f.Allocation, err = lowrank.Apply(h.space.spectra, f.Ranks)
	f.linears = h.model.Linears()
	return f, err
}

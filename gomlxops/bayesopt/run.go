package bayesopt

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Objective measures a suggestion; less is better. An error or a value that is not finite makes the trial a failed one and the search goes
// on. It is called from several goroutines where there are several workers.
type Objective func(ctx context.Context, s Suggestion) (float64, error)

// RunOptions say how far [Optimizer.Run] goes.
type RunOptions struct {
	Trials  int // in the history when it ends, those that were there before, ended or pending, among them; at least 1
	Workers int // that evaluate at once; 0 is 1

	// Observe is called after each trial that ended, from one goroutine at a time. nil observes nothing.
	Observe func(Trial)
}

// Run asks, evaluates and tells until the history holds so many trials that ended, and returns the best. With one worker the same seed gives
// the same history.
//
// Cancelling the context ends it soon: what was being evaluated is forgotten, all else stays told, and the best so far comes with the
// context's error. Errors beside that: options that cannot be, those of [Optimizer.Ask], and a search in which every trial failed, with the
// last failure.
func (o *Optimizer) Run(ctx context.Context, opt RunOptions, f Objective) (Trial, error) {
	if opt.Trials < 1 {
		return Trial{}, fmt.Errorf("run option Trials: expected at least 1, found %d", opt.Trials)
	}
	if opt.Workers < 0 {
		return Trial{}, fmt.Errorf("run option Workers: expected no negative number, found %d", opt.Workers)
	}
	r := &run{optimizer: o, options: opt, objective: f}
	var workers sync.WaitGroup
	for range max(opt.Workers, 1) {
		workers.Go(func() { r.work(ctx) })
	}
	workers.Wait()
	best, found := o.Best()
	switch {
	case r.err != nil:
		return best, r.err
	case ctx.Err() != nil:
		return best, ctx.Err()
	case !found:
		return best, fmt.Errorf("all of %d trials failed; the last: %w", opt.Trials, r.failure)
	}
	return best, nil
}

// run is what the workers of one Run share.
type run struct {
	optimizer *Optimizer
	options   RunOptions
	objective Objective

	mu      sync.Mutex
	err     error // that ended the run
	failure error // of the last failed trial
}

func (r *run) work(ctx context.Context) {
	for ctx.Err() == nil {
		s, more := r.ask()
		if !more {
			return
		}
		value, err := r.objective(ctx, s)
		if ctx.Err() != nil {
			_ = r.optimizer.Forget(s.ID)
			return
		}
		r.tell(s, value, err)
	}
}

// ask takes the next suggestion, unless there are as many trials as wanted.
func (r *run) ask() (Suggestion, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil || len(r.optimizer.Trials()) >= r.options.Trials {
		return Suggestion{}, false
	}
	s, err := r.optimizer.Ask()
	if err != nil {
		r.err = err
		return Suggestion{}, false
	}
	return s, true
}

func (r *run) tell(s Suggestion, value float64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		err = errors.Join(err, r.optimizer.Fail(s.ID))
		r.failure = fmt.Errorf("trial %d: %w", s.ID, err)
	} else if err := r.optimizer.Tell(s.ID, value); err != nil {
		r.err = err
		return
	}
	if err == nil && !finite(value) {
		r.failure = fmt.Errorf("trial %d: the objective is %v", s.ID, value)
	}
	if r.options.Observe == nil {
		return
	}
	for _, t := range r.optimizer.Trials() {
		if t.ID == s.ID {
			r.options.Observe(t)
		}
	}
}

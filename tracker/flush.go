package tracker

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// write is the run's goroutine: it hands the buffer to the store when it is full, when it has grown old, and as a heartbeat.
func (r *Run) write() {
	defer close(r.done)
	tick := time.NewTicker(r.opt.FlushEvery)
	defer tick.Stop()
	beat := time.NewTicker(r.opt.Heartbeat)
	defer beat.Stop()
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.ctx))
	defer cancel()
	go func() { // Finish does not wait for a try that is under way: it makes its own, with a limit
		select {
		case <-r.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	for {
		select {
		case <-r.stop:
			return
		case <-r.wake:
		case <-tick.C:
		case <-beat.C:
			r.mu.Lock()
			r.pending.Heartbeat = r.opt.Now()
			r.mu.Unlock()
		}
		_ = r.flush(ctx) // tried again at the next tick; Flush and Finish report what stays unwritten
	}
}

// Flush returns nil when everything logged before the call is in the store. An error that names something which can never be recorded
// comes again from later calls.
func (r *Run) Flush(ctx context.Context) error {
	if err := r.flush(ctx); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refused
}

// flush hands the buffer to the store. A change whose fate is unknown (the store was busy, the disk was full) stays in flight with its
// number, so that it is applied once; one that the store refuses for good is given up, so that later ones are not held back.
func (r *Run) flush(ctx context.Context) error {
	r.writing.Lock()
	defer r.writing.Unlock()
	for {
		if r.flight == nil && !r.take() {
			return nil
		}
		err := r.store.Apply(ctx, r.study, r.number, *r.flight)
		switch {
		case err == nil:
			r.flight = nil
		case errors.Is(err, ErrInvalid) || errors.Is(err, ErrConflict) || errors.Is(err, ErrEnded) || errors.Is(err, ErrNotFound):
			r.mu.Lock()
			r.refuse(err)
			r.mu.Unlock()
			r.flight = r.salvage(err)
		default:
			return fmt.Errorf("trial %d of study %q: %w", r.number, r.study, err)
		}
	}
}

// salvage returns what must still be tried of a refused change: the end of the trial, unless that was the reason.
func (r *Run) salvage(err error) *Change {
	f := r.flight
	alone := len(f.Points) == 0 && f.Params == nil && f.Files == nil
	if f.State == "" || alone || errors.Is(err, ErrEnded) || errors.Is(err, ErrNotFound) {
		return nil
	}
	return &Change{Writer: f.Writer, Seq: f.Seq, State: f.State, Error: f.Error, Ended: f.Ended, Heartbeat: f.Heartbeat}
}

// take moves the buffer into flight and reports whether there was anything.
func (r *Run) take() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.pending
	if len(c.Points) == 0 && len(c.Params) == 0 && len(c.Files) == 0 && len(c.AddTags) == 0 &&
		c.Progress == nil && c.Note == nil && c.Heartbeat.IsZero() && c.State == "" {
		return false
	}
	r.seq++
	c.Writer, c.Seq = r.id, r.seq
	if c.Heartbeat.IsZero() {
		c.Heartbeat = r.opt.Now()
	}
	r.pending = Change{}
	r.flight = &c
	return true
}

// lastFlush tries until everything is written or Options.LastFlush has passed.
func (r *Run) lastFlush() error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), r.opt.LastFlush)
	defer cancel()
	const pause = 100 * time.Millisecond
	for {
		err := r.Flush(ctx)
		r.writing.Lock()
		waiting := r.flight != nil
		r.writing.Unlock()
		if err == nil || !waiting {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

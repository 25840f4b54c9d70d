package tracker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// Run logs to one running trial. Its methods may be called from any goroutine, and none of them but File, FileBytes, Flush and Finish
// waits for the store.
type Run struct {
	ctx    context.Context
	store  Store
	opt    Options
	study  string
	number int
	id     string

	mu      sync.Mutex
	params  map[string]Value // all that the trial has, to refuse a second value at once
	pending Change           // what the writer has not taken yet
	ended   bool             // Finish has begun
	refused error            // the first thing logged that cannot be recorded; Flush and Finish report it

	writing sync.Mutex // held while a change is handed to the store; guards the fields below
	flight  *Change    // a change whose fate is unknown: it is tried again, as it was, before the next
	seq     uint64

	wake, stop, done chan struct{}
	once             sync.Once
	result           error
}

// Study returns the name of the trial's study.
func (r *Run) Study() string { return r.study }

// Number returns the trial's number within its study.
func (r *Run) Number() int { return r.number }

// ID returns the trial's id.
func (r *Run) ID() string { return r.id }

// Param records a hyperparameter. value is anything that [ValueOf] takes. A second, different value is [ErrConflict].
func (r *Run) Param(name string, value any) error {
	v, err := ValueOf(value)
	if err != nil {
		return fmt.Errorf("hyperparameter %q: %w", name, err)
	}
	if err := CheckName("hyperparameter", name); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if have, ok := r.params[name]; ok {
		if have.Equal(v) {
			return nil
		}
		return fmt.Errorf("trial %d of study %q: hyperparameter %q is %s already, asked to write %s: %w", r.number, r.study, name, have, v, ErrConflict)
	}
	if r.ended {
		return fmt.Errorf("trial %d of study %q: hyperparameter %q: %w", r.number, r.study, name, ErrEnded)
	}
	if r.pending.Params == nil {
		r.pending.Params = map[string]Value{}
	}
	r.params[name], r.pending.Params[name] = v, v
	return nil
}

// Metric records a value of a metric at a step. A name that no metric can have is reported by Flush and Finish; after Finish nothing is recorded.
func (r *Run) Metric(name string, step int, value float64) {
	now := r.opt.Now().UTC().Round(0)
	bad := CheckName("metric", name)
	r.mu.Lock()
	switch {
	case r.ended:
	case bad != nil:
		r.refuse(bad)
	default:
		r.pending.Points = append(r.pending.Points, Point{Metric: name, Step: int64(step), Value: Number(value), Time: now})
	}
	full := len(r.pending.Points) >= r.opt.FlushCount
	r.mu.Unlock()
	if full {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// refuse keeps the first error of what cannot be recorded. r.mu is held.
func (r *Run) refuse(err error) {
	if r.refused == nil {
		r.refused = fmt.Errorf("trial %d of study %q: not all that was logged is recorded: %w", r.number, r.study, err)
	}
}

// Progress records that done of total (0: unknown) units of a stage are through. Only the latest is kept.
func (r *Run) Progress(stage string, done, total int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended {
		r.pending.Progress = &Progress{Stage: stage, Done: done, Total: total}
	}
}

// Tag adds labels.
func (r *Run) Tag(tags ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pending.AddTags = append(r.pending.AddTags, tags...)
}

// Note replaces the trial's note, which is Markdown.
func (r *Run) Note(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pending.Note = &text
}

// File keeps a copy of the file at path under name.
func (r *Run) File(name, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("file %q of trial %d: %w", name, r.number, err)
	}
	defer f.Close()
	sum, size, err := r.store.SaveFile(r.ctx, f)
	return r.addFile(File{Name: name, Size: size, SHA256: sum}, err)
}

// FileBytes keeps data under name.
func (r *Run) FileBytes(name string, data []byte) error {
	sum, size, err := r.store.SaveFile(r.ctx, bytes.NewReader(data))
	return r.addFile(File{Name: name, Size: size, SHA256: sum}, err)
}

// Reference records where a file or directory lies and copies nothing: for models and other large things.
func (r *Run) Reference(name, path string) error {
	abs, err := filepath.Abs(path)
	if err != nil {
		return r.addFile(File{}, err)
	}
	info, err := os.Stat(abs)
	if err != nil {
		return r.addFile(File{}, err)
	}
	f := File{Name: name, Path: abs}
	if info.Mode().IsRegular() {
		f.Size = info.Size()
	}
	return r.addFile(f, nil)
}

func (r *Run) addFile(f File, err error) error {
	if err == nil {
		err = CheckName("file", f.Name)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil && r.ended {
		err = ErrEnded
	}
	if err != nil {
		return fmt.Errorf("file %q of trial %d of study %q: %w", f.Name, r.number, r.study, err)
	}
	r.pending.Files = append(r.pending.Files, f)
	return nil
}

// Finish writes what is left and ends the trial: complete if err is nil, interrupted if it is a cancellation or the context that the
// run was started with is cancelled, failed with err's text otherwise. It returns nil when the store has everything that was logged.
// Only the first call counts; later ones return its result.
func (r *Run) Finish(err error) error {
	r.once.Do(func() { r.result = r.finish(err) })
	return r.result
}

func (r *Run) finish(err error) error {
	state, text := Complete, ""
	switch {
	case err != nil && (errors.Is(err, context.Canceled) || r.ctx.Err() != nil):
		state, text = Interrupted, err.Error()
	case err != nil:
		state, text = Failed, err.Error()
	}
	now := r.opt.Now()
	r.mu.Lock()
	r.ended = true
	r.pending.State, r.pending.Error, r.pending.Ended, r.pending.Heartbeat = state, text, now, now
	r.mu.Unlock()
	close(r.stop)
	<-r.done
	return r.lastFlush()
}

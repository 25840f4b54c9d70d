package tracker

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"time"
)

// Attempt says what a trial tries and how it is recorded. Only Study is needed.
type Attempt struct {
	Study  string // name of an existing study
	Params map[string]Value
	Origin Origin // what the caller knows; [Start] adds what the process knows
	Note   string
	Tags   []string

	Options Options
}

// Options tune a [Run]. The zero value is right outside tests.
type Options struct {
	FlushCount int              // buffered points that wake the writer; default 1000
	FlushEvery time.Duration    // longest time that a log call stays in memory while the store answers; default 1 s
	Heartbeat  time.Duration    // between signs of life when nothing is logged; default 10 s
	LastFlush  time.Duration    // how long Finish tries to write what is left; default 30 s
	Now        func() time.Time // clock; default time.Now
	Random     io.Reader        // source of trial ids; default crypto/rand
}

func (o Options) withDefaults() Options {
	if o.FlushCount <= 0 {
		o.FlushCount = 1000
	}
	if o.FlushEvery <= 0 {
		o.FlushEvery = time.Second
	}
	if o.Heartbeat <= 0 {
		o.Heartbeat = 10 * time.Second
	}
	if o.LastFlush <= 0 {
		o.LastFlush = 30 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	return o
}

// Start makes a running trial and returns the Run that logs to it. The caller must end it with [Run.Finish], in a defer at best.
// When ctx is cancelled, Finish records the trial as [Interrupted]; what was logged is written all the same.
func Start(ctx context.Context, store Store, a Attempt) (*Run, error) {
	opt := a.Options.withDefaults()
	id, err := newID(opt.Random)
	if err != nil {
		return nil, err
	}
	t := &Trial{
		ID: id, Study: a.Study, Params: a.Params, Note: a.Note, Tags: a.Tags,
		Started: opt.Now(), Process: ThisProcess(), Origin: a.Origin.completed(CaptureOrigin()),
	}
	t, err = store.CreateTrial(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("start a trial: %w", err)
	}
	r := &Run{
		ctx: ctx, store: store, opt: opt, study: t.Study, number: t.Number, id: t.ID, params: t.Params,
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	go r.write()
	return r, nil
}

// newID returns 16 hexadecimal digits.
func newID(random io.Reader) (string, error) {
	var b [8]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("make a trial id: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}

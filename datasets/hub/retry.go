package hub

import (
	"context"
	"errors"
	"net"
	"time"
)

// firstPause is the wait before a request is sent again; each further one in a row is twice as long. Tests make it shorter.
var firstPause = time.Second

// longestPause bounds the waits, those that a server asks for too.
const longestPause = time.Minute

// persist has try done again for as long as what went wrong may pass: connections that break, servers that are busy. It gives
// up after p.retries failures in a row. One that moved, with more of a file than ever before, begins a new row.
func (p *puller) persist(ctx context.Context, try func() (moved bool, err error)) error {
	for failures := 0; ; {
		moved, err := try()
		if err == nil || ctx.Err() != nil || !errors.Is(err, ErrUnreachable) {
			return err
		}
		if moved {
			failures = 0
		}
		if failures++; failures > p.retries {
			return err
		}
		p.progress.broken()
		if err := pause(ctx, failures, err); err != nil {
			return err
		}
	}
}

// pause waits before try number failures+1.
func pause(ctx context.Context, failures int, err error) error {
	wait := firstPause << min(failures-1, 10)
	var r refused
	if errors.As(err, &r) {
		wait = max(wait, r.after)
	}
	timer := time.NewTimer(min(wait, longestPause))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// ask is persist for a first question: where no connection comes about at all, there is most likely no network, and who waits
// wants to know that now.
func (p *puller) ask(ctx context.Context, try func() error) error {
	var dead error
	err := p.persist(ctx, func() (bool, error) {
		err := try()
		var op *net.OpError
		if errors.As(err, &op) && op.Op == "dial" {
			dead = err
			return false, nil
		}
		return false, err
	})
	if dead != nil {
		return dead
	}
	return err
}

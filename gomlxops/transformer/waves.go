package transformer

import (
	"context"
	"errors"
	"sync"
)

// concurrent is the number of calls that run at once: while one is in its elementwise operations, which use one processor,
// the other has the rest. Two micro-batches side by side in one graph gave 30 percent on two cores; two calls do the same
// without a larger graph.
const concurrent = 2

// waves does n pieces of work, up to concurrent at once. What each returns is done in order afterwards, one at a time, before the next
// wave begins; so order and results do not depend on timing. It stops at the first error and before a wave where ctx is done.
func (r *run) waves(ctx context.Context, n int, work func(i int) (after func() error, err error)) error {
	width := concurrent
	if !r.style.Manual {
		width = 1 // one accelerator, one queue
	}
	for lo := 0; lo < n; lo += width {
		if err := ctx.Err(); err != nil {
			return err
		}
		hi := min(lo+width, n)
		afters, errs := make([]func() error, hi-lo), make([]error, hi-lo)
		var wg sync.WaitGroup
		for i := lo; i < hi; i++ {
			wg.Go(func() { afters[i-lo], errs[i-lo] = work(i) })
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
		for _, after := range afters {
			if after == nil {
				continue
			}
			if err := after(); err != nil {
				return err
			}
		}
		r.progress.add(hi - lo)
	}
	return nil
}

package linalg

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// failure carries an error up through numerical code whose every line could otherwise fail; [catch] turns it back.
type failure struct{ err error }

// fail abandons the running factorisation with an error.
func fail(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

// catch is deferred by exported functions: it turns a [failure] into *err and lets every other panic pass.
func catch(err *error) {
	switch r := recover().(type) {
	case nil:
	case failure:
		*err = r.err
	default:
		panic(r)
	}
}

// parallel calls f on consecutive parts of [0, n), one for each processor, and waits. Below grain it calls f once.
// f must write only what belongs to its part, so that the result does not depend on the number of processors.
func parallel(n, grain int, f func(lo, hi int)) {
	workers := min(runtime.GOMAXPROCS(0), n/max(grain, 1))
	if workers <= 1 {
		f(0, n)
		return
	}
	step := (n + workers - 1) / workers
	var parts []func()
	for lo := 0; lo < n; lo += step {
		parts = append(parts, func() { f(lo, min(n, lo+step)) })
	}
	together(parts...)
}

// together runs the functions, as many at a time as there are processors, and waits for all; the first panic of any continues in
// the caller.
func together(fs ...func()) {
	var wg sync.WaitGroup
	var next atomic.Int64
	var failed atomic.Pointer[any]
	work := func() {
		defer func() {
			if r := recover(); r != nil {
				failed.CompareAndSwap(nil, &r)
			}
		}()
		for k := next.Add(1); int(k) <= len(fs); k = next.Add(1) {
			fs[k-1]()
		}
	}
	for range min(runtime.GOMAXPROCS(0), len(fs)) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
	if r := failed.Load(); r != nil {
		panic(*r)
	}
}

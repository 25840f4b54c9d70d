package linalg

import (
	"fmt"
	"runtime"
	"sync/atomic"
)

// failure carries an error up through numerical code whose every line could otherwise fail; [catch] turns it back.
type failure struct{ err error }

// fail abandons the running factorisation with an error.
func fail(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

// must lets numerical code, which runs under [catch], go on without an error path at every line.
func must(err error) {
	if err != nil {
		panic(failure{err})
	}
}

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
	each((n+step-1)/step, 1, func(k int) { f(k*step, min(n, (k+1)*step)) })
}

// together runs the functions, as many at a time as there are processors, and waits for all.
func together(fs ...func()) { each(len(fs), 1, func(k int) { fs[k]() }) }

// each calls f(0) to f(n − 1), as many at a time as there are processors, in no order, and waits; below grain one after the other. The first
// panic of any continues in the caller.
func each(n, grain int, f func(k int)) {
	workers := min(runtime.GOMAXPROCS(0), n)
	if workers <= 1 || n < grain {
		for k := range n {
			f(k)
		}
		return
	}
	j := &jobs{n: int64(n), f: f, finished: make(chan struct{})}
	for range workers - 1 {
		go j.work()
	}
	j.work()
	<-j.finished // the last job is done; a worker that begins only now finds none
	if r := j.failed.Load(); r != nil {
		panic(*r)
	}
}

// jobs are calls of f that several workers share.
type jobs struct {
	n          int64
	f          func(k int)
	next, done atomic.Int64
	failed     atomic.Pointer[any]
	finished   chan struct{}
}

func (j *jobs) work() {
	for k := j.next.Add(1); k <= j.n; k = j.next.Add(1) {
		j.one(int(k - 1))
	}
}

func (j *jobs) one(k int) {
	defer func() {
		if r := recover(); r != nil {
			j.failed.CompareAndSwap(nil, &r)
		}
		if j.done.Add(1) == j.n {
			close(j.finished)
		}
	}()
	j.f(k)
}

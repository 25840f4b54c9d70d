package linalg

import (
	"runtime"
	"sync/atomic"
)

// team runs jobs of a few microseconds on all processors, thousands of times in a row: its helpers wait for the next in a loop, because waking a
// goroutine takes as long as such a job. A helper that waits in vain for some time sleeps.
//
// Helpers are never needed: whoever is free takes a part, the caller too, so that a team on a busy machine is no slower than one goroutine.
// Each part has a worker who tries it first, so that what a part reads stays in one processor's cache.
type team struct {
	workers int
	f       func(part int)
	round   atomic.Uint32 // counts calls of run
	left    atomic.Int32  // parts of this round not finished
	claims  []claim
	parked  atomic.Int32
	wake    chan struct{}
	stopped atomic.Bool
}

// claim is the last round in which a part was taken, alone in its cache line.
type claim struct {
	round atomic.Uint32
	_     [60]byte
}

// How often a waiting worker looks before it lets others run, and a helper before it sleeps: about 1 µs and 100 µs.
const (
	looksBeforeYield = 64
	yieldsBeforeRest = 200
)

// newTeam returns a team for calls of at most the given number of parts; the caller must dismiss it.
func newTeam(parts int) *team {
	t := &team{workers: min(runtime.GOMAXPROCS(0), parts), claims: make([]claim, parts)}
	t.wake = make(chan struct{}, t.workers)
	for w := 1; w < t.workers; w++ {
		go t.help(w)
	}
	return t
}

// run calls f(0) to f(parts − 1) and waits.
func (t *team) run(parts int, f func(part int)) {
	if t.workers <= 1 || parts <= 1 {
		for k := range parts {
			f(k)
		}
		return
	}
	t.f = f
	t.left.Store(int32(parts))
	for k := parts; k < len(t.claims); k++ {
		t.claims[k].round.Store(t.round.Load() + 1) // parts that this round lacks
	}
	round := t.round.Add(1)
	t.rouse()
	t.work(0, round)
	for looks := 1; t.left.Load() > 0; looks++ {
		if looks%looksBeforeYield == 0 {
			runtime.Gosched()
		}
	}
}

// dismiss ends the helpers.
func (t *team) dismiss() {
	t.stopped.Store(true)
	t.rouse()
}

func (t *team) rouse() {
	for range t.parked.Swap(0) {
		t.wake <- struct{}{}
	}
}

// work takes parts of a round: its own, then what others have left.
func (t *team) work(worker int, round uint32) {
	for w := range t.workers {
		for k := (worker + w) % t.workers; k < len(t.claims); k += t.workers {
			if t.claims[k].round.CompareAndSwap(round-1, round) {
				t.f(k)
				t.left.Add(-1)
			}
		}
	}
}

func (t *team) help(worker int) {
	seen := uint32(0)
	for {
		round := t.await(seen)
		if t.stopped.Load() {
			return
		}
		t.work(worker, round)
		seen = round
	}
}

// await returns the current round, once it is another than seen or the helper has slept.
func (t *team) await(seen uint32) uint32 {
	for yields := 0; ; {
		for range looksBeforeYield {
			if round := t.round.Load(); round != seen || t.stopped.Load() {
				return round
			}
		}
		runtime.Gosched()
		if yields++; yields < yieldsBeforeRest {
			continue
		}
		yields = 0
		t.parked.Add(1)
		if t.stopped.Load() {
			return seen
		}
		<-t.wake // whoever calls run or dismiss next sends
	}
}

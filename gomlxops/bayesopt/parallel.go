package bayesopt

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// together calls run for every i below n, on as many goroutines as there are processors. What a call computes must depend on i alone.
func together(n int, run func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), n)
	if workers <= 1 {
		for i := range n {
			run(i)
		}
		return
	}
	var next atomic.Int64
	var done sync.WaitGroup
	for range workers {
		done.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				run(i)
			}
		})
	}
	done.Wait()
}

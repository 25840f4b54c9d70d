package transformer

import (
	"runtime/debug"
	"sync"
)

// The Go backend's arrays are the process's heap, and the collector lets garbage grow to what is alive: twice the memory. Collecting more
// often costs some percent of the time with small arrays, where it is not worth while, and nothing to speak of with large ones, which are
// the same number. Measured with importance.BenchmarkLarge: the way back through one block of 44 million weights and a head of 65 million
// peaks at 1.1 GB so, where it took 2.4 GB with the usual 100 percent and two calls of the head at once. With blocks of 0.8 million (BenchmarkStep
// with GOGC set) 25 percent costs about a tenth of a training step's processor time.
const (
	largeBlock    = 32 << 20 // bytes of a block's weights in float32 from which it pays
	frugalPercent = 25
)

// frugal counts the runs of large models in this process.
var frugal struct {
	mu     sync.Mutex
	runs   int
	before int // the percentage that others chose
}

// beFrugal has the collector run often until the function that it returns is called. A lower percentage of the user's own stays.
func beFrugal() (done func()) {
	frugal.mu.Lock()
	defer frugal.mu.Unlock()
	if frugal.runs++; frugal.runs == 1 {
		if frugal.before = debug.SetGCPercent(frugalPercent); frugal.before >= 0 && frugal.before < frugalPercent {
			debug.SetGCPercent(frugal.before)
		}
	}
	return sync.OnceFunc(func() {
		frugal.mu.Lock()
		defer frugal.mu.Unlock()
		if frugal.runs--; frugal.runs == 0 {
			debug.SetGCPercent(frugal.before)
		}
	})
}

// blockBytes is what the largest dense block of c takes in float32.
func (c *Config) blockBytes() int64 {
	most := int64(0)
	for l := range c.Layers {
		var n int64
		for _, k := range c.Kinds() {
			n += c.linear(l, k).Params()
		}
		most = max(most, 4*n)
	}
	return most
}

package gomlxops

// Recorder is told what happens while an operation runs. A running tracker trial and a progress bar both satisfy it.
//
// Calls come from one goroutine at a time and must not block on anything slow.
type Recorder interface {
	// Metric says that name had value at step.
	Metric(name string, step int, value float64)
	// Progress says that done of total units of the named stage are finished; the stage is over when they are equal.
	Progress(stage string, done, total int)
}

// Discard is the Recorder that keeps nothing.
var Discard Recorder = discard{}

type discard struct{}

func (discard) Metric(string, int, float64) {}
func (discard) Progress(string, int, int)   {}

// OrDiscard returns rec, or [Discard] where rec is nil, so that an option struct's zero value works.
func OrDiscard(rec Recorder) Recorder {
	if rec == nil {
		return Discard
	}
	return rec
}

// Package tracker is the record of what was tried: studies, their trials, and where each trial came from.
//
// A first trial:
//
//	store, err := boltstore.Open(path) // or memstore.New()
//	_, err = store.CreateStudy(ctx, tracker.Study{Name: "pocket", Metric: "perplexity", Direction: tracker.Minimize})
//	run, err := tracker.Start(ctx, store, tracker.Attempt{Study: "pocket", Params: map[string]tracker.Value{"ratio": tracker.Float(0.2)}})
//	run.Metric("perplexity", 0, 9.93)
//	err = run.Finish(nil)
//
// The path of a number, and the type that carries it at each step:
//
//  1. An [Attempt] says what is tried; [Start] fills in its [Origin] and gives a [Run].
//  2. The Run's calls only fill a buffer. A goroutine hands it on as a [Change], by count, by time, and at the end.
//  3. A [Store] applies a Change in one transaction: all of it or nothing, and a Change that comes twice counts once.
//  4. Reading gives [Trial] (with a [Summary] per metric), [Study] and, through History, each [Point].
//
// # Acknowledged means kept
//
// A log call (Metric, Progress, Param) is not yet a promise: it is in this process's memory for up to [Options.FlushEvery].
// Flush and Finish are promises: when they return nil, a Store on disk has the data even if the process is killed at once.
//
// # A trial that ended is not rewritten
//
// A hyperparameter is written once; writing the same value again is fine, another value is [ErrConflict]. When a trial has ended
// its metrics are closed ([ErrEnded]); its note and tags stay open. A running trial whose process is gone is read as [Lost]; the
// record keeps what it had.
//
// # What this package does not do
//
// It knows nothing of models, notebooks or terminals, imports only the standard library, takes no environment other than the
// settings named at [CaptureOrigin], and deletes nothing.
package tracker

package boltstore_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/parelab/pare/tracker"
	"github.com/parelab/pare/tracker/boltstore"
)

func benchStore(b *testing.B) *boltstore.Store {
	b.Helper()
	store, err := boltstore.Open(filepath.Join(b.TempDir(), "tracker.db"))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := store.CreateStudy(b.Context(), tracker.Study{Name: "s", Metric: "loss"}); err != nil {
		b.Fatal(err)
	}
	return store
}

// BenchmarkApply is one durable write: open, one point, sync, close.
func BenchmarkApply(b *testing.B) {
	store := benchStore(b)
	if _, err := store.CreateTrial(b.Context(), &tracker.Trial{ID: "1", Study: "s", Started: time.Now(), Process: tracker.ThisProcess()}); err != nil {
		b.Fatal(err)
	}
	for step := 0; b.Loop(); step++ {
		c := tracker.Change{Points: []tracker.Point{{Metric: "loss", Step: int64(step), Value: 1, Time: time.Now()}}}
		if err := store.Apply(b.Context(), "s", 1, c); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
}

// BenchmarkMetric is one buffered log call; its points end up on disk.
func BenchmarkMetric(b *testing.B) {
	store := benchStore(b)
	run, err := tracker.Start(b.Context(), store, tracker.Attempt{Study: "s"})
	if err != nil {
		b.Fatal(err)
	}
	for step := 0; b.Loop(); step++ {
		run.Metric("loss", step, 1)
	}
	if err := run.Finish(nil); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkTrialsPage lists the newest 20 of 2,000 trials.
func BenchmarkTrialsPage(b *testing.B) {
	store := benchStore(b)
	for i := range 2000 {
		if _, err := store.CreateTrial(b.Context(), &tracker.Trial{ID: fmt.Sprint("t", i), Study: "s", Started: time.Now(), Process: tracker.ThisProcess()}); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if page, err := store.Trials(b.Context(), "s", tracker.Filter{Newest: true, Limit: 20}); err != nil || len(page) != 20 {
			b.Fatal(len(page), err)
		}
	}
}

package tracker_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/parelab/pare/tracker"
	"github.com/parelab/pare/tracker/memstore"
)

// recorder is the shape by which operations report; the tracker does not import the package that owns it.
type recorder interface {
	Metric(name string, step int, value float64)
	Progress(stage string, done, total int)
}

var _ recorder = (*tracker.Run)(nil)

func newStudy(t *testing.T) tracker.Store {
	t.Helper()
	store := memstore.New()
	_, err := store.CreateStudy(t.Context(), tracker.Study{Name: "s", Metric: "loss"})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func start(t *testing.T, ctx context.Context, store tracker.Store, opt tracker.Options) *tracker.Run {
	t.Helper()
	run, err := tracker.Start(ctx, store, tracker.Attempt{Study: "s", Params: map[string]tracker.Value{"ratio": tracker.Float(0.2)}, Options: opt})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func TestRunKeepsWhatItWasTold(t *testing.T) {
	store := newStudy(t)
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	run := start(t, t.Context(), store, tracker.Options{Now: func() time.Time { return now }, Random: strings.NewReader("12345678")})
	run.Metric("loss", 0, 2)
	run.Metric("loss", 1, math.NaN())
	run.Metric("loss", 2, 1.5)
	run.Progress("calibrate", 3, 7)
	run.Note("a *note*")
	run.Tag("b", "a", "b")
	if err := errors.Join(run.Param("rank", 8), run.Param("rank", 8), run.FileBytes("table.csv", []byte("a,b\n"))); err != nil {
		t.Fatal(err)
	}
	if err := run.Param("rank", 9); !errors.Is(err, tracker.ErrConflict) {
		t.Errorf("another value for rank: %v, want ErrConflict", err)
	}
	if err := run.Finish(nil); err != nil {
		t.Fatal(err)
	}
	got, err := store.TrialByID(t.Context(), "31323334")
	if err != nil {
		t.Fatal(err)
	}
	loss := got.Metrics["loss"]
	if got.State != tracker.Complete || loss.Last != 1.5 || loss.LastStep != 2 || loss.NaN != 1 || loss.Count != 3 || loss.Min != 1.5 || loss.Max != 2 {
		t.Errorf("state %s, loss %+v", got.State, loss)
	}
	if *got.Progress != (tracker.Progress{Stage: "calibrate", Done: 3, Total: 7}) || got.Note != "a *note*" || strings.Join(got.Tags, " ") != "a b" {
		t.Errorf("progress %v, note %q, tags %q", got.Progress, got.Note, got.Tags)
	}
	if len(got.Files) != 1 || got.Files[0].Size != 4 || !got.Params["rank"].Equal(tracker.Int(8)) || !got.Params["ratio"].Equal(tracker.Float(0.2)) {
		t.Errorf("files %v, params %v", got.Files, got.Params)
	}
	if got.Origin.Go == "" || len(got.Origin.Command) == 0 || got.Origin.Directory == "" || got.Process.PID == 0 {
		t.Errorf("origin was not captured: %+v", got.Origin)
	}
}

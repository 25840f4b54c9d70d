package tracker_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parelab/pare/tracker"
)

// stubborn is a store whose Apply can hang, or fail although it has applied the change.
type stubborn struct {
	tracker.Store
	hang     atomic.Bool
	lie      atomic.Int32 // so many of the next calls apply and say that they failed
	attempts atomic.Int32
}

func (s *stubborn) Apply(ctx context.Context, study string, number int, c tracker.Change) error {
	s.attempts.Add(1)
	for began := time.Now(); s.hang.Load() && time.Since(began) < 10*time.Second; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
	err := s.Store.Apply(ctx, study, number, c)
	if s.lie.Add(-1) >= 0 {
		return fmt.Errorf("no answer: %w", tracker.ErrBusy)
	}
	return err
}

func steps(t *testing.T, store tracker.Store) []int64 {
	t.Helper()
	points, err := store.History(t.Context(), "s", 1, "loss", tracker.Range{})
	if err != nil {
		t.Fatal(err)
	}
	var out []int64
	for _, p := range points {
		out = append(out, p.Step)
	}
	return out
}

// TestLoggingDoesNotWaitForTheStore logs while the store hangs.
func TestLoggingDoesNotWaitForTheStore(t *testing.T) {
	store := &stubborn{Store: newStudy(t)}
	run := start(t, t.Context(), store, tracker.Options{FlushCount: 10, FlushEvery: time.Millisecond})
	store.hang.Store(true)
	began := time.Now()
	for i := range 20_000 {
		run.Metric("loss", i, 1)
		run.Progress("train", i, 20_000)
	}
	if err := run.Param("p", 1); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("40,000 log calls took %s while the store hung", took)
	}
	if store.attempts.Load() == 0 {
		t.Error("the store was not even asked, so nothing could have waited")
	}
	store.hang.Store(false)
	if err := run.Finish(nil); err != nil {
		t.Fatal(err)
	}
	if got := steps(t, store); len(got) != 20_000 || got[19_999] != 19_999 {
		t.Errorf("%d points are kept", len(got))
	}
}

// TestUnansweredChangesCountOnce has the store apply changes and say that they failed.
func TestUnansweredChangesCountOnce(t *testing.T) {
	store := &stubborn{Store: newStudy(t)}
	run := start(t, t.Context(), store, tracker.Options{FlushEvery: time.Hour})
	for i := range 5 {
		run.Metric("loss", i, 1)
		store.lie.Store(1)
		if err := run.Flush(t.Context()); !errors.Is(err, tracker.ErrBusy) {
			t.Fatalf("flush without an answer: %v", err)
		}
	}
	store.lie.Store(3)
	if err := run.Finish(nil); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(steps(t, store)); got != "[0 1 2 3 4]" {
		t.Errorf("steps %s are kept", got)
	}
}

// TestEndSaysHowItEnded checks the state for each way to end.
func TestEndSaysHowItEnded(t *testing.T) {
	store := newStudy(t)
	cancelled, cancel := context.WithCancel(t.Context())
	cases := []struct {
		ctx  context.Context
		err  error
		want tracker.State
	}{
		{t.Context(), nil, tracker.Complete},
		{t.Context(), errors.New("boom"), tracker.Failed},
		{t.Context(), fmt.Errorf("stage: %w", context.Canceled), tracker.Interrupted},
		{cancelled, errors.New("could not go on"), tracker.Interrupted},
		{cancelled, nil, tracker.Complete},
	}
	var runs []*tracker.Run
	for _, c := range cases {
		runs = append(runs, start(t, c.ctx, store, tracker.Options{}))
	}
	cancel()
	for i, c := range cases {
		runs[i].Metric("loss", 0, 1)
		if err := runs[i].Finish(c.err); err != nil {
			t.Fatal(err)
		}
		if err := runs[i].Finish(errors.New("again")); err != nil {
			t.Errorf("a second Finish: %v", err)
		}
		runs[i].Metric("loss", 1, 1)
		got, err := store.Trial(t.Context(), "s", i+1)
		if err != nil || got.State != c.want || got.Metrics["loss"].Count != 1 || c.err != nil && got.Error != c.err.Error() {
			t.Errorf("case %d: %s with %q and %d points, %v; want %s", i, got.State, got.Error, got.Metrics["loss"].Count, err, c.want)
		}
	}
}

// TestBadNamesDoNotTakeOthersDown logs an impossible metric among good ones.
func TestBadNamesDoNotTakeOthersDown(t *testing.T) {
	store := newStudy(t)
	run := start(t, t.Context(), store, tracker.Options{})
	run.Metric("loss", 0, 1)
	run.Metric("", 0, 1)
	run.Metric("loss", 1, 1)
	if err := run.Finish(nil); !errors.Is(err, tracker.ErrInvalid) || !strings.Contains(err.Error(), "metric name is empty") {
		t.Errorf("Finish: %v, want ErrInvalid that says what is not recorded", err)
	}
	if got := fmt.Sprint(steps(t, store)); got != "[0 1]" {
		t.Errorf("steps %s are kept", got)
	}
	if trial, err := store.Trial(t.Context(), "s", 1); err != nil || trial.State != tracker.Complete {
		t.Errorf("trial is %s, %v", trial.State, err)
	}
}

// TestBusyStoreEndsInAnError never lets the store answer.
func TestBusyStoreEndsInAnError(t *testing.T) {
	store := &stubborn{Store: newStudy(t)}
	run := start(t, t.Context(), store, tracker.Options{LastFlush: 50 * time.Millisecond})
	run.Metric("loss", 0, 1)
	store.hang.Store(true)
	began := time.Now()
	if err := run.Finish(nil); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 5*time.Second {
		t.Errorf("Finish after %s: %v, want the deadline", time.Since(began), err)
	}
}

// TestHeartbeatsCome waits for a sign of life without any log call.
func TestHeartbeatsCome(t *testing.T) {
	store := newStudy(t)
	run := start(t, t.Context(), store, tracker.Options{Heartbeat: 5 * time.Millisecond})
	first, err := store.Trial(t.Context(), "s", 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ {
		now, err := store.Trial(t.Context(), "s", 1)
		if err != nil {
			t.Fatal(err)
		}
		if now.Heartbeat.After(first.Heartbeat) {
			break
		}
		if i == 400 {
			t.Fatal("no heartbeat after 2 s")
		}
		time.Sleep(5 * time.Millisecond)
	}
	if err := run.Finish(nil); err != nil {
		t.Fatal(err)
	}
}

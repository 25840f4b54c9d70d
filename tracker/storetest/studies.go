package storetest

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/parelab/pare/tracker"
)

// TestStudiesKeepTheirOrder makes studies whose names sort differently from their age.
func (s suite) TestStudiesKeepTheirOrder(t *testing.T) {
	names := []string{"zebra", "ant", "mouse with spaces/and é"}
	for _, n := range names {
		s.study(t, n, tracker.Minimize)
	}
	s.store = s.Reopen(t, s.store)
	got, err := s.store.Studies(t.Context())
	must(t, err)
	if len(got) != 3 || got[0].Name != names[0] || got[1].Name != names[1] || got[2].Name != names[2] {
		t.Errorf("studies %v, want %q", got, names)
	}
}

// TestEmptyStoreIsEmpty reads before anything was written.
func (s suite) TestEmptyStoreIsEmpty(t *testing.T) {
	studies, err := s.store.Studies(t.Context())
	if err != nil || len(studies) != 0 || studies == nil {
		t.Errorf("studies of an empty store: %v, %v; want an empty list", studies, err)
	}
}

// TestStudyIsMadeOnce asks for the same study twice and for a different one of its name.
func (s suite) TestStudyIsMadeOnce(t *testing.T) {
	want, err := s.store.CreateStudy(t.Context(), tracker.Study{Name: "a", Metric: "loss", Note: "first", Tags: []string{"y", "x", "y"}})
	must(t, err)
	if want.Direction != tracker.Minimize || want.Created.IsZero() || !reflect.DeepEqual(want.Tags, []string{"x", "y"}) {
		t.Errorf("defaults of a new study: %+v", want)
	}
	again, err := s.store.CreateStudy(t.Context(), tracker.Study{Name: "a", Metric: "loss", Note: "second"})
	if err != nil || !reflect.DeepEqual(again, want) {
		t.Errorf("the same study again: %+v, %v; want %+v", again, err, want)
	}
	_, err = s.store.CreateStudy(t.Context(), tracker.Study{Name: "a", Metric: "loss", Direction: tracker.Maximize})
	if !errors.Is(err, tracker.ErrConflict) || !strings.Contains(err.Error(), "minimize") {
		t.Errorf("another direction: %v, want ErrConflict that names the recorded one", err)
	}
	_, err = s.store.CreateStudy(t.Context(), tracker.Study{Name: "a", Metric: "accuracy"})
	if !errors.Is(err, tracker.ErrConflict) {
		t.Errorf("another metric: %v, want ErrConflict", err)
	}
}

// TestBadStudiesAreRefused tries names, metrics and directions that no study can have.
func (s suite) TestBadStudiesAreRefused(t *testing.T) {
	bad := []tracker.Study{
		{Metric: "m"}, {Name: "a"}, {Name: "a\x00b", Metric: "m"}, {Name: "a\nb", Metric: "m"}, {Name: "\xff", Metric: "m"},
		{Name: strings.Repeat("n", 251), Metric: "m"}, {Name: "a", Metric: "m", Direction: "sideways"},
	}
	for _, in := range bad {
		if _, err := s.store.CreateStudy(t.Context(), in); !errors.Is(err, tracker.ErrInvalid) {
			t.Errorf("CreateStudy(%.60q, %q, %q): %v, want ErrInvalid", in.Name, in.Metric, in.Direction, err)
		}
	}
}

// TestUnknownIsNotFound asks for what is not there, before and after the store has something.
func (s suite) TestUnknownIsNotFound(t *testing.T) {
	ctx := t.Context()
	for _, made := range []bool{false, true} {
		if made {
			s.study(t, "a", tracker.Minimize)
			s.trial(t, "a", "00ff")
		}
		_, study := s.store.Study(ctx, "b")
		_, trials := s.store.Trials(ctx, "b", tracker.Filter{})
		_, best := s.store.Best(ctx, "b", 1)
		_, trial := s.store.Trial(ctx, "a", 2)
		_, zero := s.store.Trial(ctx, "a", 0)
		_, id := s.store.TrialByID(ctx, "ee")
		_, noID := s.store.TrialByID(ctx, "")
		_, history := s.store.History(ctx, "a", 1, "loss", tracker.Range{})
		_, create := s.store.CreateTrial(ctx, &tracker.Trial{ID: "1", Study: "b"})
		_, file := s.store.OpenFile(ctx, strings.Repeat("0", 64))
		_, path := s.store.OpenFile(ctx, "../../etc/passwd")
		apply := s.store.Apply(ctx, "a", 2, tracker.Change{AddTags: []string{"x"}})
		for i, err := range []error{study, trials, best, trial, zero, id, noID, history, create, file, path, apply} {
			if !errors.Is(err, tracker.ErrNotFound) {
				t.Errorf("request %d (after writing: %t): %v, want ErrNotFound", i, made, err)
			}
		}
	}
}

// TestCancelledContextChangesNothing calls every method with a cancelled context.
func (s suite) TestCancelledContextChangesNothing(t *testing.T) {
	s.study(t, "a", tracker.Minimize)
	s.trial(t, "a", "01")
	before, err := s.store.Trial(t.Context(), "a", 1)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, e1 := s.store.CreateStudy(ctx, tracker.Study{Name: "b", Metric: "m"})
	_, e2 := s.store.Study(ctx, "a")
	_, e3 := s.store.Studies(ctx)
	_, e4 := s.store.CreateTrial(ctx, &tracker.Trial{ID: "02", Study: "a"})
	e5 := s.store.Apply(ctx, "a", 1, tracker.Change{AddTags: []string{"x"}})
	_, e6 := s.store.Trial(ctx, "a", 1)
	_, e7 := s.store.TrialByID(ctx, "01")
	_, e8 := s.store.Trials(ctx, "a", tracker.Filter{})
	_, e9 := s.store.Best(ctx, "a", 1)
	_, e10 := s.store.History(ctx, "a", 1, "loss", tracker.Range{})
	_, _, e11 := s.store.SaveFile(ctx, strings.NewReader("x"))
	_, e12 := s.store.OpenFile(ctx, strings.Repeat("0", 64))
	for i, err := range []error{e1, e2, e3, e4, e5, e6, e7, e8, e9, e10, e11, e12} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("method %d with a cancelled context: %v, want context.Canceled", i+1, err)
		}
	}
	after, err := s.store.Trial(t.Context(), "a", 1)
	must(t, err)
	studies, err := s.store.Studies(t.Context())
	must(t, err)
	if !reflect.DeepEqual(before, after) || len(studies) != 1 || studies[0].Trials() != 1 {
		t.Errorf("cancelled calls changed the store: %+v, %+v", after, studies)
	}
}

package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parelab/pare/tracker"
)

// TestTrialComesBackWhole writes every field, reopens, and reads it back.
func (s suite) TestTrialComesBackWhole(t *testing.T) {
	s.study(t, "a", tracker.Minimize)
	in := &tracker.Trial{
		ID: "0123456789abcdef", Study: "a", Started: epoch, Process: tracker.ThisProcess(), Note: "n", Tags: []string{"t"},
		Params: map[string]tracker.Value{
			"i": tracker.Int(math.MinInt64), "f": tracker.Float(2), "nan": tracker.Float(math.NaN()), "s": tracker.String("NaN"), "b": tracker.Bool(true),
			"l": tracker.List(tracker.Int(1), tracker.Float(1), tracker.String("x"), tracker.List()),
		},
		Origin: &tracker.Origin{Notebook: "n.ipynb", Cell: "c1", CellSource: "x := 1\n", Command: []string{"pare", "run"}, Dirty: true,
			Modules: map[string]string{"m": "v1"}, Seeds: map[string]uint64{"s": 1<<64 - 1}, Digests: map[string]string{"model": "ab"}},
	}
	made, err := s.store.CreateTrial(t.Context(), in)
	must(t, err)
	note := "later"
	s.apply(t, "a", 1, tracker.Change{
		Params: map[string]tracker.Value{"late": tracker.Int(1)}, Progress: &tracker.Progress{Stage: "x", Done: 1, Total: 2}, Note: &note,
		AddTags: []string{"u", "t", "v"}, DropTags: []string{"v"}, Heartbeat: epoch.Add(time.Minute),
		Files: []tracker.File{{Name: "f", Size: 3, SHA256: "abc"}, {Name: "g", Path: "/x"}},
		State: tracker.Failed, Error: "boom", Ended: epoch.Add(time.Hour),
	})
	got, err := s.Reopen(t, s.store).Trial(t.Context(), "a", 1)
	must(t, err)
	ended := epoch.Add(time.Hour)
	want := *made
	want.Params["late"] = tracker.Int(1)
	want.Progress, want.Note, want.Tags = &tracker.Progress{Stage: "x", Done: 1, Total: 2}, "later", []string{"t", "u"}
	want.Heartbeat, want.State, want.Error, want.Ended = epoch.Add(time.Minute), tracker.Failed, "boom", &ended
	want.Files = []tracker.File{{Name: "f", Size: 3, SHA256: "abc"}, {Name: "g", Path: "/x"}}
	for name, v := range in.Params {
		if !got.Params[name].Equal(v) {
			t.Errorf("param %s is %v (%s), want %v (%s)", name, got.Params[name], got.Params[name].Kind(), v, v.Kind())
		}
	}
	delete(got.Params, "nan") // NaN is not DeepEqual to itself
	delete(want.Params, "nan")
	if !reflect.DeepEqual(got, &want) {
		t.Errorf("got  %+v\nwant %+v\norigins %+v\n%+v", got, &want, got.Origin, want.Origin)
	}
}

// TestNumbersHaveNoGaps makes trials from many goroutines, each one twice, as a caller does who does not know whether it succeeded.
func (s suite) TestNumbersHaveNoGaps(t *testing.T) {
	const workers, each = 8, 5
	s.study(t, "a", tracker.Minimize)
	s.study(t, "b", tracker.Minimize)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				id := fmt.Sprintf("%08x%08x", w, i)
				for range 2 {
					if _, err := s.store.CreateTrial(t.Context(), &tracker.Trial{ID: id, Study: "a", Started: epoch, Process: tracker.ThisProcess()}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	trials, err := s.Reopen(t, s.store).Trials(t.Context(), "a", tracker.Filter{})
	must(t, err)
	ids := map[string]bool{}
	for i, trial := range trials {
		if trial.Number != i+1 {
			t.Fatalf("trial %d has number %d", i+1, trial.Number)
		}
		ids[trial.ID] = true
	}
	if len(trials) != workers*each || len(ids) != workers*each {
		t.Errorf("%d trials with %d ids, want %d", len(trials), len(ids), workers*each)
	}
	if other := s.trial(t, "b", "ff"); other.Number != 1 {
		t.Errorf("first trial of another study has number %d", other.Number)
	}
	if _, err := s.store.CreateTrial(t.Context(), &tracker.Trial{ID: "ff", Study: "a"}); !errors.Is(err, tracker.ErrConflict) {
		t.Errorf("the id of another study's trial: %v, want ErrConflict", err)
	}
}

// TestPagesJoinToTheWhole reads a listing page by page in both orders.
func (s suite) TestPagesJoinToTheWhole(t *testing.T) {
	s.study(t, "a", tracker.Minimize)
	s.study(t, "b", tracker.Minimize)
	for i := range 11 {
		trial := s.trial(t, "a", fmt.Sprintf("a%02d", i))
		s.trial(t, "b", fmt.Sprintf("b%02d", i))
		if i%2 == 0 {
			s.finish(t, trial, 1)
		}
	}
	for _, f := range []tracker.Filter{{Limit: 4}, {Limit: 4, Newest: true}, {Limit: 2, States: []tracker.State{tracker.Complete}}} {
		all, err := s.store.Trials(t.Context(), "a", tracker.Filter{Newest: f.Newest, States: f.States})
		must(t, err)
		var paged []*tracker.Trial
		for {
			page, err := s.store.Trials(t.Context(), "a", f)
			must(t, err)
			if len(page) == 0 {
				break
			}
			paged = append(paged, page...)
			f.After = page[len(page)-1].Number
		}
		if !slices.Equal(numbers(paged), numbers(all)) || len(all) < 6 {
			t.Errorf("%+v: pages give %v, the whole is %v", f, numbers(paged), numbers(all))
		}
		if all[0].Origin != nil {
			t.Error("a listing carries origins")
		}
	}
}

// TestStatesFollowTheRules ends trials and tries to change them afterwards.
func (s suite) TestStatesFollowTheRules(t *testing.T) {
	ctx := t.Context()
	s.study(t, "a", tracker.Minimize)
	for i, state := range []tracker.State{tracker.Complete, tracker.Failed, tracker.Interrupted, tracker.Lost} {
		trial := s.trial(t, "a", fmt.Sprint("id", i))
		s.apply(t, "a", trial.Number, tracker.Change{State: state, Error: "why", Ended: epoch})
		note := "after the end"
		s.apply(t, "a", trial.Number, tracker.Change{Note: &note, AddTags: []string{"late"}, State: state, Ended: epoch.Add(time.Hour)})
		refused := []tracker.Change{
			{Points: []tracker.Point{{Metric: "loss"}}},
			{Params: map[string]tracker.Value{"p": tracker.Int(1)}},
			{Files: []tracker.File{{Name: "f"}}},
			{State: tracker.States[1+(i+1)%4], AddTags: []string{"never"}},
		}
		for _, c := range refused {
			if err := s.store.Apply(ctx, "a", trial.Number, c); !errors.Is(err, tracker.ErrEnded) {
				t.Errorf("%s trial, change %+v: %v, want ErrEnded", state, c, err)
			}
		}
		got, err := s.store.Trial(ctx, "a", trial.Number)
		must(t, err)
		if got.State != state || !got.Ended.Equal(epoch) || got.Note != note || !slices.Equal(got.Tags, []string{"late"}) {
			t.Errorf("after the end: %+v", got)
		}
	}
	trial := s.trial(t, "a", "last")
	for _, c := range []tracker.Change{{State: tracker.Running}, {State: "odd"}, {Points: []tracker.Point{{Metric: ""}}}, {Points: []tracker.Point{{Metric: "a\x00"}}}} {
		if err := s.store.Apply(ctx, "a", trial.Number, c); !errors.Is(err, tracker.ErrInvalid) {
			t.Errorf("change %+v: %v, want ErrInvalid", c, err)
		}
	}
	err := s.store.Apply(ctx, "a", trial.Number, tracker.Change{Params: map[string]tracker.Value{"ratio": tracker.Int(1)}})
	if !errors.Is(err, tracker.ErrConflict) {
		t.Errorf("another value of a hyperparameter: %v, want ErrConflict", err)
	}
}

// TestLostIsSeenNotWritten gives a trial a process that is gone.
func (s suite) TestLostIsSeenNotWritten(t *testing.T) {
	s.study(t, "a", tracker.Minimize)
	gone := tracker.ThisProcess()
	gone.Started += "0"
	for id, p := range map[string]tracker.Process{"1": gone, "2": tracker.ThisProcess(), "3": {PID: 1, Boot: "elsewhere", Started: "1"}} {
		_, err := s.store.CreateTrial(t.Context(), &tracker.Trial{ID: id, Study: "a", Started: time.Now(), Process: p})
		must(t, err)
	}
	_, err := s.store.CreateTrial(t.Context(), &tracker.Trial{ID: "4", Study: "a", Started: time.Now().Add(-time.Hour), Process: tracker.Process{Boot: "elsewhere", Started: "1"}})
	must(t, err)
	for id, want := range map[string]tracker.State{"1": tracker.Lost, "2": tracker.Running, "3": tracker.Running, "4": tracker.Lost} {
		if got, err := s.store.TrialByID(t.Context(), id); err != nil || got.State != want {
			t.Errorf("trial %s: %v, %v, want %s", id, got.State, err, want)
		}
	}
	lost, err := s.store.Trials(t.Context(), "a", tracker.Filter{States: []tracker.State{tracker.Lost}})
	study, err2 := s.store.Study(t.Context(), "a")
	if err != nil || err2 != nil || len(lost) != 2 || !reflect.DeepEqual(study.Counts, map[tracker.State]int{tracker.Lost: 2, tracker.Running: 2}) {
		t.Errorf("lost %v, counts %v, %v, %v", numbers(lost), study.Counts, err, err2)
	}
	first, err := s.store.TrialByID(t.Context(), "1")
	must(t, err)
	s.finish(t, first, 1) // it was alive after all
	if got, _ := s.store.TrialByID(t.Context(), "1"); got.State != tracker.Complete {
		t.Errorf("a lost trial that spoke again is %s", got.State)
	}
}

// TestIDsMayBeShortened looks trials up by the beginning of their id.
func (s suite) TestIDsMayBeShortened(t *testing.T) {
	s.study(t, "a", tracker.Minimize)
	s.trial(t, "a", "abc1")
	s.trial(t, "a", "abd2")
	got, err := s.store.TrialByID(t.Context(), "abd")
	if err != nil || got.Number != 2 || got.Origin.Cell != "cell-abd2" {
		t.Errorf("abd: %+v, %v", got, err)
	}
	s.trial(t, "a", "abd22")
	if got, err := s.store.TrialByID(t.Context(), "abd2"); err != nil || got.Number != 2 {
		t.Errorf("an id that is whole and the beginning of another: %+v, %v", got, err)
	}
	if _, err := s.store.TrialByID(t.Context(), "ab"); !errors.Is(err, tracker.ErrConflict) {
		t.Errorf("ab: %v, want ErrConflict", err)
	}
}

// TestFilesAreKeptByContent saves content twice and reads it back.
func (s suite) TestFilesAreKeptByContent(t *testing.T) {
	for _, data := range [][]byte{{}, []byte("abc"), bytes.Repeat([]byte("0123456789abcdef"), 1<<17)} {
		sum, size, err := s.store.SaveFile(t.Context(), bytes.NewReader(data))
		must(t, err)
		again, _, err := s.store.SaveFile(t.Context(), bytes.NewReader(data))
		must(t, err)
		r, err := s.Reopen(t, s.store).OpenFile(t.Context(), sum)
		must(t, err)
		got, err := io.ReadAll(r)
		must(t, errors.Join(err, r.Close()))
		if size != int64(len(data)) || sum != again || !bytes.Equal(got, data) || len(sum) != 64 {
			t.Errorf("%d bytes came back as %d, digests %s and %s", len(data), len(got), sum, again)
		}
	}
	if _, _, err := s.store.SaveFile(t.Context(), io.MultiReader(strings.NewReader("x"), failingReader{})); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a reader that fails: %v, want its error", err)
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// interrupter cancels once a share of the work is done, and keeps the first progress and its stage.
type interrupter struct {
	silent
	cancel func()
	share  float64
	stage  string
	first  int
}

func (w *interrupter) Progress(stage string, done, total int) {
	if w.stage == "" {
		w.stage, w.first = stage, done
	}
	if w.cancel != nil && float64(done) > w.share*float64(total) {
		w.cancel()
	}
}

// A calibration that Ctrl-C stopped continues, says so, and ends as one that nothing stopped.
func TestCalibrateContinues(t *testing.T) {
	defer func() { checkpointEvery = 0 }()
	checkpointEvery = -1
	l := newTestLab(t)
	m := openTiny(t, l)
	whole, err := newTestLab(t).Calibrate(t.Context(), m, little)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stopped := &interrupter{cancel: cancel, share: 0.5}
	l.Watch = func(string) Watcher { return stopped }
	if _, err := l.Calibrate(ctx, m, little); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "the next run continues") {
		t.Fatalf("expected an interruption that says what comes next, found %v", err)
	}
	results := filepath.Join(l.Home, "results")
	if files, _ := filepath.Glob(filepath.Join(results, "*.unfinished")); len(files) != 1 {
		t.Fatalf("expected one checkpoint, found %v", files)
	}
	going := &interrupter{}
	l.Watch = func(string) Watcher { return going }
	second, err := l.Calibrate(t.Context(), m, little)
	if err != nil {
		t.Fatal(err)
	}
	if said := fmt.Sprint(second.Facts()); !strings.Contains(said, "continued after 4 of 8 sequences") || !strings.Contains(going.stage, "continued") {
		t.Errorf("said %s, stage %q", said, going.stage)
	}
	if going.first <= stopped.first {
		t.Errorf("progress began at %d", going.first)
	}
	if !reflect.DeepEqual(second.Moments, whole.Moments) {
		t.Error("the moments differ from those of a calibration in one sitting")
	}
	if files, _ := os.ReadDir(results); len(files) != 1 {
		t.Errorf("expected the result alone, found %v", files)
	}
	if third, err := l.Calibrate(t.Context(), m, little); err != nil || third.ReadBack == "" {
		t.Errorf("the result was not kept: %v", err)
	}
}

// TestCalibrationGroups: how many groups are made where nobody said, which any number of sequences can be cut into.
func TestCalibrationGroups(t *testing.T) {
	m := openTiny(t, newTestLab(t))
	for sequences, want := range map[int]int{0: 32, 128: 32, 64: 32, 8: 8, 100: 25, 7: 7, 37: 1, 1: 1} {
		if got := (Calibration{Sequences: sequences}).withDefaults(m).Groups; got != want {
			t.Errorf("%d sequences: %d groups, expected %d", sequences, got, want)
		}
	}
}

// Moments that were merged or regrouped are others: what was made of the first is not read back for them, and their options must tell of them.
func TestMomentsInPlaceOfOthers(t *testing.T) {
	ctx, l := t.Context(), newTestLab(t)
	m := openTiny(t, l)
	first, err := l.Calibrate(ctx, m, little)
	if err != nil {
		t.Fatal(err)
	}
	again := little
	again.Seed = 2
	second, err := l.Calibrate(ctx, m, again)
	if err != nil {
		t.Fatal(err)
	}
	loss := func(moments *Moments) float64 {
		small, err := l.Compress(ctx, m, Attempt{Method: "scm", Ratio: 0.4, Moments: moments}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return small.Allocation.Loss
	}
	before, merged := loss(first), *first
	if merged.Moments, err = first.Merge(second.Moments); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Compress(ctx, m, Attempt{Method: "scm", Ratio: 0.4, Moments: &merged}, nil); err == nil || !strings.Contains(err.Error(), "set Options") {
		t.Errorf("options of other moments: %v", err)
	}
	merged.Options.Sequences, merged.Options.Groups = merged.Sequences, merged.Groups
	if after := loss(&merged); after == before {
		t.Errorf("merged moments leave out %v, exactly as much as their first half", after)
	}
	if _, err := l.Compress(ctx, m, Attempt{Method: "scm", Ratio: 0.4, Moments: &Moments{}}, nil); err == nil || !strings.Contains(err.Error(), "found none") {
		t.Errorf("no moments: %v", err)
	}
	other, err := l.Open(Pocket)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := l.Compress(ctx, other, Attempt{Method: "scm", Ratio: 0.4, Moments: first}, nil); err == nil || !strings.Contains(err.Error(), "another model") {
		t.Errorf("moments of another model: %v", err)
	}
}

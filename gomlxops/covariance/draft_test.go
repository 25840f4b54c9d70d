package covariance

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// Moments made in a file are, byte for byte, those that Save writes.
func TestCollectIntoFile(t *testing.T) {
	m, tokens := openOracle(t, "gqa"), calibTokens(t, "gqa")
	dir := t.TempDir()
	made, saved := filepath.Join(dir, "made"), filepath.Join(dir, "saved")
	opt := Options{Groups: 4, Batch: 2, Data: "text"}
	want := collect(t, m, tokens, opt)
	if err := want.Save(saved); err != nil {
		t.Fatal(err)
	}
	opt.File = made
	opt.Checkpoint = Checkpoint{Path: filepath.Join(dir, "unfinished"), Every: -1}
	got := collect(t, m, tokens, opt)
	if !reflect.DeepEqual(got, want) {
		t.Error("moments in a file differ from those in the heap")
	}
	a, errA := os.ReadFile(made)
	b, errB := os.ReadFile(saved)
	if errA != nil || errB != nil || !bytes.Equal(a, b) || len(a) < 8*packed(64) {
		t.Errorf("%d bytes differ from the %d of Save: %v, %v", len(a), len(b), errA, errB)
	}
	back, err := Load(made)
	if err != nil || !reflect.DeepEqual(back, want) {
		t.Errorf("what was read differs: %v", err)
	}
}

// A pass that was interrupted leaves no file, and continues into one.
func TestInterruptedIntoFile(t *testing.T) {
	m, tokens := openOracle(t, "gqa"), calibTokens(t, "gqa")
	want := collect(t, m, tokens, Options{Groups: 4, Batch: 2})
	dir := t.TempDir()
	opt := Options{Groups: 4, Batch: 2, File: filepath.Join(dir, "moments"), Checkpoint: Checkpoint{Path: filepath.Join(dir, "unfinished"), Every: -1}}
	ctx, cancel := context.WithCancel(t.Context())
	opt.Recorder = cancelAfter{cancel, 6}
	if _, err := Collect(ctx, m.Dense(), tokens, opt); err == nil || !strings.Contains(err.Error(), context.Canceled.Error()) {
		t.Fatalf("error %v", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != "unfinished" {
		t.Fatalf("left behind: %v, %v", left, err)
	}
	opt.Recorder = nil
	if got := collect(t, m, tokens, opt); !reflect.DeepEqual(got, want) {
		t.Error("continued moments differ")
	}
}

// cancelAfter cancels when so many calls are done.
type cancelAfter struct {
	cancel context.CancelFunc
	calls  int
}

func (cancelAfter) Metric(string, int, float64) {}

func (c cancelAfter) Progress(_ string, done, _ int) {
	if done >= c.calls {
		c.cancel()
	}
}

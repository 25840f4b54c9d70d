package tensorfile

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func draftOf(t *testing.T, path string) *Draft {
	t.Helper()
	d, err := NewDraft(path, []Tensor{{"a", []int{3}, []int64(nil)}, {"b", []int{2, 700}, []float64(nil)}, {"none", []int{0}, []float64(nil)}}, map[string]string{"made": "here"})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// What is filled in place is, byte for byte, what Write writes.
func TestDraft(t *testing.T) {
	dir := t.TempDir()
	path, want := filepath.Join(dir, "draft"), filepath.Join(dir, "written")
	d := draftOf(t, path)
	counts, values := []int64{1, -2, 3}, make([]float64, 1400)
	for i := range values {
		values[i] = 1 / float64(i+1)
	}
	if len(d.Int64("a")) != 3 || len(d.Float64("b")) != 1400 || d.Float64("a") != nil || d.Int64("x") != nil || slices.Max(d.Float64("b")) != 0 {
		t.Fatalf("arrays %v, %d numbers", d.Int64("a"), len(d.Float64("b")))
	}
	copy(d.Int64("a"), counts)
	copy(d.Float64("b"), values)
	if _, err := os.Stat(path); err == nil {
		t.Error("a file before Commit")
	}
	if err := d.Commit(); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(d.Float64("b"), values) {
		t.Error("the array changed")
	}
	if err := Write(want, []Tensor{{"a", []int{3}, counts}, {"b", []int{2, 700}, values}, {"none", []int{0}, []float64{}}}, map[string]string{"made": "here"}); err != nil {
		t.Fatal(err)
	}
	x, errX := os.ReadFile(path)
	y, errY := os.ReadFile(want)
	if errX != nil || errY != nil || !bytes.Equal(x, y) || len(x) < 1400*8 {
		t.Errorf("%d bytes differ from the %d of Write: %v, %v", len(x), len(y), errX, errY)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDraftDiscard(t *testing.T) {
	dir := t.TempDir()
	d := draftOf(t, filepath.Join(dir, "x"))
	if err := d.Discard(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestDraftRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	for want, bad := range map[string][]Tensor{
		"expected []float64": {{"f", []int{2}, []float32(nil)}}, "negative": {{"f", []int{-2}, []float64(nil)}}, "twice": {{"f", nil, []float64(nil)}, {"f", nil, []float64(nil)}},
	} {
		if _, err := NewDraft(path, bad, nil); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("got %v, want %q and the path", err, want)
		}
	}
	if _, err := NewDraft(filepath.Join(path, "y"), nil, nil); err == nil {
		t.Error("a draft in no directory")
	}
}

// Mapped and read arrays are the same.
func TestOpenMapped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	if err := Write(path, sample(), nil); err != nil {
		t.Fatal(err)
	}
	f, err := OpenMapped(path)
	if err != nil {
		t.Fatal(err)
	}
	wide, err := f.Float64("b.wide", 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	narrow, err := f.Float32("a.narrow", 3)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(wide, sample()[0].Data.([]float64)) || !slices.Equal(narrow, sample()[1].Data.([]float32)) {
		t.Errorf("%v, %v", wide, narrow)
	}
}

// What a killed process left of a draft goes with the next draft of that path; what somebody works on stays, and so does what is no draft.
func TestDraftSweeps(t *testing.T) {
	if !mappable {
		t.Skip("drafts lie in the heap here")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "a.safetensors")
	arrays := []Tensor{{Name: "x", Shape: []int{2}, Data: []float64(nil)}}
	busy, err := NewDraft(path, arrays, nil)
	if err != nil {
		t.Fatal(err)
	}
	dead, other := filepath.Join(dir, ".a.safetensors.17"), filepath.Join(dir, ".a.safetensors.17x")
	for _, name := range []string{dead, other} {
		if err := errors.Join(os.Mkdir(name, 0o755), os.WriteFile(filepath.Join(name, "draft"), []byte("left"), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	last, err := NewDraft(path, arrays, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dead); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a dead draft: %v", err)
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("what is no draft: %v", err)
	}
	for what, d := range map[string]*Draft{"busy": busy, "last": last} {
		if err := d.Commit(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

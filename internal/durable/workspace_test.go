package durable

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// names lists a directory.
func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// TestWorkspace checks that workspaces in use stay, those of killed processes go, and nothing else does.
func TestWorkspace(t *testing.T) {
	parent := t.TempDir()
	others := []string{".work-", ".work-12.old", ".work-x", "work-12"}
	for _, name := range others {
		if err := os.Mkdir(filepath.Join(parent, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(parent, ".work-13"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	others = append(others, ".work-13")
	workspace := func() *Workspace {
		w, err := NewWorkspace(parent, ".work-")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(w.Dir, "a"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		return w
	}
	used, dead := workspace(), workspace()
	if err := dead.lock.Close(); err != nil { // as the system does when a process is killed
		t.Fatal(err)
	}
	moved := workspace()
	others = append(others, "moved")
	if err := os.Rename(moved.Dir, filepath.Join(parent, "moved")); err != nil {
		t.Fatal(err)
	}
	check := func(when string, want ...string) {
		t.Helper()
		want = append(want, others...)
		found := names(t, parent)
		slices.Sort(want)
		if !slices.Equal(found, want) {
			t.Errorf("%s: found %q, expected %q", when, found, want)
		}
	}
	check("after a sweep", filepath.Base(used.Dir))
	for _, w := range []*Workspace{used, moved} {
		if err := w.Remove(); err != nil {
			t.Error(err)
		}
	}
	check("after all were removed")
}

package boltstore_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parelab/pare/tracker"
	"github.com/parelab/pare/tracker/boltstore"
	"github.com/parelab/pare/tracker/storetest"
)

// TestMain lets this binary be one of several processes that write to one file; see process_test.go.
func TestMain(m *testing.M) {
	if path := os.Getenv("PARE_TEST_WRITER"); path != "" {
		os.Exit(writerProcess(path))
	}
	os.Exit(m.Run())
}

func open(t *testing.T, path string) *boltstore.Store {
	t.Helper()
	s, err := boltstore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	storetest.Run(t, storetest.Harness{
		New: func(t *testing.T) tracker.Store { return open(t, filepath.Join(t.TempDir(), "home", "tracker.db")) },
		Reopen: func(t *testing.T, store tracker.Store) tracker.Store {
			return open(t, store.(*boltstore.Store).Path())
		},
	})
}

func TestModesAreForTheOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "home", "tracker.db")
	s := open(t, path)
	if _, err := os.Stat(filepath.Dir(path)); !os.IsNotExist(err) {
		t.Errorf("opening made something: %v", err)
	}
	if _, err := s.Studies(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(path)); !os.IsNotExist(err) {
		t.Errorf("reading made something: %v", err)
	}
	if _, err := s.CreateStudy(t.Context(), tracker.Study{Name: "a", Metric: "m"}); err != nil {
		t.Fatal(err)
	}
	digest, _, err := s.SaveFile(t.Context(), strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{
		path: 0o600, filepath.Dir(path): os.ModeDir | 0o700, filepath.Join(filepath.Dir(path), "files", digest[:2], digest[2:]): 0o600,
	} {
		info, err := os.Stat(name)
		if err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v, want %v", name, info.Mode(), err, want)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 2 {
		t.Errorf("beside the file lies %v, %v; want files and tracker.db alone", entries, err)
	}
}

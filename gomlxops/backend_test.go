package gomlxops

import (
	"io"
	"os"
	"strings"
	"testing"
)

// TestBackendIsQuiet checks that the default backend has the parallelism that its name says, and that starting it writes
// nothing on standard output.
func TestBackendIsQuiet(t *testing.T) {
	t.Setenv("PARE_BACKEND", "")
	t.Setenv("GOMLX_BACKEND", "")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = w
	b, err := openBackend()
	os.Stdout = stdout
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	if printed, _ := io.ReadAll(r); len(printed) > 0 {
		t.Errorf("starting the backend printed %q", printed)
	}
	if d := b.Description(); !strings.Contains(d, "parallelism=8") {
		t.Errorf("backend %q describes itself as %q, expected parallelism=8 in it", BackendName(), d)
	}
	if !IsGo(b) {
		t.Errorf("the default backend is %s", b)
	}
}

func TestBackendRefuses(t *testing.T) {
	for name, want := range map[string]string{
		"go:parallelism=many":    "parallelism",
		"go:no_such_option":      "no_such_option",
		"xla:/no/such/plugin.so": "xla",
	} {
		t.Setenv("PARE_BACKEND", name)
		if _, err := openBackend(); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
			t.Errorf("PARE_BACKEND=%s: expected an error naming it and %q, found %v", name, want, err)
		}
	}
}

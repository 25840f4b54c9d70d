package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/parelab/pare/kernel/gonb"
)

// TestRunScripts runs testdata/runscript/*.txt: scripts that start kernels. They share the user's caches of Go and of the
// kernel's programs, since building into empty ones takes minutes.
func TestRunScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("runs cells on real kernels, some seconds; runs without -short")
	}
	source, err := gonb.FindSource(".")
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	caches := strings.Fields(string(out))
	if _, err := gonb.Build(t.Context(), gonb.BuildOptions{Source: source, Log: os.Stderr}); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/runscript",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PARE_HOME", env.WorkDir+"/.pare")
			env.Setenv(gonb.SourceEnv, source)
			env.Setenv("XDG_CACHE_HOME", cache)
			env.Setenv("GOCACHE", caches[0])
			env.Setenv("GOMODCACHE", caches[1])
			env.Setenv("GOTOOLCHAIN", "auto")
			return nil
		},
		Condition: func(name string) (bool, error) {
			return exec.Command("/usr/bin/python3", "-c", "import "+name).Run() == nil, nil
		},
	})
}

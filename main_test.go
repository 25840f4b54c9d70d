package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/parelab/pare/tracker"
	"github.com/parelab/pare/tracker/boltstore"
)

// TestMain makes pare itself, and the programs that scripts need beside it, commands of the scripts.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"pare":       main,
		"maketrials": func() { os.Exit(makeTrials(os.Args[1:])) },
		"status":     func() { os.Exit(wantStatus(os.Args[1], os.Args[2:])) },
		"waitfor":    func() { os.Exit(waitFor(os.Args[1])) },
		"killed":     func() { os.Exit(killed(os.Args[1], os.Args[2:])) },
		"nospace":    func() { os.Exit(noSpace(os.Args[1:])) },
		"ordered":    func() { os.Exit(ordered(os.Args[1], os.Args[2:])) },
	})
}

// TestScripts runs testdata/script/*.txt. Each has a home of its own, PARE_HOME in it, and BAD, the folder of damaged models.
func TestScripts(t *testing.T) {
	bad, err := filepath.Abs("gomlxops/testdata/oracle/data_bad")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PARE_HOME", env.WorkDir+"/home")
			env.Setenv("BAD", bad)
			return nil
		},
	})
}

// wantStatus runs a command and fails unless it exits with the given status.
func wantStatus(want string, args []string) int {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err := cmd.Run()
	if got := fmt.Sprint(cmd.ProcessState.ExitCode()); got != want {
		fmt.Fprintf(os.Stderr, "%q exits with %s, want %s: %v\n", args, got, want, err)
		return 1
	}
	return 0
}

// waitFor waits until a file is there.
func waitFor(path string) int {
	for range 200 {
		if _, err := os.Stat(path); err == nil {
			return 0
		}
		time.Sleep(50 * time.Millisecond)
	}
	fmt.Fprintf(os.Stderr, "no file %s after 10 s\n", path)
	return 1
}

// makeTrials fills a tracker: maketrials FILE STUDY makes four ended trials with ratios 0.1, 0.2 and so on, of which the second is the best and the
// last fails; maketrials FILE STUDY hang makes one that says "running" and then waits to be killed.
func makeTrials(args []string) int {
	ctx := context.Background()
	store, err := boltstore.Open(args[0])
	if err == nil {
		_, err = store.CreateStudy(ctx, tracker.Study{Name: args[1], Metric: "perplexity", Note: "made by a test"})
	}
	if err == nil && len(args) > 2 {
		err = hangingTrial(ctx, store, args[1])
	}
	for i, value := range []float64{12, 9.5, math.NaN(), 11} {
		if err == nil && len(args) == 2 {
			err = madeTrial(ctx, store, args[1], 0.1*float64(i+1), value)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func madeTrial(ctx context.Context, store tracker.Store, study string, ratio, value float64) error {
	run, err := tracker.Start(ctx, store, tracker.Attempt{
		Study:  study,
		Params: map[string]tracker.Value{"ratio": tracker.Float(ratio), "method": tracker.String("pcm")},
		Origin: tracker.Origin{Notebook: "n.ipynb", Cell: "c1", CellSource: "x := 1\nfmt.Println(x)\n", Seeds: map[string]uint64{"data": 7}},
	})
	if err != nil {
		return err
	}
	for step := range 3 {
		run.Metric("perplexity", step, value+float64(2-step))
	}
	if err := run.FileBytes("table.csv", []byte("a,b\n")); err != nil {
		return err
	}
	if value == 11 {
		return run.Finish(fmt.Errorf("the disk is full\nsecond line"))
	}
	return run.Finish(nil)
}

func hangingTrial(ctx context.Context, store tracker.Store, study string) error {
	run, err := tracker.Start(ctx, store, tracker.Attempt{Study: study})
	if err != nil {
		return err
	}
	run.Metric("perplexity", 0, 20)
	run.Progress("calibrate", 3, 7)
	if err := run.Flush(ctx); err != nil {
		return err
	}
	if err := os.WriteFile("running", nil, 0o600); err != nil {
		return err
	}
	time.Sleep(time.Minute)
	return fmt.Errorf("nobody killed the hanging trial")
}

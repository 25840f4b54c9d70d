package boltstore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parelab/pare/tracker"
	"github.com/parelab/pare/tracker/boltstore"
)

// writerProcess is one of several processes. It makes trials, writes three changes to each, and says on standard output what was acknowledged.
func writerProcess(path string) int {
	ctx := context.Background()
	store, err := boltstore.OpenWith(path, boltstore.Options{Timeout: time.Minute})
	if err == nil {
		_, err = store.CreateStudy(ctx, tracker.Study{Name: "s", Metric: "loss"})
	}
	count := 20
	if os.Getenv("PARE_TEST_ENDLESS") != "" {
		count = 1 << 30
	}
	for i := 0; err == nil && i < count; i++ {
		err = writeTrial(ctx, store, fmt.Sprintf("%d-%d", os.Getpid(), i))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func writeTrial(ctx context.Context, store tracker.Store, id string) error {
	trial, err := store.CreateTrial(ctx, &tracker.Trial{ID: id, Study: "s", Started: time.Now(), Process: tracker.ThisProcess()})
	if err != nil {
		return err
	}
	fmt.Println("made", trial.ID, trial.Number)
	for step := range 3 {
		c := tracker.Change{Points: []tracker.Point{{Metric: "loss", Step: int64(step), Value: tracker.Number(trial.Number)}}}
		if step == 2 {
			c.State, c.Ended = tracker.Complete, time.Now()
		}
		if err := store.Apply(ctx, "s", trial.Number, c); err != nil {
			return err
		}
		fmt.Println("point", trial.ID, step)
	}
	return nil
}

// output is what a process has said so far.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// waitForLines waits until the process has said n lines.
func (o *output) waitForLines(t *testing.T, n int) {
	t.Helper()
	for range 3000 {
		if strings.Count(o.String(), "\n") >= n {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("a writer said in 30 s only %q", o.String())
}

func startWriter(t *testing.T, path string, env ...string) (*exec.Cmd, *output) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), "PARE_TEST_WRITER="+path), env...)
	out := &output{}
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out
}

// checkAcknowledged compares what processes were told is kept with what is there, and returns how much that was.
func checkAcknowledged(t *testing.T, store tracker.Store, said string) int {
	t.Helper()
	checked := 0
	for line := range strings.Lines(said) {
		var what, id string
		var n int
		if _, err := fmt.Sscan(line, &what, &id, &n); err != nil || !strings.HasSuffix(line, "\n") {
			continue // the last line of a killed process
		}
		trial, err := store.TrialByID(t.Context(), id)
		if err != nil {
			t.Errorf("acknowledged and gone: %q: %v", line, err)
			continue
		}
		switch {
		case what == "made" && trial.Number != n:
			t.Errorf("trial %s has number %d, it was told %d", id, trial.Number, n)
		case what == "point" && trial.Metrics["loss"].Count <= n:
			t.Errorf("trial %s has %d points, it was told that %d are kept", id, trial.Metrics["loss"].Count, n+1)
		case what == "point" && n == 2 && trial.State != tracker.Complete:
			t.Errorf("trial %s is %s, it was told that it is complete", id, trial.State)
		}
		checked++
	}
	return checked
}

// checkWhole reads every record of study s.
func checkWhole(t *testing.T, store tracker.Store) []*tracker.Trial {
	t.Helper()
	trials, err := store.Trials(t.Context(), "s", tracker.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	for i, trial := range trials {
		if trial.Number != i+1 {
			t.Fatalf("trial %d has number %d", i+1, trial.Number)
		}
		for metric := range trial.Metrics {
			if _, err := store.History(t.Context(), "s", trial.Number, metric, tracker.Range{}); err != nil {
				t.Error(err)
			}
		}
	}
	study, err := store.Study(t.Context(), "s")
	if err != nil || study.Trials() != len(trials) {
		t.Errorf("%d trials, counted %v, %v", len(trials), study.Counts, err)
	}
	best, err := store.Best(t.Context(), "s", len(trials)+1)
	if err != nil || len(best) != study.Counts[tracker.Complete] {
		t.Errorf("%d of %d complete trials are ranked, %v", len(best), study.Counts[tracker.Complete], err)
	}
	return trials
}

// TestProcessesLoseNothing lets processes race from the making of the file on.
func TestProcessesLoseNothing(t *testing.T) {
	const processes, each = 4, 20
	path := filepath.Join(t.TempDir(), "home", "tracker.db")
	var cmds []*exec.Cmd
	var outs []*output
	for range processes {
		cmd, out := startWriter(t, path)
		cmds, outs = append(cmds, cmd), append(outs, out)
	}
	checked := 0
	store := open(t, path)
	for i, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Errorf("process %d: %v", i, err)
		}
		checked += checkAcknowledged(t, store, outs[i].String())
	}
	if trials := checkWhole(t, store); len(trials) != processes*each || checked != processes*each*4 {
		t.Errorf("%d trials and %d acknowledgements, want %d and %d", len(trials), checked, processes*each, processes*each*4)
	}
}

// TestOneCreatorWins has stores of their own make the file at once. What each was told is kept must be in the file that remains.
func TestOneCreatorWins(t *testing.T) {
	const rounds, creators = 20, 6
	for range rounds {
		path := filepath.Join(t.TempDir(), "tracker.db")
		var wg sync.WaitGroup
		for i := range creators {
			store := open(t, path)
			wg.Go(func() {
				if _, err := store.CreateStudy(t.Context(), tracker.Study{Name: fmt.Sprint(i), Metric: "m"}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if studies, err := open(t, path).Studies(t.Context()); err != nil || len(studies) != creators {
			t.Fatalf("%d of %d studies are left, %v", len(studies), creators, err)
		}
	}
}

// TestKilledProcessesLoseNothingAcknowledged kills two writers at a random moment, several times, over one file.
func TestKilledProcessesLoseNothingAcknowledged(t *testing.T) {
	rounds := 8
	if testing.Short() {
		rounds = 3
	}
	path := filepath.Join(t.TempDir(), "tracker.db")
	store := open(t, path)
	checked := 0
	for range rounds {
		a, outA := startWriter(t, path, "PARE_TEST_ENDLESS=1")
		b, outB := startWriter(t, path, "PARE_TEST_ENDLESS=1")
		outA.waitForLines(t, 3)
		outB.waitForLines(t, 3)
		time.Sleep(rand.N(20 * time.Millisecond))
		for _, cmd := range []*exec.Cmd{a, b} {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // killed
		}
		checked += checkAcknowledged(t, store, outA.String()) + checkAcknowledged(t, store, outB.String())
	}
	trials := checkWhole(t, store)
	for _, trial := range trials {
		if trial.State != tracker.Complete && trial.State != tracker.Lost {
			t.Errorf("trial %d of a killed process is %s, want lost", trial.Number, trial.State)
		}
	}
	if checked < 6*rounds {
		t.Errorf("only %d acknowledgements and %d trials were checked", checked, len(trials))
	}
	t.Logf("%d rounds, %d acknowledgements, %d trials", rounds, checked, len(trials))
}

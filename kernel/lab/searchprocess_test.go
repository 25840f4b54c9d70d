package lab

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parelab/pare/gomlxops/bayesopt"
	"github.com/parelab/pare/tracker"
	"github.com/parelab/pare/tracker/boltstore"
)

// childEnv names what a process that a test starts is to do: one of children, where, and with which model.
const childEnv = "PARE_TEST_SEARCH"

var children = map[string]func(t *testing.T, l *Lab, m *Model){
	"search": searchOn,
	"claim":  claimAll,
	"hold":   holdPoint,
}

// workplace is where processes search together: a record and a model on disk.
type workplace struct {
	dir, model string
	store      tracker.Store
}

func newWorkplace(t *testing.T) *workplace {
	w := &workplace{dir: t.TempDir(), model: tinyModel(t)}
	var err error
	if w.store, err = boltstore.Open(filepath.Join(w.dir, "tracker.db")); err != nil {
		t.Fatal(err)
	}
	testStudy(t, &Lab{Store: w.store}) // so that its trials can be asked for
	return w
}

// lab is one of this process that works there too.
func (w *workplace) lab(t *testing.T) (*Lab, *Model) {
	l := &Lab{Home: w.dir, Store: w.store, Watch: func(string) Watcher { return silent{} }}
	m, err := l.Open(w.model)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return l, m
}

// child starts this test's program to do one thing there.
func (w *workplace) child(t *testing.T, what string, more ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], "-test.run", "^TestSearchChild$")
	cmd.Env = append(os.Environ(), append([]string{childEnv + "=" + what, childEnv + "_DIR=" + w.dir, childEnv + "_MODEL=" + w.model}, more...)...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd
}

// TestSearchChild is what processes of the tests below run.
func TestSearchChild(t *testing.T) {
	do, ok := children[os.Getenv(childEnv)]
	if !ok {
		t.Skip("runs in processes that other tests start")
	}
	w := &workplace{dir: os.Getenv(childEnv + "_DIR"), model: os.Getenv(childEnv + "_MODEL")}
	var err error
	if w.store, err = boltstore.Open(filepath.Join(w.dir, "tracker.db")); err != nil {
		t.Fatal(err)
	}
	l, m := w.lab(t)
	do(t, l, m)
}

func number(t *testing.T, name string) int {
	n, err := strconv.Atoi(os.Getenv(name))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// searchOn searches, with as many trials and workers as the environment says.
func searchOn(t *testing.T, l *Lab, m *Model) {
	s := quickSearch(number(t, "TRIALS"))
	s.Workers = number(t, "WORKERS")
	if _, err := testStudy(t, l).Search(t.Context(), m, s); err != nil {
		t.Fatal(err)
	}
}

// claims is how many suggestions processes fight for.
const claims = 20

// claimAll claims suggestion after suggestion from the moment on that the file "go" is there, and writes down what it got.
func claimAll(t *testing.T, l *Lab, m *Model) {
	h := testHunt(t, l, m)
	var won []string
	_ = os.WriteFile(filepath.Join(l.Home, "ready"+os.Getenv("NAME")), nil, 0o600)
	waitForFile(t, filepath.Join(l.Home, "go"))
	for i := range claims {
		run, err := h.claim(t.Context(), bayesopt.Suggestion{ID: i, X: h.options.Starts[0], Phase: bayesopt.PhaseStart}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if run != nil {
			won = append(won, fmt.Sprint(i))
		}
	}
	if err := os.WriteFile(filepath.Join(l.Home, "won"+os.Getenv("NAME")), []byte(strings.Join(won, " ")), 0o600); err != nil {
		t.Fatal(err)
	}
}

// holdPoint asks for a point and never says what it is worth.
func holdPoint(t *testing.T, l *Lab, m *Model) {
	if _, run, err := testHunt(t, l, m).ask(t.Context()); err != nil || run == nil {
		t.Fatal(run, err)
	}
	_ = os.WriteFile(filepath.Join(l.Home, "holding"), nil, 0o600)
	time.Sleep(2 * time.Minute)
}

func testHunt(t *testing.T, l *Lab, m *Model) *hunt {
	h, err := testStudy(t, l).hunt(t.Context(), m, quickSearch(50).withDefaults(m), silent{})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func waitForFile(t *testing.T, path string) {
	t.Helper()
	waitUntil(t, func() bool { _, err := os.Stat(path); return err == nil })
}

func waitUntil(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !done(); time.Sleep(3 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("what is waited for did not come in two minutes")
		}
	}
}

// record are the search's trials as they are written down, in their order.
func (w *workplace) record(t *testing.T, states ...tracker.State) []*tracker.Trial {
	t.Helper()
	trials, err := w.store.Trials(t.Context(), "search", tracker.Filter{States: states})
	if err != nil {
		t.Fatal(err)
	}
	return trials
}

// A suggestion is claimed once: a second claim gets nothing, whether it is this search's own or that of another which was told the same.
func TestSearchClaimsOnce(t *testing.T) {
	w := newWorkplace(t)
	l, m := w.lab(t)
	one, other := testHunt(t, l, m), testHunt(t, l, m)
	s := bayesopt.Suggestion{X: one.options.Starts[0], Phase: bayesopt.PhaseStart}
	for i, h := range []*hunt{one, other, one} {
		run, err := h.claim(t.Context(), s, 0)
		if err != nil || (run != nil) != (i == 0) {
			t.Errorf("claim %d: %v, %v", i+1, run, err)
		}
	}
	if run, err := other.claim(t.Context(), s, 1); err != nil || run == nil { // the record has one more: the point was freed, and asked for again
		t.Errorf("a point that is free: %v, %v", run, err)
	}
	if n := len(w.record(t)); n != 2 {
		t.Errorf("%d trials on record, expected 2", n)
	}
}

// Processes that are told the same at the same moment: each suggestion goes to exactly one.
func TestSearchClaimsBetweenProcesses(t *testing.T) {
	w := newWorkplace(t)
	names := []string{"a", "b", "c"}
	var running []*exec.Cmd
	for _, name := range names {
		running = append(running, w.child(t, "claim", "NAME="+name))
	}
	for _, name := range names {
		waitForFile(t, filepath.Join(w.dir, "ready"+name))
	}
	if err := os.WriteFile(filepath.Join(w.dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	owners, winners := map[string]string{}, 0
	for i, name := range names {
		if err := running[i].Wait(); err != nil {
			t.Fatal(err)
		}
		won, err := os.ReadFile(filepath.Join(w.dir, "won"+name))
		if err != nil {
			t.Fatal(err)
		}
		if len(won) > 0 {
			winners++
		}
		for _, id := range strings.Fields(string(won)) {
			if owners[id] != "" {
				t.Errorf("suggestion %s went to %s and to %s", id, owners[id], name)
			}
			owners[id] = name
		}
	}
	if len(owners) != claims || len(w.record(t)) != claims {
		t.Errorf("%d suggestions have an owner, %d trials are on record, expected %d", len(owners), len(w.record(t)), claims)
	}
	t.Logf("%d of 3 processes won some: %v", winners, owners)
}

// A point that another process holds counts as asked for, and is free once that process has been killed.
func TestSearchFreesThePointOfTheDead(t *testing.T) {
	w := newWorkplace(t)
	l, m := w.lab(t)
	done, err := testStudy(t, l).Search(t.Context(), m, quickSearch(6))
	if err != nil {
		t.Fatal(err)
	}
	holder := w.child(t, "hold")
	waitForFile(t, filepath.Join(w.dir, "holding"))
	h := testHunt(t, l, m)
	trials, _, err := h.replay(t.Context())
	if err != nil || len(trials) != 7 || trials[6].State != bayesopt.Pending || trials[6].Phase != bayesopt.PhaseModel {
		t.Fatalf("expected six trials and one that is held: %+v, %v", trials, err)
	}
	ask := func(known []bayesopt.Trial) []float64 {
		o, err := bayesopt.New(h.space.Space, h.options, known...)
		if err != nil {
			t.Fatal(err)
		}
		s, err := o.Ask()
		if err != nil {
			t.Fatal(err)
		}
		return s.X
	}
	s, run, err := h.ask(t.Context())
	if err != nil || run == nil || s.ID != 7 || slices.Equal(s.X, trials[6].X) || !slices.Equal(s.X, ask(trials)) {
		t.Errorf("beside a held point: %+v, %v, expected %v", s, err, ask(trials))
	}
	if alone := ask(done.Trials); slices.Equal(s.X, alone) || !slices.Equal(trials[6].X, alone) {
		t.Errorf("without the held point it would be %v, and that is what is held: %v", alone, trials[6].X)
	}
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = holder.Wait()
	left, _, err := h.replay(t.Context())
	if err != nil || len(left) != 7 || left[6].ID != 7 {
		t.Errorf("after the kill: %+v, %v, expected that of the dead to be gone", left, err)
	}
	// Whoever was told of suggestion 8 before the kill, and whoever is told of it after, must meet in one claim.
	if _, _, recorded, err := h.read(t.Context()); err != nil || recorded[6] != 1 || recorded[7] != 1 || recorded[8] != 0 {
		t.Errorf("tried before: %v, %v, expected suggestion 6, which is free, and 7 once, and 8 never", recorded, err)
	}
	if lost := w.record(t, tracker.Lost); len(lost) != 1 || SuggestedBy(lost[0]).Claim != claimFree {
		t.Errorf("lost: %+v", lost)
	}
}

// Processes with several workers each search together, and one of them is killed: nothing is measured twice, nothing is missing.
func TestSearchInProcesses(t *testing.T) {
	const trials = 14
	w := newWorkplace(t)
	var running []*exec.Cmd
	for range 3 {
		running = append(running, w.child(t, "search", fmt.Sprintf("TRIALS=%d", trials), "WORKERS=2"))
	}
	waitUntil(t, func() bool { return len(w.record(t)) >= 3 })
	_ = running[0].Process.Kill() // it may be slow to begin, and have nothing yet
	_ = running[0].Wait()
	for _, cmd := range running[1:] {
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	l, m := w.lab(t)
	found, err := testStudy(t, l).Search(t.Context(), m, quickSearch(trials)) // what the dead held at the very end is left
	if err != nil || len(found.Trials) != trials {
		t.Fatalf("%+v, %v", found, err)
	}
	processes := checkMeasuredOnce(t, w, trials)
	t.Logf("%d processes measured", processes)
}

// checkMeasuredOnce says whether every suggestion has a value once, all at other points, and returns how many processes measured.
func checkMeasuredOnce(t *testing.T, w *workplace, trials int) int {
	t.Helper()
	asked, points, processes := map[int]int{}, map[string]int{}, map[int]bool{}
	complete := w.record(t, tracker.Complete)
	for _, trial := range complete {
		a := SuggestedBy(trial)
		if other, ok := asked[a.Number]; ok {
			t.Errorf("suggestion %d was measured as trial %d and as trial %d", a.Number, other, trial.Number)
		}
		if n := trial.Metrics[objectiveMetric].Count; n != 1 {
			t.Errorf("suggestion %d has %d values: two workers measured it", a.Number, n)
		}
		asked[a.Number], processes[trial.Process.PID] = trial.Number, true
		var point strings.Builder
		for _, kind := range []string{"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"} {
			fmt.Fprint(&point, trial.Params[ratioPrefix+kind], " ")
		}
		if other, ok := points[point.String()]; ok {
			t.Errorf("trials %d and %d are of one point, %s", other, trial.Number, &point)
		}
		points[point.String()] = trial.Number
	}
	if len(complete) != trials {
		t.Errorf("%d trials have a value, expected %d", len(complete), trials)
	}
	return len(processes)
}

// A search that is killed at twenty moments and started again each time loses and repeats nothing: what was measured stays, each suggestion is measured once,
// and its history is that of a search in one go.
func TestSearchKilledTwentyTimes(t *testing.T) {
	const kills = 20
	w := newWorkplace(t)
	random := rand.New(rand.NewPCG(5, 5)) // of the moments
	before, recorded := []*tracker.Trial{}, 0
	for kill := range kills {
		cmd := w.child(t, "search", "TRIALS=1000", "WORKERS=1")
		waitUntil(t, func() bool { return len(w.record(t)) > recorded })
		time.Sleep(time.Duration(random.IntN(40)) * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
			t.Fatalf("kill %d: the search ended by itself: %v", kill+1, cmd.ProcessState)
		}
		now := w.record(t, tracker.Complete)
		if len(now) < len(before) {
			t.Fatalf("kill %d: of %d trials with a value %d are left", kill+1, len(before), len(now))
		}
		for i, trial := range before {
			if !reflect.DeepEqual(now[i].Metrics, trial.Metrics) || now[i].ID != trial.ID {
				t.Fatalf("kill %d: trial %d was %+v and is %+v", kill+1, trial.Number, trial, now[i])
			}
		}
		before, recorded = now, len(w.record(t))
	}
	if lost := len(w.record(t, tracker.Lost)); recorded != len(before)+lost || lost > kills || lost == 0 || len(before) == 0 {
		t.Errorf("%d trials on record: %d with a value, %d lost to %d kills", recorded, len(before), lost, kills)
	}
	trials := len(before) + 2
	l, m := w.lab(t)
	parts, err := testStudy(t, l).Search(t.Context(), m, quickSearch(trials))
	if err != nil {
		t.Fatal(err)
	}
	checkMeasuredOnce(t, w, trials)
	other := newTestLab(t)
	whole, err := testStudy(t, other).Search(t.Context(), m, quickSearch(trials))
	if err != nil || !reflect.DeepEqual(parts.Trials, whole.Trials) {
		t.Errorf("killed: %+v\nin one go: %+v, %v", parts.Trials, whole, err)
	}
	t.Logf("%d kills: %d trials with a value, %d lost", kills, len(before), len(w.record(t, tracker.Lost)))
}

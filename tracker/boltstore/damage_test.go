package boltstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/parelab/pare/tracker"
	"github.com/parelab/pare/tracker/boltstore"
)

// filled makes a file with a few hundred records over several pages.
func filled(t *testing.T, path string) {
	t.Helper()
	ctx := t.Context()
	store := open(t, path)
	for _, study := range []string{"s", "r"} {
		if _, err := store.CreateStudy(ctx, tracker.Study{Name: study, Metric: "loss"}); err != nil {
			t.Fatal(err)
		}
		for i := range 12 {
			trial, err := store.CreateTrial(ctx, &tracker.Trial{ID: fmt.Sprint(study, i), Study: study, Started: time.Now(), Process: tracker.ThisProcess(),
				Origin: &tracker.Origin{CellSource: strings.Repeat(fmt.Sprintf("line %d\n", i), 100)}})
			if err != nil {
				t.Fatal(err)
			}
			c := tracker.Change{State: tracker.Complete, Ended: time.Now()}
			for step := range 40 {
				c.Points = append(c.Points, tracker.Point{Metric: "loss", Step: int64(step), Value: tracker.Number(i)})
			}
			if err := store.Apply(ctx, study, trial.Number, c); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// content reads everything that the store has.
func content(ctx context.Context, store *boltstore.Store) (all []any, err error) {
	studies, err := store.Studies(ctx)
	if err != nil {
		return nil, err
	}
	for _, study := range studies {
		all = append(all, study)
		trials, err := store.Trials(ctx, study.Name, tracker.Filter{})
		if err != nil {
			return nil, err
		}
		best, err := store.Best(ctx, study.Name, 100)
		if err != nil {
			return nil, err
		}
		if len(best) != study.Counts[tracker.Complete] {
			return nil, &tracker.DamagedError{File: store.Path(), Detail: fmt.Sprintf("%d of %v ranked", len(best), study.Counts)}
		}
		all = append(all, best)
		for _, trial := range trials {
			whole, err := store.TrialByID(ctx, trial.ID)
			if errors.Is(err, tracker.ErrNotFound) {
				return nil, &tracker.DamagedError{File: store.Path(), Detail: "the index of ids has a hole"}
			}
			if err != nil {
				return nil, err
			}
			all = append(all, whole)
			for metric := range trial.Metrics {
				points, err := store.History(ctx, study.Name, trial.Number, metric, tracker.Range{})
				if err != nil {
					return nil, err
				}
				all = append(all, points)
			}
		}
	}
	return all, nil
}

// TestDamageIsFoundOrHarmless flips bits, overwrites bytes and cuts the file, and reads and writes everything each time. The outcome is
// the content as it was (the damage hit what holds nothing) or a typed error that names the file; never a panic, never other content. Of
// the two root pages one may be damaged: bbolt then takes the other, as after a crash, which is the content before the last commit.
func TestDamageIsFoundOrHarmless(t *testing.T) {
	rounds := 200
	if n, err := strconv.Atoi(os.Getenv("PARE_TEST_MUTATIONS")); err == nil {
		rounds = n
	}
	if testing.Short() {
		rounds = 100
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "tracker.db")
	filled(t, path)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want, err := content(t.Context(), open(t, path))
	if err != nil {
		t.Fatal(err)
	}
	before := beforeLastCommit(t, path, whole, want)
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 0))
	outcome := map[string]int{}
	for round := range rounds {
		mutated, at, what := mutate(rng, whole, round)
		if err := os.WriteFile(path, mutated, 0o600); err != nil {
			t.Fatal(err)
		}
		allowed := [][]any{want}
		if at < rootPages {
			allowed = append(allowed, before)
		}
		kind := readAndWrite(t, path, allowed)
		outcome[kind]++
		if kind == "wrong" {
			t.Errorf("seed %d, round %d, %s", seed, round, what)
		}
	}
	t.Logf("%d mutations of %d bytes: %v", rounds, len(whole), outcome)
	if outcome["found"] < rounds/10 || outcome["harmless"] == 0 {
		t.Errorf("the damage was not of both kinds: %v", outcome)
	}
}

// rootPages is where the two root pages end.
const rootPages = 2 * 4096

// beforeLastCommit reads the file with the newer root page zeroed.
func beforeLastCommit(t *testing.T, path string, whole []byte, want []any) []any {
	t.Helper()
	for _, page := range []int{0, 1} {
		b := append([]byte{}, whole...)
		clear(b[page*4096 : (page+1)*4096])
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := content(t.Context(), open(t, path))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			return got
		}
	}
	t.Fatal("neither root page is the newer one")
	return nil
}

// readAndWrite says whether damage was found or harmless.
func readAndWrite(t *testing.T, path string, allowed [][]any) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	store, err := boltstore.OpenWith(path, boltstore.Options{Timeout: 200 * time.Millisecond})
	var got []any
	if err == nil {
		got, err = content(ctx, store)
	}
	if err == nil && !slices.ContainsFunc(allowed, func(want []any) bool { return reflect.DeepEqual(got, want) }) {
		t.Error("other content came back")
		return "wrong"
	}
	kind := "harmless"
	if err != nil {
		kind = "found"
	}
	if store != nil {
		_, writeErr := store.CreateTrial(ctx, &tracker.Trial{ID: "new", Study: "s", Started: time.Now(), Process: tracker.ThisProcess()})
		err = errors.Join(err, writeErr)
	}
	typed := errors.Is(err, tracker.ErrDamaged) || errors.Is(err, tracker.ErrNotTracker) || errors.Is(err, tracker.ErrNewer)
	if err != nil && (!typed || !strings.Contains(err.Error(), path) || errors.Is(err, tracker.ErrBusy)) {
		t.Errorf("the error is not typed, names no file, or the lock was kept: %v", err)
		return "wrong"
	}
	return kind
}

func mutate(rng *rand.Rand, whole []byte, round int) (mutated []byte, at int, what string) {
	b := append([]byte{}, whole...)
	at = rng.IntN(len(b))
	switch round % 4 {
	case 0:
		b[at] ^= 1 << rng.IntN(8)
		return b, at, fmt.Sprintf("a bit flipped at %d", at)
	case 1: // in the first 64 bytes of a page, where its header and elements are
		at = at&^4095 + rng.IntN(64)
		b[at] ^= 1 << rng.IntN(8)
		return b, at, fmt.Sprintf("a bit flipped at %d", at)
	case 2:
		n := min(1+rng.IntN(64), len(b)-at)
		for i := range n {
			b[at+i] = byte(rng.Uint32())
		}
		return b, at, fmt.Sprintf("%d bytes overwritten at %d", n, at)
	}
	return b[:at], at, fmt.Sprintf("cut at %d", at)
}

// TestEveryFlippedContentBitIsFound flips each bit of one record in turn.
func TestEveryFlippedContentBitIsFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tracker.db")
	store := open(t, path)
	if _, err := store.CreateStudy(t.Context(), tracker.Study{Name: "needle-in-the-file", Metric: "m"}); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(whole), `{"name":"needle-in-the-file"`)
	for bit := range 8 * 20 {
		mutated := append([]byte{}, whole...)
		mutated[at+bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(path, mutated, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := store.Studies(t.Context())
		var damaged *tracker.DamagedError
		if !errors.As(err, &damaged) || damaged.File != path || !strings.HasPrefix(damaged.Key, "study ") {
			t.Fatalf("bit %d: %v, want a DamagedError with file and key", bit, err)
		}
	}
}

// TestOtherFilesAreRefused opens what is not a tracker, and leaves it as it was.
func TestOtherFilesAreRefused(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "other.db")
	db, err := bolt.Open(other, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	foreign, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ data, says string }{
		"sqlite": {"SQLite format 3\x00" + strings.Repeat("x", 5000), "SQLite format 3"},
		"empty":  {"", "empty file"},
		"short":  {"hello", `5 bytes that begin with "hello"`},
		"bbolt":  {string(foreign), "schema number"},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(c.data), 0o600); err != nil {
			t.Fatal(err)
		}
		store, err := boltstore.Open(path)
		if err == nil {
			_, err = store.CreateStudy(t.Context(), tracker.Study{Name: "a", Metric: "m"})
		}
		if !errors.Is(err, tracker.ErrNotTracker) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want ErrNotTracker that names the file and says %q", name, err, c.says)
		}
		if now, err := os.ReadFile(path); err != nil || string(now) != c.data {
			t.Errorf("%s was changed: %v", name, err)
		}
	}
	if _, err := boltstore.Open(dir); !errors.Is(err, tracker.ErrNotTracker) || !strings.Contains(err.Error(), "directory") {
		t.Errorf("a directory: %v", err)
	}
}

// TestLockedFileNamesFileAndWait holds the lock, as a process that hangs does.
func TestLockedFileNamesFileAndWait(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tracker.db")
	store, err := boltstore.OpenWith(path, boltstore.Options{Timeout: 150 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.CreateStudy(t.Context(), tracker.Study{Name: "a", Metric: "m"}); err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	began := time.Now()
	_, err = store.Studies(t.Context())
	if took := time.Since(began); !errors.Is(err, tracker.ErrBusy) || took < 150*time.Millisecond || took > 5*time.Second {
		t.Fatalf("after %s: %v, want ErrBusy after 150ms", took, err)
	}
	if !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "waited 1") {
		t.Errorf("the error does not say which file and how long: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := store.Studies(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a context that ends while waiting: %v", err)
	}
}

// TestNewerSchemaIsRefused writes a later schema number as a later pare would.
func TestNewerSchemaIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tracker.db")
	boltstore.MakeWithSchema(t, path, "2")
	store := open(t, path)
	_, err := store.Studies(t.Context())
	if !errors.Is(err, tracker.ErrNewer) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "schema 2") {
		t.Errorf("schema 2: %v, want ErrNewer", err)
	}
}

package lab

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parelab/pare/datasets/pocket"
	"github.com/parelab/pare/datasets/tokenizer"
	"github.com/parelab/pare/gomlxops/lowrank"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/tracker"
	"github.com/parelab/pare/tracker/memstore"
)

// silent watches nothing.
type silent struct{}

func (silent) Metric(string, int, float64) {}
func (silent) Progress(string, int, int)   {}
func (silent) Close()                      {}

// newTestLab returns a lab in a directory of its own, with a record in memory.
func newTestLab(t testing.TB) *Lab {
	t.Helper()
	return &Lab{Home: t.TempDir(), Store: memstore.New(), Watch: func(string) Watcher { return silent{} }}
}

// tinyModel saves an untrained model of a few thousand parameters with pocket's tokenizer, and returns its directory.
func tinyModel(t *testing.T) string {
	t.Helper()
	c, err := transformer.ParseConfig(pocket.ConfigJSON())
	if err != nil {
		t.Fatal(err)
	}
	c.HiddenSize, c.IntermediateSize, c.Layers, c.Heads, c.KVHeads, c.HeadDim = 32, 48, 2, 4, 2, 8
	tok, err := pocket.Tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "tiny")
	files := map[string][]byte{tokenizer.FileName: tok.JSON(), tokenizer.ConfigFileName: tok.ConfigJSON()}
	if err := transformer.SaveTensors(t.Context(), dir, c, c.Init(7), "BF16", files); err != nil {
		t.Fatal(err)
	}
	return dir
}

func openTiny(t *testing.T, l *Lab) *Model {
	t.Helper()
	m, err := l.Open(tinyModel(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

var little = Calibration{Sequences: 8, Length: 32, Groups: 4}

func TestCalibrateReadsBack(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	first, err := l.Calibrate(t.Context(), m, little)
	if err != nil {
		t.Fatal(err)
	}
	if first.ReadBack != "" {
		t.Fatalf("the first calibration was read back from %s", first.ReadBack)
	}
	second, err := l.Calibrate(t.Context(), m, little)
	if err != nil {
		t.Fatal(err)
	}
	if second.ReadBack == "" {
		t.Error("the second calibration ran again")
	}
	if a, b := first.Digest(), second.Digest(); a != b {
		t.Errorf("moments changed on the way through the file: %s, %s", a, b)
	}
	other := little
	other.Seed = 2
	if third, err := l.Calibrate(t.Context(), m, other); err != nil || third.ReadBack != "" {
		t.Errorf("another seed was read back from %s (error %v)", third.ReadBack, err)
	}
}

func TestCalibrateDamagedResult(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	if _, err := l.Calibrate(t.Context(), m, little); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(l.Home, "results", "moments-*"))
	if len(files) != 1 {
		t.Fatalf("expected one kept calibration, found %v", files)
	}
	if err := os.Truncate(files[0], 100); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Calibrate(t.Context(), m, little); err == nil || !strings.Contains(err.Error(), files[0]) {
		t.Errorf("expected an error naming %s, found %v", files[0], err)
	}
}

// TestStudy runs the quickstart's attempts on an untrained model and checks what is on record.
func TestStudy(t *testing.T) {
	ctx, l := t.Context(), newTestLab(t)
	m := openTiny(t, l)
	moments, err := l.Calibrate(ctx, m, little)
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.NewStudy(ctx, "test", Measure{Blocks: 4, Length: 32})
	if err != nil {
		t.Fatal(err)
	}
	attempts := []Attempt{{Method: Dense}, {Method: "pcm", Ratio: 0.4, Moments: moments}, {Method: "svd", Ratio: 0.4}}
	for i, a := range attempts {
		out, err := s.Try(ctx, m, a)
		if err != nil {
			t.Fatal(err)
		}
		if out.Trial != i+1 || len(out.Measured) != 1 || !(out.Measured[0].Value > 1) {
			t.Errorf("%s: trial %d, measured %+v", a, out.Trial, out.Measured)
		}
	}
	trials, err := l.Store.Trials(ctx, "test", tracker.Filter{})
	if err != nil || len(trials) != len(attempts) {
		t.Fatalf("expected %d trials, found %d (error %v)", len(attempts), len(trials), err)
	}
	checkTrial(t, l, trials[1], moments)
	table, err := s.Table(ctx)
	if err != nil || len(table.Rows) != len(attempts) || table.Rows[0][1] != string(Dense) {
		t.Errorf("table %+v, error %v", table, err)
	}
	chart, err := s.Chart(ctx)
	if err != nil || len(chart.Series) != 2 || len(chart.References) != 1 {
		t.Errorf("chart %+v, error %v", chart, err)
	}
	if x := chart.Series[0].X[0]; x == 0.4 || math.Abs(x-0.4) > 0.1 {
		t.Errorf("the chart draws against %v, expected what was counted", x)
	}
}

// checkTrial checks that the record is enough to know what was done.
func checkTrial(t *testing.T, l *Lab, trial *tracker.Trial, moments *Moments) {
	t.Helper()
	full, err := l.Store.Trial(t.Context(), trial.Study, trial.Number)
	if err != nil {
		t.Fatal(err)
	}
	if full.State != tracker.Complete || full.Origin.Digests["calibration"] != moments.Text.Digest || full.Origin.Backend == "" {
		t.Errorf("state %s, origin %+v", full.State, full.Origin)
	}
	removed, _ := full.Value("removed")
	if !(removed > 0.3 && removed < 0.45) {
		t.Errorf("removed %v of the linears at ratio 0.4", removed)
	}
	var allocation lowrank.Allocation
	for _, f := range full.Files {
		if f.Name == "allocation.json" {
			r, err := l.Store.OpenFile(t.Context(), f.SHA256)
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(r)
			if err := errors.Join(err, r.Close(), json.Unmarshal(data, &allocation)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if math.Abs(allocation.Removed()-removed) > 1e-12 || len(allocation.Ranks) != 14 {
		t.Errorf("kept allocation removes %v in %d linears, the metric says %v", allocation.Removed(), len(allocation.Ranks), removed)
	}
}

// TestTryRefuses checks that what cannot work is refused, saying why, and is no trial.
func TestTryRefuses(t *testing.T) {
	ctx, l := t.Context(), newTestLab(t)
	m := openTiny(t, l)
	s, err := l.NewStudy(ctx, "test", Measure{Blocks: 4, Length: 32})
	if err != nil {
		t.Fatal(err)
	}
	for want, a := range map[string]Attempt{
		"1.5":             {Method: "svd", Ratio: 1.5},
		"found 0":         {Method: "svd"},
		"removes nothing": {Method: Dense, Ratio: 0.2},
		"magic":           {Method: "magic", Ratio: 0.2},
		"nowhere":         {Method: "pcm", Ratio: 0.2, Calibration: Calibration{Text: "nowhere.txt"}},
		"2 tokens":        {Method: "pcm", Ratio: 0.2, Calibration: Calibration{Length: 1}},
		"leaves rank 0":   {Method: "svd", Ratio: 0.999},
		"less than 512":   {Method: "svd", Ratio: 0.2, Options: lowrank.AllocationOptions{Multiple: 512}},
		"protect: exp":    {Method: "svd", Ratio: 0.2, Options: lowrank.AllocationOptions{Protect: []transformer.Kind{"some"}}},
		"minimum: exp":    {Method: "svd", Ratio: 0.2, Allocate: "energy", Options: lowrank.AllocationOptions{Minimum: -1}},
		"a divisor of 4":  {Method: "pcm", Ratio: 0.2, Calibration: Calibration{Sequences: 4, Groups: 3}},
	} {
		if _, err := s.Try(ctx, m, a); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: expected an error with %q, found %v", a, want, err)
		}
	}
	if err := s.Sweep(ctx, m, Sweep{Methods: []Method{Dense, "svd"}, Ratios: []float64{0.2, 1}}); err == nil || !strings.Contains(err.Error(), "svd at 100%") {
		t.Errorf("a sweep of which one attempt cannot work: %v", err)
	}
	if trials, err := l.Store.Trials(ctx, "test", tracker.Filter{}); err != nil || len(trials) != 0 {
		t.Errorf("expected no trials on record, found %d (error %v)", len(trials), err)
	}
}

// TestTryKeepsFailures checks that an attempt that fails under way, or is interrupted, is on record.
func TestTryKeepsFailures(t *testing.T) {
	ctx, l := t.Context(), newTestLab(t)
	m := openTiny(t, l)
	s, err := l.NewStudy(ctx, "test", Measure{Text: "nowhere.txt"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Try(ctx, m, Attempt{Method: "svd", Ratio: 0.2}); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("a text that is missing: %v", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Try(cancelled, m, Attempt{Method: Dense}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled attempt returned %v", err)
	}
	failed, err := l.Store.Trials(ctx, "test", tracker.Filter{States: []tracker.State{tracker.Failed}})
	if err != nil || len(failed) != 1 {
		t.Errorf("expected 1 failed trial on record, found %d (error %v)", len(failed), err)
	}
}

func TestOpenRefuses(t *testing.T) {
	l := newTestLab(t)
	t.Setenv("HF_HOME", t.TempDir())
	if _, err := l.Open("no/such-model"); err == nil || !strings.Contains(err.Error(), "no/such-model") {
		t.Errorf("expected an error naming the model, found %v", err)
	}
	dir := tinyModel(t)
	if err := os.Remove(filepath.Join(dir, tokenizer.FileName)); err != nil {
		t.Fatal(err)
	}
	m, err := l.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := l.Tokens(m, Pocket, WholeText); err == nil || !strings.Contains(err.Error(), tokenizer.FileName) {
		t.Errorf("text for a model without a tokenizer: expected an error naming %s, found %v", tokenizer.FileName, err)
	}
}

// TestTrain trains a few steps on a text of our own, as `pare model train DIR` does, and opens the result.
func TestTrain(t *testing.T) {
	if testing.Short() {
		t.Skip("trains a model of three million parameters for two steps: run without -short")
	}
	l, out := newTestLab(t), filepath.Join(t.TempDir(), "new")
	text := filepath.Join(t.TempDir(), "text.txt")
	if err := os.WriteFile(text, []byte(pocket.Text(pocket.Train, 400_000, 5)), 0o644); err != nil {
		t.Fatal(err)
	}
	opt := Training{Text: text, Out: out, Steps: 2, Batch: 2, Length: 32}
	if err := l.Train(t.Context(), opt); err != nil {
		t.Fatal(err)
	}
	m, err := l.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := m.Verify(t.Context(), nil); err != nil {
		t.Error(err)
	}
	trials, err := l.Store.Trials(t.Context(), trainStudy, tracker.Filter{})
	if err != nil || len(trials) != 1 || trials[0].Metrics["loss"].Count != opt.Steps {
		t.Errorf("expected one trial with %d losses, found %+v (error %v)", opt.Steps, trials, err)
	}
	if err := l.Train(t.Context(), opt); err == nil || !strings.Contains(err.Error(), out) {
		t.Errorf("training into a directory that is there: %v", err)
	}
}

func TestSplitName(t *testing.T) {
	for given, want := range map[string]struct {
		name string
		part Part
	}{
		"novels": {"novels", CalibrationPart}, "novels:heldout": {"novels", HeldOutPart}, "a/b.txt:all": {"a/b.txt", WholeText},
		"pocket:test": {"pocket", HeldOutPart}, `C:\texts`: {`C:\texts`, CalibrationPart},
	} {
		if name, part := splitName(given, CalibrationPart); name != want.name || part != want.part {
			t.Errorf("%q: found %q and %q, expected %q and %q", given, name, part, want.name, want.part)
		}
	}
}

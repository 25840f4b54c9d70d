package lab

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/lowrank"
	"github.com/parelab/pare/tracker"
)

// Trials that were measured in another way are in no table, and the caption says how many and what is shown.
func TestProtocolsAreKeptApart(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	study := func(measure Measure) *Study {
		s, err := l.NewStudy(t.Context(), "one", measure)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	usual := study(Measure{})
	others := []*Study{
		study(Measure{Blocks: 20}), study(Measure{Length: 64}), study(Measure{Text: "pocket:train"}), study(Measure{Elsewhere: "pocket"}), study(Measure{Nothing: true}),
	}
	svd := Attempt{Method: "svd", Ratio: 0.2}
	for i, s := range others {
		tried(t, s, m, svd, float64(10+i))
	}
	tried(t, usual, m, svd, 3)
	if err := addTrial(t, l, svd.params(m)); err != nil { // as from before measurements were kept
		t.Fatal(err)
	}
	for i, s := range append(others, usual) {
		want := float64(10 + i)
		if s == usual {
			want = 3
		}
		sum, err := s.Summary(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(sum.Settings) != 1 || sum.Settings[0].Mean != want || sum.Settings[0].Seeds != 1 {
			t.Errorf("%+v: settings %+v", s.Measure, sum.Settings)
		}
		table, err := s.Table(t.Context())
		if err != nil || len(table.Rows) != 1 || table.Rows[0][5] != want {
			t.Errorf("%+v: rows %v, %v", s.Measure, table.Rows, err)
		}
		if s.Measure.Nothing {
			continue
		}
		if !strings.Contains(table.Caption, "left out: 6.") || !strings.Contains(sum.Table().Caption, sum.Measured) {
			t.Errorf("caption %q", table.Caption)
		}
	}
	sum, err := usual.Summary(t.Context())
	if err != nil || !strings.HasPrefix(sum.Measured, "Measured on pocket:heldout, 100 blocks of 256 tokens.") {
		t.Errorf("measured %q, %v", sum.Measured, err)
	}
}

func addTrial(t *testing.T, l *Lab, params map[string]tracker.Value) error {
	run, err := tracker.Start(t.Context(), l.Store, tracker.Attempt{Study: "one", Params: params})
	if err != nil {
		return err
	}
	run.Metric(perplexityMetric, 0, 99)
	return run.Finish(nil)
}

// An attempt that writes its model says where, one that measures nothing has sizes, and the record names text, seed and protocol.
func TestTryWritesAndRecords(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	s, err := l.NewStudy(t.Context(), "written", Measure{Nothing: true})
	if err != nil {
		t.Fatal(err)
	}
	a := Attempt{Method: "svdllm", Ratio: 0.4, Calibration: little, Out: filepath.Join(t.TempDir(), "small")}
	a.Calibration.Seed = 5
	out, err := s.Try(t.Context(), m, a)
	if err != nil {
		t.Fatal(err)
	}
	small, err := l.Open(a.Out)
	if err != nil {
		t.Fatal(err)
	}
	defer small.Close()
	trial, err := l.Store.Trial(t.Context(), s.Name, out.Trial)
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := trial.Value("parameters"); n != float64(small.Params()) {
		t.Errorf("recorded %v parameters, the directory holds %d", n, small.Params())
	}
	_, measured := trial.Value(perplexityMetric)
	where := ""
	for _, f := range trial.Files {
		if f.Name == "model" {
			where = f.Path
		}
	}
	o := trial.Origin
	if measured || where != a.Out || o.Seeds["calibration"] != 5 || o.Digests["calibration"] == "" || name(trial, measureParam) != "nothing" || name(trial, "allocate") != "uniform" {
		t.Errorf("measured %v, model at %q, origin %+v, params %v", measured, where, o, trial.Params)
	}
	if _, err := s.Try(t.Context(), m, a); err == nil || !strings.Contains(err.Error(), "no such directory") {
		t.Errorf("written twice: %v", err)
	}
	if a.Overwrite = true; true {
		if _, err := s.Try(t.Context(), m, a); err != nil {
			t.Error(err)
		}
	}
}

// A text that is not there fails the trial, which is on record.
func TestTryOfMissingText(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	s, err := l.NewStudy(t.Context(), "missing", Measure{Text: filepath.Join(t.TempDir(), "nothing.txt")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Try(t.Context(), m, Attempt{Method: Dense}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	trials, err := l.Store.Trials(t.Context(), s.Name, tracker.Filter{States: []tracker.State{tracker.Failed}})
	if err != nil || len(trials) != 1 {
		t.Errorf("%d failed trials, %v", len(trials), err)
	}
}

// Sequential attempts go through the sequences that moments are made from, whichever way these come, and keep what came of it.
func TestCompressSequential(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	plain := Attempt{Method: lowrank.ASVD, Ratio: 0.4, Calibration: little}
	moments, err := l.Calibrate(t.Context(), m, little)
	if err != nil {
		t.Fatal(err)
	}
	var after []float64
	for _, mode := range []Mode{"", lowrank.Recalibrate, lowrank.Update, lowrank.Both} {
		a := plain
		if a.Sequential = mode; mode == lowrank.Both {
			a.Target, a.Moments, a.Calibration = lowrank.Original, moments, Calibration{}
		}
		small, err := l.Compress(t.Context(), m, a, nil)
		if err != nil {
			t.Fatal(err)
		}
		r := small.Allocation.Sequential
		if (r == nil) != (mode == "") {
			t.Fatalf("%s: %+v", a, r)
		}
		if r == nil {
			continue
		}
		if r.Mode != mode || len(r.Linears) != 14 || small.Allocation.After != small.Variant.LinearParams() {
			t.Errorf("%s: %+v", a, r)
		}
		after = append(after, r.Linears[13].After)
	}
	if len(after) != 3 || after[0] == after[1] || after[1] == after[2] {
		t.Errorf("errors of the last linear %v", after)
	}
	sweep := Sweep{Methods: []Method{"svd", "asvd"}, Ratios: []float64{0.4}, Sequential: []Mode{"", "update", "recalibrate", "both"}, Targets: []Target{"", "original"}}
	var labels []string
	for _, a := range sweep.Attempts(m) {
		labels = append(labels, a.Label())
	}
	if got := strings.Join(labels, "; "); got != "svd; svd, update; svd, update to original; asvd; asvd, update; asvd, update to original; asvd, recalibrate; asvd, recalibrate to original; asvd, both; asvd, both to original" {
		t.Errorf("attempts %s", got)
	}
}

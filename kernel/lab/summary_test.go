package lab

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/parelab/pare/tracker"
)

// tried records a finished trial with a perplexity of its own choosing.
func tried(t *testing.T, s *Study, m *Model, a Attempt, perplexity float64) {
	t.Helper()
	params := a.params(m)
	maps.Copy(params, s.Measure.withDefaults(m).params())
	run, err := tracker.Start(t.Context(), s.lab.Store, tracker.Attempt{Study: s.Name, Params: params})
	if err != nil {
		t.Fatal(err)
	}
	run.Metric(perplexityMetric, 0, perplexity)
	run.Metric("removed", 0, a.Ratio/2) // counted
	if err := run.Finish(nil); err != nil {
		t.Fatal(err)
	}
}

// Seeds are taken together, the latest trial of each; other groups and ratios are settings of their own.
func TestSummary(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	s, err := l.NewStudy(t.Context(), "seeds", Measure{})
	if err != nil {
		t.Fatal(err)
	}
	pcm := func(seed uint64, groups int, ratio float64) Attempt {
		return Attempt{Method: "pcm", Ratio: ratio, Calibration: Calibration{Seed: seed, Groups: groups}}
	}
	tried(t, s, m, pcm(1, 4, 0.2), 99) // superseded
	tried(t, s, m, pcm(1, 4, 0.2), 3)
	tried(t, s, m, pcm(2, 4, 0.2), 5)
	tried(t, s, m, pcm(3, 4, 0.2), 7)
	tried(t, s, m, pcm(1, 8, 0.2), 11)
	tried(t, s, m, pcm(1, 4, 0.4), 13)
	tried(t, s, m, Attempt{Method: "svd", Ratio: 0.2}, 17)
	tried(t, s, m, Attempt{Method: Dense}, 2)
	sum, err := s.Summary(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range sum.Settings {
		got = append(got, fmt.Sprintf("%s/%d/%v: %d seeds, %.3g ± %.3g", x.Label, x.Groups, x.Ratio, x.Seeds, x.Mean, x.Spread))
	}
	want := []string{
		"dense/0/0: 1 seeds, 2 ± NaN",
		"pcm/4/0.2: 3 seeds, 5 ± 2", "pcm/4/0.4: 1 seeds, 13 ± NaN",
		"pcm/8/0.2: 1 seeds, 11 ± NaN",
		"svd/0/0.2: 1 seeds, 17 ± NaN",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	table, chart := sum.Table(), sum.Chart()
	if len(table.Rows) != 3 || table.Rows[0][0] != "pcm, 4 groups" || table.Rows[0][1] != "1–3" || table.Rows[1][3] != nil {
		t.Errorf("rows %v", table.Rows)
	}
	if len(chart.Series) != 3 || len(chart.References) != 1 || chart.Series[0].Low[0] != 3 || chart.Series[0].High[1] != 13 {
		t.Errorf("chart %+v", chart)
	}
	if x := chart.Series[0].X; len(x) != 2 || math.Abs(x[0]-0.1) > 1e-12 || math.Abs(x[1]-0.2) > 1e-12 {
		t.Errorf("the chart draws against %v, expected what was counted", x)
	}
	if len(sum.Elsewhere().Settings) != 0 {
		t.Errorf("nothing was measured elsewhere: %+v", sum.Elsewhere())
	}
}

func TestSweep(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	sweep := Sweep{Methods: []Method{Dense, "pcm", "svd"}, Ratios: []float64{0.2, 0.4}, Seeds: []uint64{1, 2}}
	var got []string
	for _, a := range sweep.Attempts(m) {
		got = append(got, fmt.Sprintf("%s seed %d", a, a.Calibration.Seed))
	}
	want := []string{"dense seed 0", "pcm at 20% seed 1", "pcm at 40% seed 1", "svd at 20% seed 1", "svd at 40% seed 1", "pcm at 20% seed 2", "pcm at 40% seed 2"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	s, err := l.NewStudy(t.Context(), "sweep", Measure{Blocks: 2, Length: 16})
	if err != nil {
		t.Fatal(err)
	}
	sweep = Sweep{Methods: []Method{Dense, "svd"}, Ratios: []float64{0.4}}
	if err := s.Sweep(t.Context(), m, sweep); err != nil {
		t.Fatal(err)
	}
	if sum, err := s.Summary(t.Context()); err != nil || len(sum.Settings) != 2 {
		t.Errorf("summary %+v, error %v", sum, err)
	}
	sweep.Ratios = []float64{1.5}
	if err := s.Sweep(t.Context(), m, sweep); err == nil {
		t.Error("a ratio of 1.5 was tried without complaint")
	}
}

func TestSpectraAndRanks(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	a := Attempt{Method: "pcm", Ratio: 0.4, Calibration: little}
	chart, err := l.Spectra(t.Context(), m, a, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(chart.Series) != 7 {
		t.Fatalf("expected 7 linears, found %d", len(chart.Series))
	}
	for _, s := range chart.Series {
		if last := len(s.Y) - 1; math.Abs(s.Y[0]-1) > 1e-12 || s.Y[last] != 0 || s.X[last] != 1 || !slices.IsSortedFunc(s.Y, func(a, b float64) int { return cmp.Compare(b, a) }) {
			t.Errorf("%s: %v", s.Name, s.Y)
		}
	}
	a.Options.Protect = append(a.Options.Protect, "v_proj")
	h, err := l.Ranks(t.Context(), m, a)
	if err != nil {
		t.Fatal(err)
	}
	if v := h.Values; len(v) != 2 || v[1][0] != 9 || !math.IsNaN(v[0][2]) || h.Caption == "" { // floor(0.6·32·32/64) = 9
		t.Errorf("ranks %v, caption %q", v, h.Caption)
	}
	if _, err := l.Spectra(t.Context(), m, a, 2); err == nil {
		t.Error("layer 2 of 2 was drawn")
	}
	for _, dense := range []func() error{
		func() error { _, err := l.Spectra(t.Context(), m, Attempt{Method: Dense}, 0); return err },
		func() error { _, err := l.Ranks(t.Context(), m, Attempt{Method: Dense}); return err },
	} {
		if dense() == nil {
			t.Error("a dense model has a spectrum")
		}
	}
}

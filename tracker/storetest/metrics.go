package storetest

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parelab/pare/tracker"
)

// TestHistoryComesInOrder writes points of several metrics out of order and reads ranges.
func (s suite) TestHistoryComesInOrder(t *testing.T) {
	s.study(t, "a", tracker.Minimize)
	s.trial(t, "a", "01")
	s.trial(t, "a", "02")
	steps := []int64{5, -3, 0, math.MaxInt64, 5, math.MinInt64, 2}
	for i, step := range steps {
		for _, metric := range []string{"loss", "los", "loss2", "loss/train"} {
			p := tracker.Point{Metric: metric, Step: step, Value: tracker.Number(i), Time: epoch.Add(time.Duration(i))}
			s.apply(t, "a", 1, tracker.Change{Points: []tracker.Point{p}})
			s.apply(t, "a", 2, tracker.Change{Points: []tracker.Point{p}})
		}
	}
	s.store = s.Reopen(t, s.store)
	from, to := int64(0), int64(5)
	for _, c := range []struct {
		r      tracker.Range
		values []tracker.Number
	}{
		{tracker.Range{}, []tracker.Number{5, 1, 2, 6, 0, 4, 3}},
		{tracker.Range{From: &from}, []tracker.Number{2, 6, 0, 4, 3}},
		{tracker.Range{From: &from, To: &to}, []tracker.Number{2, 6, 0, 4}},
		{tracker.Range{To: &from, Limit: 2}, []tracker.Number{5, 1}},
	} {
		points, err := s.store.History(t.Context(), "a", 1, "loss", c.r)
		must(t, err)
		var got []tracker.Number
		for _, p := range points {
			got = append(got, p.Value)
			if p.Metric != "loss" || p.Step != steps[int(p.Value)] || !p.Time.Equal(epoch.Add(time.Duration(p.Value))) {
				t.Errorf("point %+v is not what was written", p)
			}
		}
		if !slices.Equal(got, c.values) {
			t.Errorf("range %+v gives %v, want %v", c.r, got, c.values)
		}
	}
}

// TestNonFiniteIsKept writes NaN and infinities.
func (s suite) TestNonFiniteIsKept(t *testing.T) {
	s.study(t, "a", tracker.Minimize)
	s.trial(t, "a", "01")
	values := []float64{1, math.Inf(1), math.NaN(), math.Inf(-1), math.Copysign(0, -1)}
	for i, v := range values {
		s.apply(t, "a", 1, tracker.Change{Points: []tracker.Point{{Metric: "loss", Step: int64(i), Value: tracker.Number(v)}}})
	}
	store := s.Reopen(t, s.store)
	points, err := store.History(t.Context(), "a", 1, "loss", tracker.Range{})
	must(t, err)
	for i, p := range points {
		if math.Float64bits(float64(p.Value)) != math.Float64bits(values[i]) {
			t.Errorf("step %d: %v, want %v", i, p.Value, values[i])
		}
	}
	trial, err := store.Trial(t.Context(), "a", 1)
	must(t, err)
	sum := trial.Metrics["loss"]
	if sum.Count != 5 || sum.NaN != 1 || !math.IsInf(float64(sum.Min), -1) || !math.IsInf(float64(sum.Max), 1) || sum.MinStep != 3 || sum.LastStep != 4 {
		t.Errorf("summary %+v", sum)
	}
}

// TestChangesCountOnce repeats changes as a writer does that had no answer.
func (s suite) TestChangesCountOnce(t *testing.T) {
	s.study(t, "a", tracker.Minimize)
	s.trial(t, "a", "01")
	for _, seq := range []uint64{1, 1, 2, 1, 3, 3} {
		for _, writer := range []string{"x", "y"} {
			s.apply(t, "a", 1, tracker.Change{Writer: writer, Seq: seq, Points: []tracker.Point{{Metric: "loss", Step: int64(seq)}}})
		}
	}
	points, err := s.store.History(t.Context(), "a", 1, "loss", tracker.Range{})
	must(t, err)
	if len(points) != 6 {
		t.Errorf("%d points, want 3 of each writer", len(points))
	}
}

// TestBestAgreesWithSorting compares Best with sorting all trials, for both directions and values over many decades.
func (s suite) TestBestAgreesWithSorting(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 1))
	for _, d := range []tracker.Direction{tracker.Minimize, tracker.Maximize} {
		name := string(d)
		s.study(t, name, d)
		for i := range 30 {
			trial := s.trial(t, name, name+string(rune('a'+i)))
			v := math.Ldexp(rng.NormFloat64(), rng.IntN(400)-200)
			switch i {
			case 3, 4:
				v = 1
			case 5:
				v = math.NaN()
			case 6:
				v = math.Inf(1)
			case 7:
				continue // still running
			}
			s.finish(t, trial, v)
		}
		all, err := s.store.Trials(t.Context(), name, tracker.Filter{States: []tracker.State{tracker.Complete}})
		must(t, err)
		want := slices.DeleteFunc(all, func(trial *tracker.Trial) bool { _, ok := trial.Value("loss"); return !ok })
		slices.SortStableFunc(want, func(a, b *tracker.Trial) int {
			x, _ := a.Value("loss")
			y, _ := b.Value("loss")
			switch {
			case d.Better(x, y):
				return -1
			case d.Better(y, x):
				return 1
			}
			return 0
		})
		got, err := s.store.Best(t.Context(), name, 100)
		must(t, err)
		if len(got) != 28 || !slices.Equal(numbers(got), numbers(want)) {
			t.Errorf("seed %d: %s gives %v, want %v", seed, d, numbers(got), numbers(want))
		}
		if one, err := s.store.Best(t.Context(), name, 1); err != nil || len(one) != 1 || one[0].Number != got[0].Number {
			t.Errorf("the best one is %v, %v; want %d", numbers(one), err, got[0].Number)
		}
	}
}

// TestLargeValues writes a megabyte of source, ten thousand points and a thousand hyperparameters at once.
func (s suite) TestLargeValues(t *testing.T) {
	s.study(t, "a", tracker.Minimize)
	source := strings.Repeat("fmt.Println(\"é\")\n", 60_000)
	_, err := s.store.CreateTrial(t.Context(), &tracker.Trial{ID: "01", Study: "a", Started: epoch, Process: tracker.ThisProcess(), Origin: &tracker.Origin{CellSource: source}})
	must(t, err)
	c := tracker.Change{Params: map[string]tracker.Value{}}
	for i := range 10_000 {
		c.Points = append(c.Points, tracker.Point{Metric: "loss", Step: int64(i), Value: tracker.Number(i)})
		if i < 1000 {
			c.Params[strings.Repeat("p", 200)+string(rune('あ'+i))] = tracker.String(strings.Repeat("v", 500))
		}
	}
	s.apply(t, "a", 1, c)
	store := s.Reopen(t, s.store)
	trial, err := store.Trial(t.Context(), "a", 1)
	must(t, err)
	points, err := store.History(t.Context(), "a", 1, "loss", tracker.Range{})
	must(t, err)
	if trial.Origin.CellSource != source || len(trial.Params) != 1000 || len(points) != 10_000 || points[9_999].Value != 9_999 {
		t.Errorf("%d bytes of source, %d params, %d points came back", len(trial.Origin.CellSource), len(trial.Params), len(points))
	}
}

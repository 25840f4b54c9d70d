package lab

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/bayesopt"
	"github.com/parelab/pare/gomlxops/lowrank"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/kernel/show"
	"github.com/parelab/pare/tracker"
)

// quickSearch is a search of a tiny model that takes milliseconds for a trial.
func quickSearch(trials int) Search {
	return Search{Attempt: Attempt{Method: lowrank.PlainSVD, Ratio: 0.4, Calibration: little}, Groups: GroupKinds, Trials: trials, Blocks: 1, BlockLength: 16}
}

func testStudy(t testing.TB, l *Lab) *Study {
	s, err := l.NewStudy(context.Background(), "search", Measure{Nothing: true})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Ranks from ratios never hold more than the budget, and less by less than the smallest step of a linear that has one; what an
// allocation counts is what the space counts.
func TestSearchRanksMeetTheBudget(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	study, checked := testStudy(t, l), 0
	for _, groups := range Groupings {
		for _, method := range []Method{lowrank.PlainSVD, lowrank.FeaturePCM} { // without and with a bias
			for _, opt := range []lowrank.AllocationOptions{{}, {Multiple: 2, Protect: []transformer.Kind{transformer.Value}}} {
				s := quickSearch(1)
				s.Method, s.Groups, s.Options = method, groups, opt
				s.Within = priors[checked/24%len(priors)]
				h, err := study.hunt(t.Context(), m, s.withDefaults(m), silent{})
				if err != nil {
					t.Fatal(err)
				}
				random := rand.New(rand.NewPCG(1, 2))
				points := slices.Clone(h.options.Starts)
				for range 20 {
					x := make([]float64, len(h.space.Variables))
					for i := range x {
						x[i] = random.Float64()
					}
					x, err := h.space.Project(x)
					if err != nil {
						t.Fatal(err)
					}
					points = append(points, x)
				}
				for _, x := range points {
					checkRanks(t, h, x)
					checked++
				}
			}
		}
	}
	if checked < 400 {
		t.Errorf("only %d points were checked", checked)
	}
}

func checkRanks(t *testing.T, h *hunt, x []float64) {
	t.Helper()
	ranks := h.space.ranks(x, h.Options)
	_, a, err := lowrank.Apply(h.space.spectra, ranks)
	if err != nil {
		t.Fatal(err)
	}
	step, multiple := int64(math.MaxInt64), max(h.Options.Multiple, 1)
	for _, c := range a.Ranks {
		if c.Rank%multiple != 0 {
			t.Errorf("%s has rank %d, no multiple of %d", c.Linear, c.Rank, multiple)
		}
	}
	for _, l := range h.space.linears {
		if ranks[l.Name] > 0 {
			step = min(step, int64(multiple)*l.step)
		}
		if h.protects(l.Linear) && ranks[l.Name] != 0 {
			t.Errorf("%s is protected and has rank %d", l.Name, ranks[l.Name])
		}
	}
	if a.After > h.space.budget || a.After <= h.space.budget-step {
		t.Errorf("%s by %s: ranks of %v hold %d of a budget of %d, smallest step %d", h.Method, h.Groups, x, a.After, h.space.budget, step)
	}
	if used := h.space.Used(h.space.realised(ranks)); math.Abs(used-a.Removed()) > 1e-12 {
		t.Errorf("realised ratios come to %v, the allocation removes %v", used, a.Removed())
	}
}

func TestSearchRefuses(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	study := testStudy(t, l)
	for want, change := range map[string]func(*Search){
		"trials":         func(s *Search) { s.Trials = 0 },
		`found "anneal"`: func(s *Search) { s.Sampler = "anneal" },
		`found "head"`:   func(s *Search) { s.Groups = "head" },
		"upper":          func(s *Search) { s.Upper = 1.5 },
		"no ranks":       func(s *Search) { s.Method, s.Ratio = Dense, 0 },
		`then "prune"`:   func(s *Search) { s.Then = Prune },
		"protected": func(s *Search) {
			s.Ratio, s.Options.Protect = 0.9, []transformer.Kind{"gate_proj", "up_proj", "down_proj"}
		},
	} {
		s := quickSearch(2)
		change(&s)
		if _, err := study.Search(t.Context(), m, s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// A search goes on where it stopped, with what an uninterrupted one would do; every trial is in the record.
func TestSearchContinues(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	whole, err := testStudy(t, l).Search(t.Context(), m, quickSearch(7))
	if err != nil {
		t.Fatal(err)
	}
	other := newTestLab(t)
	for _, n := range []int{3, 7, 7} {
		parts, err := testStudy(t, other).Search(t.Context(), m, quickSearch(n))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(parts.Trials, whole.Trials[:n]) {
			t.Errorf("after %d trials: %+v\nin one go: %+v", n, parts.Trials, whole.Trials[:n])
		}
	}
	all, err := other.Store.Trials(t.Context(), "search", tracker.Filter{})
	if err != nil || len(all) != 7 {
		t.Fatalf("%d trials in the record, expected 7 (%v)", len(all), err)
	}
	for _, trial := range all {
		if trial.State != tracker.Complete || trial.Params["phase"].String() == "" || trial.Params["ratio.q_proj"].Kind() != tracker.KindFloat {
			t.Errorf("trial %d: %+v", trial.Number, trial)
		}
	}
	if all[6].Params[expectParam].Kind() != tracker.KindFloat {
		t.Errorf("the seventh trial lacks what was expected of it: %v", all[6].Params)
	}
	var seen strings.Builder
	if err := show.Print(&seen, whole.Facts(), whole.Chart(), whole.HeatMap()); err != nil || !strings.Contains(seen.String(), "Best of 7 trials") {
		t.Errorf("%v: %s", err, seen.String())
	}
	again, err := l.Compress(t.Context(), m, whole.Attempt(), nil)
	if err != nil || !reflect.DeepEqual(again.Allocation.Ranks, whole.Allocation.Ranks) {
		t.Errorf("the best as an attempt gives %+v, %v", again, err)
	}
}

// Two searches at once, each with two workers, share the trials between them and ask for nothing twice.
func TestSearchTogether(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	s := quickSearch(9)
	s.Workers, s.Sampler = 2, bayesopt.Random
	errs := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := testStudy(t, l).Search(t.Context(), m, s)
			errs <- err
		}()
	}
	for range 2 {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	trials, err := l.Store.Trials(t.Context(), "search", tracker.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, trial := range trials {
		point := ""
		for k, v := range trial.Params {
			if strings.HasPrefix(k, ratioPrefix+"q") {
				point += fmt.Sprint(v)
			}
		}
		if seen[point] || trial.State != tracker.Complete {
			t.Errorf("trial %d: %s, repeats a point: %v", trial.Number, trial.State, seen[point])
		}
		seen[point] = true
	}
	if len(trials) != 9 || len(seen) != 9 {
		t.Errorf("%d trials, %d points, expected 9", len(trials), len(seen))
	}
}

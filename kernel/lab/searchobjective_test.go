package lab

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/parelab/pare/gomlxops/bayesopt"
	"github.com/parelab/pare/gomlxops/evaluate"
	"github.com/parelab/pare/gomlxops/lowrank"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/tracker"
)

func TestParseObjective(t *testing.T) {
	for text, want := range map[string]Objective{
		"":                                {KL: 1},
		"kl":                              {KL: 1},
		"loss + 2*kl":                     {Loss: 1, KL: 2},
		"perplexity+4.1*reverse-kl":       {Perplexity: 1, ReverseKL: 4.1},
		"0.5*kl+0.5*reverse-kl+1e-3*loss": {Loss: 1e-3, KL: 0.5, ReverseKL: 0.5},
	} {
		o, err := ParseObjective(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		want.TopK = evaluate.DefaultTopK
		if o = o.withDefaults(bayesopt.Bayes); !reflect.DeepEqual(o, want) {
			t.Errorf("%q: %+v", text, o)
		}
		if again, err := ParseObjective(o.String()); err != nil || again.String() != o.String() {
			t.Errorf("%q is written as %q and read as %+v, %v", text, o.String(), again, err)
		}
	}
	if paper, random := (Objective{}).withDefaults(bayesopt.Paper), (Objective{}).withDefaults(bayesopt.Random); paper.String() != "perplexity+4.1*reverse-kl" || random.String() != "kl" {
		t.Errorf("the paper's sampler has %s by default, random search %s", paper, random)
	}
	for text, want := range map[string]string{"kl+": `found ""`, "two*kl": `found "two"`, "entropy": `found "entropy"`, "-1*kl": "at least 0 for kl", "NaN*loss": "at least 0 for loss", "kl+kl": "twice", "0*kl+0*loss": "expected a weight above 0"} {
		if _, err := ParseObjective(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

// What a search with divergences found has the value that a teacher of all outcomes gives it.
func TestSearchDivergence(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	s := quickSearch(3)
	s.Objective = Objective{Loss: 0.5, KL: 2, ReverseKL: 3, TopK: 1 << 20}
	found, err := testStudy(t, l).Search(t.Context(), m, s)
	if err != nil {
		t.Fatal(err)
	}
	h, err := testStudy(t, l).hunt(t.Context(), m, s.withDefaults(m), silent{})
	if err != nil {
		t.Fatal(err)
	}
	teacher, err := evaluate.NewTeacher(t.Context(), m.Dense(), h.blocks, 1<<20, nil)
	if err != nil {
		t.Fatal(err)
	}
	forms, _, err := lowrank.Apply(h.space.spectra, found.Ranks)
	if err != nil {
		t.Fatal(err)
	}
	v, err := m.With(forms)
	if err != nil {
		t.Fatal(err)
	}
	d, err := teacher.Compare(t.Context(), v, 0, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := 0.5*d.Loss[0] + 2*d.Forward[0] + 3*d.Reverse[0]; math.Abs(found.Best.Value-want) > 1e-9 || !(d.Forward[0] > 0) {
		t.Errorf("the best has %v, a teacher of everything gives %v", found.Best.Value, want)
	}
}

// stages notes what progress is told of.
type stages struct {
	silent
	seen map[string]bool
}

func (s stages) Progress(stage string, _, _ int) { s.seen[stage] = true }

// A finished search is read back from the record, without a teacher that nothing will be compared with.
func TestSearchReadBack(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	search := func(trials int) (*Found, bool) {
		seen := stages{seen: map[string]bool{}}
		l.Watch = func(string) Watcher { return seen }
		found, err := testStudy(t, l).Search(t.Context(), m, quickSearch(trials))
		if err != nil {
			t.Fatal(err)
		}
		return found, seen.seen["teacher"]
	}
	first, taught := search(3)
	if !taught {
		t.Error("a search by divergence ran without a teacher")
	}
	again, taught := search(3)
	if taught || !reflect.DeepEqual(again.Best, first.Best) {
		t.Errorf("teacher %v, and the best is %v; expected none, and %v", taught, again.Best, first.Best)
	}
	if _, taught = search(4); !taught {
		t.Error("a search that goes on ran without a teacher")
	}
}

// A function of a cell is measured; where it fails or gives no number its trial has failed and the search goes on.
func TestSearchFunction(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	var calls atomic.Int64
	s := quickSearch(6)
	s.Objective = Objective{Name: "parameters of q", Function: func(_ context.Context, v *transformer.Variant) (float64, error) {
		switch calls.Add(1) {
		case 2:
			return 0, errors.New("no luck")
		case 3:
			return math.NaN(), nil
		}
		return float64(v.Held(m.Linears()[0]).Params()), nil
	}}
	found, err := testStudy(t, l).Search(t.Context(), m, s)
	if err != nil {
		t.Fatal(err)
	}
	var states []bayesopt.State
	for _, trial := range found.Trials {
		states = append(states, trial.State)
	}
	want := []bayesopt.State{bayesopt.Done, bayesopt.Failed, bayesopt.Failed, bayesopt.Done, bayesopt.Done, bayesopt.Done}
	if !slices.Equal(states, want) || calls.Load() != 6 {
		t.Errorf("%v after %d calls", states, calls.Load())
	}
	failed, err := l.Store.Trials(t.Context(), "search", tracker.Filter{States: []tracker.State{tracker.Failed}})
	if err != nil || len(failed) != 2 || failed[0].Error != "no luck" || !strings.Contains(failed[1].Error, "found NaN") {
		t.Errorf("%+v, %v", failed, err)
	}
	if best := found.Best.Value; best >= found.Trials[0].Value && best != found.Trials[0].Value {
		t.Errorf("best %v", best)
	}
	said := fmt.Sprint(found.Facts(), found.Chart().Y.Label)
	if strings.Contains(said, " tokens ") || strings.Contains(said, " on ") || !strings.Contains(said, "Measured by parameters of q") || found.Report().MeasuredOn != "" || name(failed[0], measureParam) != "by parameters of q" {
		t.Errorf("a function's search says what it is measured on: %s", said)
	}
	s.Objective.Name = ""
	if _, err := testStudy(t, l).Search(t.Context(), m, s); err == nil || !strings.Contains(err.Error(), "its name") {
		t.Errorf("without a name: %v", err)
	}
	s.Objective.Name, s.StopAt = "again", 0.9
	if _, err := testStudy(t, l).Search(t.Context(), m, s); err == nil || !strings.Contains(err.Error(), "measures no blocks") {
		t.Errorf("stopped after blocks: %v", err)
	}
}

// Trials that are clearly worse stop early, say so, and change nothing of what is best; a search goes on from them with the same suggestions.
func TestSearchStopsEarly(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	s := quickSearch(12)
	s.Blocks, s.StopAt, s.Sampler, s.Objective = 24, 0.6, bayesopt.Random, Objective{KL: 1}
	found, err := testStudy(t, l).Search(t.Context(), m, s)
	if err != nil {
		t.Fatal(err)
	}
	number := 0
	for _, b := range found.Trials {
		trial, err := l.Store.Trial(t.Context(), "search", found.Numbers[b.ID])
		if err != nil {
			t.Fatal(err)
		}
		seen, _ := trial.Value(seenMetric)
		_, measured := trial.Value(perplexityMetric)
		if b.State == bayesopt.Done && (seen != 24 || !measured || stopped(trial)) {
			t.Errorf("trial %d saw %v blocks: %+v", b.ID, seen, trial)
		}
		if b.State != bayesopt.Stopped {
			continue
		}
		number++
		if seen < bayesopt.FewestBlocks || seen >= 24 || measured || !stopped(trial) || !strings.Contains(trial.Note, "Stopped after") || !(b.Value > found.Best.Value) {
			t.Errorf("trial %d stopped after %v blocks, worth %v, the best %v: %+v", b.ID, seen, b.Value, found.Best.Value, trial)
		}
	}
	t.Logf("%d of 12 stopped early", number)
	if number == 0 {
		t.Error("no trial was stopped")
	}
	whole := s
	whole.StopAt = 0
	all, err := testStudy(t, l).Search(t.Context(), m, whole)
	if err != nil {
		t.Fatal(err)
	}
	if all.Best.ID != found.Best.ID {
		t.Errorf("trial %d is best, and where all blocks are measured trial %d", found.Best.ID, all.Best.ID)
	}
	again, err := testStudy(t, l).Search(t.Context(), m, s)
	if err != nil || !reflect.DeepEqual(again.Trials, found.Trials) {
		t.Errorf("read back: %+v, %v", again, err)
	}
}

// Blocks by spread are those that allocations differ on most, and are read back.
func TestSearchBlocksBySpread(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	s := quickSearch(1)
	s.Blocks, s.Choose = 3, BySpread
	s = s.withDefaults(m)
	h, err := testStudy(t, l).hunt(t.Context(), m, s, silent{})
	if err != nil {
		t.Fatal(err)
	}
	random := hunt{Search: h.Search, text: h.text}
	random.Choose, random.Blocks = AtRandom, 3*spreadPool
	if err := random.draw(t.Context()); err != nil {
		t.Fatal(err)
	}
	spreads, err := h.spreads(t.Context(), random.blocks)
	if err != nil {
		t.Fatal(err)
	}
	sorted := slices.Sorted(slices.Values(spreads))
	for _, b := range h.blocks {
		at := slices.IndexFunc(random.blocks, func(o []int32) bool { return slices.Equal(o, b) })
		if at < 0 || spreads[at] < sorted[len(sorted)-3] {
			t.Errorf("block %d of spread %v was chosen, of %v", at, spreads, sorted)
		}
	}
	kept, err := filepath.Glob(filepath.Join(l.Home, "results", "blocks-*.json"))
	if err != nil || len(kept) != 1 || len(h.blocks) != 3 {
		t.Fatalf("%v kept, %d blocks, %v", kept, len(h.blocks), err)
	}
	if err := os.WriteFile(kept[0], []byte("[0,1,99]"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := testStudy(t, l).hunt(t.Context(), m, s, silent{}); err == nil || !strings.Contains(err.Error(), "remove the file") {
		t.Errorf("a damaged file: %v", err)
	}
}

package lab

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parelab/pare/datasets/pocket"
	"github.com/parelab/pare/gomlxops/recovery"
	"github.com/parelab/pare/tracker"
)

// briefly is a recovery of a few small steps on a little text.
func briefly(t *testing.T, trained Trained) Recovery {
	t.Helper()
	path := filepath.Join(t.TempDir(), "text.txt")
	if err := os.WriteFile(path, []byte(pocket.Text(pocket.Train, 20_000, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return Recovery{Trained: trained, Text: path, Steps: 4, Batch: 2, Length: 16, LearningRate: 2e-2, WarmUp: -1}
}

var (
	onLittle = Measure{Blocks: 2, Length: 32}
	bySVD    = Attempt{Method: "svd", Ratio: 0.4}
	byPrune  = Attempt{Method: Prune, Ratio: 0.5, Pruning: Pruning{Score: L2}}
)

// TestRecover wins back with everything that can be trained on everything that can be made of a model, and looks at what is on record.
func TestRecover(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	study, err := l.NewStudy(t.Context(), "won", onLittle)
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, c := range []struct {
		attempt Attempt
		trained Trained
	}{
		{bySVD, ByLoRA}, {bySVD, BySubspace}, {bySVD, ByTwoSided}, {bySVD, ByAll}, {byPrune, ByLoRA}, {byPrune, ByAll}, {Attempt{Method: Dense}, ByLoRA},
	} {
		r := briefly(t, c.trained)
		r.Out = filepath.Join(t.TempDir(), "out")
		if c.trained == ByLoRA || c.trained == BySubspace {
			r.Merge = filepath.Join(t.TempDir(), "merged")
		}
		out, err := study.Recover(t.Context(), m, c.attempt, r)
		if err != nil {
			t.Fatalf("%s by %s: %v", c.attempt, c.trained, err)
		}
		before, after := out.Before.Measured[0].Value, out.After.Measured[0].Value
		if !(after < before) || out.Params() < 1 || len(out.Losses()) != 4 {
			t.Errorf("%s by %s: perplexity %v before and %v after, %d numbers, %d losses", c.attempt, c.trained, before, after, out.Params(), len(out.Losses()))
		}
		trial, err := l.Store.Trial(t.Context(), "won", out.Trial)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]float64{"perplexity_before": before, "perplexity": after, trainedMetric: float64(out.Params()), "loss": out.Losses()[3], tokensMetric: 4 * 2 * 16} {
			if got, ok := trial.Value(name); !ok || got != want {
				t.Errorf("%s by %s: metric %s is %v, expected %v", c.attempt, c.trained, name, got, want)
			}
		}
		for _, name := range []string{"learning_rate", "grad_norm", "tokens_per_second", "memory_bytes"} {
			if history, err := l.Store.History(t.Context(), "won", out.Trial, name, tracker.Range{}); err != nil || len(history) != 4 {
				t.Errorf("%s by %s: metric %s has %d points, %v", c.attempt, c.trained, name, len(history), err)
			}
		}
		reopened(t, l, out, m)
		if left, _ := os.ReadDir(filepath.Join(l.Home, "recovering")); len(left) != 0 {
			t.Errorf("%d states are left", len(left))
		}
		if err := out.Close(); err != nil {
			t.Error(err)
		}
		checked++
	}
	if left, _ := filepath.Glob(filepath.Join(l.Home, ".*")); len(left) != 0 || checked != 7 {
		t.Errorf("%v are left after %d recoveries", left, checked)
	}
}

// reopened measures what a recovery has left on disk: the adapter beside its base, the merged model, or the model. bf16 of the base rounds what is
// merged into it.
func reopened(t *testing.T, l *Lab, out *Recovered, m *Model) {
	t.Helper()
	measured := func(dir string, within float64) {
		t.Helper()
		opened, err := l.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer opened.Close()
		p, err := l.Perplexity(t.Context(), opened, onLittle)
		if err != nil {
			t.Fatal(err)
		}
		if want := out.After.Measured[0].Value; !(math.Abs(p.Value/want-1) < within) {
			t.Errorf("%s by %s: %s has perplexity %v, expected %v", out.Attempt, out.Recovery.Trained, dir, p.Value, want)
		}
	}
	if out.Adapter == "" {
		measured(out.Recovery.Out, 1e-6)
		return
	}
	measured(out.Recovery.Merge, 2e-3)
	a, err := recovery.LoadAdapter(out.Adapter, out.Smaller.Variant)
	if err != nil {
		t.Fatal(err)
	}
	v, err := a.Apply(out.Smaller.Variant)
	if err != nil {
		t.Fatal(err)
	}
	p, err := l.PerplexityOf(t.Context(), m, v, onLittle)
	if err != nil || p.Value != out.After.Measured[0].Value {
		t.Errorf("%s by %s: the adapter read back gives perplexity %v, %v, expected %v", out.Attempt, out.Recovery.Trained, p, err, out.After.Measured[0].Value)
	}
}

// TestRecoverGoesOn interrupts recoveries in the midst, and compares the losses and the quality of going on with those of an uninterrupted one.
func TestRecoverGoesOn(t *testing.T) {
	for _, trained := range []Trained{ByLoRA, ByTwoSided} {
		r := briefly(t, trained)
		r.Steps, r.SaveEvery, r.EvalEvery = 7, 2, 3
		whole := newTestLab(t)
		want := recovered(t, whole, t.Context(), r)
		l := newTestLab(t)
		ctx, cancel := context.WithCancel(t.Context())
		l.Watch = func(string) Watcher { return stopAt{silent{}, 5, cancel} }
		study, m := studyOf(t, l)
		if _, err := study.Recover(ctx, m, bySVD, r); !errors.Is(err, context.Canceled) {
			t.Fatalf("%s: expected an interrupt, found %v", trained, err)
		}
		l.Watch = func(string) Watcher { return silent{} }
		got, err := study.Recover(t.Context(), m, bySVD, r)
		if err != nil {
			t.Fatal(err)
		}
		if _, resumed, _ := got.Steps(); resumed != 5 {
			t.Errorf("%s: went on from step %d, expected 5", trained, resumed)
		}
		if !slices.Equal(want.Losses(), got.Losses()) || want.After.Measured[0].Value != got.After.Measured[0].Value {
			t.Errorf("%s: expected losses %v and perplexity %v, found %v and %v", trained, want.Losses(), want.After.Measured[0].Value, got.Losses(), got.After.Measured[0].Value)
		}
		states := map[tracker.State]int{}
		trials, err := l.Store.Trials(t.Context(), study.Name, tracker.Filter{})
		for _, trial := range trials {
			states[trial.State]++
		}
		history, historyErr := l.Store.History(t.Context(), study.Name, 2, "loss", tracker.Range{})
		if err = errors.Join(err, historyErr); err != nil || states[tracker.Interrupted] != 1 || states[tracker.Complete] != 1 || len(history) != 7 {
			t.Errorf("%s: found trials %v, %d losses on record, %v", trained, states, len(history), err)
		}
		held, err := l.Store.History(t.Context(), study.Name, 2, "eval_loss", tracker.Range{})
		all, wholeErr := whole.Store.History(t.Context(), study.Name, 1, "eval_loss", tracker.Range{})
		same := func(a, b tracker.Point) bool { return a.Step == b.Step && a.Value == b.Value }
		if err = errors.Join(err, wholeErr); err != nil || len(all) < 3 || !slices.EqualFunc(held, all, same) {
			t.Errorf("%s: held-out losses on record %v, %v, expected those of the uninterrupted one, %v", trained, held, err, all)
		}
	}
}

// stopAt cancels when a training has taken so many steps.
type stopAt struct {
	silent
	step   int
	cancel func()
}

func (s stopAt) Progress(stage string, done, _ int) {
	if stage == "train" && done == s.step {
		s.cancel()
	}
}

func studyOf(t *testing.T, l *Lab) (*Study, *Model) {
	t.Helper()
	study, err := l.NewStudy(t.Context(), "won", onLittle)
	if err != nil {
		t.Fatal(err)
	}
	return study, openTiny(t, l)
}

func recovered(t *testing.T, l *Lab, ctx context.Context, r Recovery) *Recovered {
	t.Helper()
	study, m := studyOf(t, l)
	out, err := study.Recover(ctx, m, bySVD, r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestRecoverParent names the trial that a recovery goes on from: of the same attempt, and of the directory that it has written.
func TestRecoverParent(t *testing.T) {
	l := newTestLab(t)
	study, m := studyOf(t, l)
	a := bySVD
	a.Out = filepath.Join(t.TempDir(), "small")
	if _, err := study.Try(t.Context(), m, a); err != nil {
		t.Fatal(err)
	}
	out, err := study.Recover(t.Context(), m, bySVD, briefly(t, ByLoRA))
	if err != nil {
		t.Fatal(err)
	}
	small, err := l.Open(a.Out)
	if err != nil {
		t.Fatal(err)
	}
	defer small.Close()
	other, err := l.NewStudy(t.Context(), "other", onLittle)
	if err != nil {
		t.Fatal(err)
	}
	again, err := other.Recover(t.Context(), small, Attempt{Method: Dense}, briefly(t, BySubspace))
	if err != nil {
		t.Fatal(err)
	}
	for i, at := range []struct {
		study string
		trial int
	}{{"won", out.Trial}, {"other", again.Trial}} {
		trial, err := l.Store.Trial(t.Context(), at.study, at.trial)
		if err != nil || name(trial, parentParam) != "won 1" {
			t.Errorf("case %d: expected trial 1 of won as parent, found %v, %v", i, trial.Params[parentParam], err)
		}
	}
}

// TestBase switches adapters on one base, and refuses one of another model.
func TestBase(t *testing.T) {
	l := newTestLab(t)
	study, m := studyOf(t, l)
	base, err := l.NewBase(t.Context(), m, bySVD)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{}
	for _, trained := range []Trained{ByLoRA, BySubspace} {
		out, err := study.Recover(t.Context(), m, bySVD, briefly(t, trained))
		if err != nil {
			t.Fatal(err)
		}
		if err := base.Load(string(trained), out.Adapter); err != nil {
			t.Fatal(err)
		}
		want[""], want[string(trained)] = out.Before.Measured[0].Value, out.After.Measured[0].Value
	}
	for _, name := range []string{"lora", "subspace", "", "lora"} {
		p, err := base.Perplexity(t.Context(), name, onLittle)
		if err != nil || p.Value != want[name] {
			t.Errorf("adapter %q: expected %v, found %v, %v", name, want[name], p, err)
		}
	}
	if _, err := base.With("dora"); err == nil || !strings.Contains(err.Error(), `["lora" "subspace"]`) {
		t.Errorf("expected an error with the names there are, found %v", err)
	}
	other, err := l.NewBase(t.Context(), m, byPrune)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	trials, _ := l.Store.Trials(t.Context(), "won", tracker.Filter{})
	if err := other.Load("lora", trials[0].Files[len(trials[0].Files)-1].Path); err == nil {
		t.Error("the adapter of a factored model was put beside a pruned one")
	}
}

// TestRecoveryRefused counts what is refused before anything is computed, with the words that say why.
func TestRecoveryRefused(t *testing.T) {
	l := newTestLab(t)
	study, m := studyOf(t, l)
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, r := range map[string]Recovery{
		"trained: expected one of":        {Trained: "dora"},
		"has no rank":                     {Trained: ByAll, Rank: 3},
		"leave targets out":               {Trained: ByAll, Targets: []string{"q_proj"}},
		"batch and length":                {Batch: -1},
		"teach: expected a share":         {Teach: 2},
		"teacher pocket":                  {Teacher: Pocket},
		"no adapter to merge":             {Trained: ByTwoSided, Merge: "x"},
		"found 1 entries":                 {Out: full},
		"two directories":                 {Out: "same", Merge: "same"},
		"at least 2 steps":                {Trained: ByTwoSided, Steps: 1},
		"lesser dimension":                {Rank: 4000, Steps: 2, Batch: 1, Length: 8},
		`target "z_proj"`:                 {Targets: []string{"z_proj"}, Steps: 2, Batch: 1, Length: 8},
		"Schedule":                        {Schedule: "steps", Steps: 2, Batch: 1, Length: 8},
		"WarmUp":                          {WarmUp: 9, Steps: 2, Batch: 1, Length: 8},
		"nowhere.txt":                     {Text: "nowhere.txt"},
		"none of the targets is a factor": {Trained: BySubspace, Steps: 2, Batch: 1, Length: 8},
		"Steps: expected at least 1":      {Steps: -1},
		"accumulate: expected a number":   {Accumulate: 3, Steps: 2, Batch: 4, Length: 8},
		"found -2":                        {Accumulate: -2, Steps: 2, Batch: 4, Length: 8},
		"LearningRate":                    {LearningRate: math.NaN()},
		"DType":                           {DType: "f16"},
		"EvalEvery":                       {EvalEvery: -1},
		"Patience":                        {Patience: -1},
		"temperature":                     {Teach: 0.5, Temperature: -1},
	} {
		if _, err := study.Recover(t.Context(), m, Attempt{Method: Dense}, r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("expected an error with %q, found %v", want, err)
		}
	}
	// Of options that can be seen to be wrong no trial tells: three need the model's linears.
	trials, err := l.Store.Trials(t.Context(), study.Name, tracker.Filter{})
	if err != nil || len(trials) != 3 {
		t.Errorf("%d trials, %v: expected 3", len(trials), err)
	}
}

// TestShuffled walks through a text of 7 blocks in steps of 3, and comes back: every round has each block once, and the order is that of all rounds drawn at once.
func TestShuffled(t *testing.T) {
	ids := make([]int32, 7*4)
	for i := range ids {
		ids[i] = int32(i)
	}
	next, err := shuffled(ids, 3, 4, 5)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(5, 0))
	var all []int
	for range 5 {
		all = append(all, random.Perm(7)...)
	}
	checked := 0
	for _, step := range []int{1, 2, 3, 4, 11, 2, 1, 9} {
		for k, block := range next(step) {
			if at := all[3*(step-1)+k]; len(block) != 4 || block[0] != int32(4*at) {
				t.Errorf("step %d, block %d: %v, expected the one that begins with %d", step, k, block, 4*at)
			}
			checked++
		}
	}
	if checked != 24 {
		t.Errorf("checked %d", checked)
	}
}

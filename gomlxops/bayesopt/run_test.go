package bayesopt

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"gonum.org/v1/gonum/stat"
)

func objective(f func([]float64) float64) Objective {
	return func(_ context.Context, s Suggestion) (float64, error) { return f(s.X), nil }
}

func TestRunRepeats(t *testing.T) {
	space, f := groups()
	run := func(seed uint64) []Trial {
		o := mustNew(t, space, Options{Seed: seed})
		if _, err := o.Run(t.Context(), RunOptions{Trials: 10}, objective(f)); err != nil {
			t.Fatal(err)
		}
		return o.Trials()
	}
	first := run(5)
	if !reflect.DeepEqual(first, run(5)) {
		t.Error("the same seed gave another history")
	}
	if reflect.DeepEqual(first, run(6)) {
		t.Error("another seed gave the same history")
	}
	best := math.Inf(1)
	for _, trial := range first {
		best = math.Min(best, trial.Value)
		if trial.Phase == PhaseModel && (trial.Deviation <= 0 || trial.Acquisition == 0) {
			t.Errorf("trial %d: no state of mind: %+v", trial.ID, trial)
		}
	}
	if !(best < f(first[0].X)) {
		t.Errorf("best of 10 is %v, the first was %v", best, f(first[0].X))
	}
}

// TestInterruptedRun stops a search at twenty random moments, while trials are evaluated, and goes on with what was told: nothing is lost, nothing
// repeated, and the points are those of a search that was never stopped.
func TestInterruptedRun(t *testing.T) {
	space, f := groups()
	opt := Options{Seed: 2, Starts: [][]float64{{0, 0.25, 0.25, 0.25, 0.25, 0.25}}}
	whole := mustNew(t, space, opt)
	if _, err := whole.Run(t.Context(), RunOptions{Trials: 40}, objective(f)); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(4, 4))
	var told []Trial
	stops := 0
	for len(told) < 40 {
		ctx, cancel := context.WithCancel(t.Context())
		o := mustNew(t, space, opt, viaJSON(t, told)...)
		kill := stops < 20
		_, err := o.Run(ctx, RunOptions{Trials: 40}, func(_ context.Context, s Suggestion) (float64, error) {
			if kill && rng.IntN(2) == 0 {
				cancel()
			}
			return f(s.X), nil
		})
		if cancelled := ctx.Err() != nil; cancelled != errors.Is(err, context.Canceled) {
			t.Fatalf("stopped: %v, error %v", cancelled, err)
		}
		if ctx.Err() != nil {
			stops++
		}
		cancel()
		told = o.Trials()
	}
	if !reflect.DeepEqual(told, whole.Trials()) {
		t.Errorf("after %d stops the history is another:\n%+v\n%+v", stops, told, whole.Trials())
	}
	if stops < 20 {
		t.Fatalf("%d stops: not much of a test", stops)
	}
	t.Logf("%d stops", stops)
}

func TestRunInParallel(t *testing.T) {
	space, f := groups()
	o := mustNew(t, space, Options{Seed: 2})
	var calls atomic.Int64
	observed := 0
	best, err := o.Run(t.Context(), RunOptions{Trials: 15, Workers: 4, Observe: func(Trial) { observed++ }},
		func(_ context.Context, s Suggestion) (float64, error) {
			if calls.Add(1)%4 == 0 {
				return 0, errors.New("no")
			}
			return f(s.X), nil
		})
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for _, trial := range o.Trials() {
		checkBudgetOf(t, space, Bayes, trial.X)
		if trial.State == Failed {
			failed++
		}
		if trial.State == Done && trial.Value < best.Value {
			t.Errorf("trial %d is better than the best", trial.ID)
		}
	}
	if len(o.Trials()) != 15 || calls.Load() != 15 || observed != 15 || failed != 3 {
		t.Errorf("%d trials, %d calls, %d observed, %d failed", len(o.Trials()), calls.Load(), observed, failed)
	}
}

func TestRunErrors(t *testing.T) {
	space, f := groups()
	o := mustNew(t, space, Options{})
	for _, c := range []struct {
		opt  RunOptions
		want string
	}{{RunOptions{}, "Trials: expected at least 1, found 0"}, {RunOptions{Trials: 1, Workers: -1}, "Workers: expected no negative"}} {
		if _, err := o.Run(t.Context(), c.opt, objective(f)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, expected %q", err, c.want)
		}
	}
	broken := errors.New("out of memory")
	_, err := o.Run(t.Context(), RunOptions{Trials: 6}, func(context.Context, Suggestion) (float64, error) { return 0, broken })
	if !errors.Is(err, broken) || len(o.Trials()) != 6 {
		t.Errorf("%v after %d trials: expected the failure after 6", err, len(o.Trials()))
	}
}

// TestClearlyWorse counts how often a trial is stopped that is no worse (rarely), and one that is (nearly always, and soon).
func TestClearlyWorse(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	const runs, blocks = 400, 40
	stopped := func(worse float64) (count int, meanBlocks float64) {
		var at []float64
		for range runs {
			incumbent, trial := make([]float64, blocks), make([]float64, blocks)
			for i := range blocks {
				incumbent[i] = 3 + rng.NormFloat64() // blocks differ by 1
				trial[i] = incumbent[i] + worse + 0.1*rng.NormFloat64()
			}
			for n := 1; n <= blocks; n++ {
				c, err := ClearlyWorse(trial[:n], incumbent, 0.99)
				if err != nil {
					t.Fatal(err)
				}
				if c.Stop {
					count++
					at = append(at, float64(n))
					break
				}
			}
		}
		return count, stat.Mean(at, nil)
	}
	wrong, _ := stopped(0)
	right, soon := stopped(0.2)
	t.Logf("of %d: %d stopped that were no worse, %d that were, after %.1f of %d blocks", runs, wrong, right, soon, blocks)
	if wrong > runs/100 || right < runs*99/100 || soon > 20 {
		t.Error("that is not what the confidence says")
	}
	better, err := ClearlyWorse([]float64{1, 1, 1, 1, 1, 1}, []float64{2, 2, 2, 2, 2, 2, 9}, 0.9)
	if err != nil || better.Stop || better.Difference != -1 || better.Blocks != 6 {
		t.Errorf("%+v, %v", better, err)
	}
	for want, c := range map[string][2][]float64{
		"expected at least the trial's 2": {{1, 2}, {1}},
		"block 1: expected finite values": {{1, math.NaN()}, {1, 2}},
	} {
		if _, err := ClearlyWorse(c[0], c[1], 0.9); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, expected %q", err, want)
		}
	}
	if _, err := ClearlyWorse(nil, nil, 1); err == nil {
		t.Error("confidence 1 was taken")
	}
}

// TestDiagnostics searches an objective in which one variable decides nearly all, and one nothing.
func TestDiagnostics(t *testing.T) {
	space, _ := groups()
	f := func(x []float64) float64 { return 20 * (x[3] - 0.5) * (x[3] - 0.5) * (1 + x[1]) }
	o := mustNew(t, space, Options{Seed: 1, Initial: 20})
	if _, err := o.Surrogate(); err == nil {
		t.Error("a model of nothing")
	}
	if _, err := o.Run(t.Context(), RunOptions{Trials: 25}, objective(f)); err != nil {
		t.Fatal(err)
	}
	model, err := o.Surrogate()
	if err != nil {
		t.Fatal(err)
	}
	shares := model.Importances()
	if len(shares) != 5 || shares[0].Name != "gate" || !(shares[0].Share > 0.5) {
		t.Errorf("importances %+v: expected gate first", shares)
	}
	effects, err := model.PartialDependence("gate", 9)
	if err != nil {
		t.Fatal(err)
	}
	least := slices.MinFunc(effects, func(a, b Effect) int { return compare(a.Mean, b.Mean) })
	if effects[0].X != 0 || math.Abs(effects[8].X-0.8) > 1e-12 || math.Abs(least.X-0.5) > 0.1 || !(least.Deviation > 0) {
		t.Errorf("partial dependence %+v: expected its least at 0.5", effects)
	}
	c := model.Calibration()
	if len(c.Residuals) != 25 || !(c.Explained > 0.8) || !(c.RMS < 2.5) || !(c.Within90 > 0.7) {
		t.Errorf("calibration of %d: explained %v, RMS %v, within %v", len(c.Residuals), c.Explained, c.RMS, c.Within90)
	}
	if _, err := model.PartialDependence("v", 9); err == nil {
		t.Error("a protected group has an effect")
	}
	if _, err := model.PartialDependence("gate", 1); err == nil {
		t.Error("one step was taken")
	}
}

// A stopped trial teaches the model, is never the best, and survives the way through JSON.
func TestStopped(t *testing.T) {
	space, f := groups()
	o := mustNew(t, space, Options{Seed: 1})
	for range 6 {
		s := mustAsk(t, o)
		mustTell(t, o.Tell(s.ID, f(s.X)))
	}
	before, _ := o.Best()
	s := mustAsk(t, o)
	mustTell(t, o.Stop(s.ID, s.X, before.Value-1))
	if best, _ := o.Best(); best.ID != before.ID {
		t.Errorf("the stopped trial is the best: %+v", best)
	}
	again := mustNew(t, space, Options{Seed: 1})
	again.history.trials = append(again.history.trials, o.Trials()[:6]...)
	without, err := again.Surrogate()
	if err != nil {
		t.Fatal(err)
	}
	with, err := o.Surrogate()
	if err != nil {
		t.Fatal(err)
	}
	old, _, _ := without.Predict(s.X)
	if now, _, _ := with.Predict(s.X); !(now < old-0.1) {
		t.Errorf("the model expects %v there, %v without the stopped trial", now, old)
	}
	data, err := json.Marshal(o.Trials())
	if err != nil {
		t.Fatal(err)
	}
	var trials []Trial
	if err := json.Unmarshal(data, &trials); err != nil || trials[6].State != Stopped {
		t.Fatalf("%+v, %v", trials, err)
	}
	back := mustNew(t, space, Options{Seed: 1}, trials...)
	if a, b := mustAsk(t, o), mustAsk(t, back); !slices.Equal(a.X, b.X) {
		t.Errorf("asks for %v, and from JSON for %v", a.X, b.X)
	}
	if err := o.Stop(99, s.X, 1); err == nil {
		t.Error("an unknown trial was stopped")
	}
	trials[6].Value = math.NaN()
	if _, err := New(space, Options{}, trials...); err == nil {
		t.Error("a stopped trial without a value was taken")
	}
}

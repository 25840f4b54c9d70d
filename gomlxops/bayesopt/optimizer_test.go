package bayesopt

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"
)

// groups is a small space with a protected group, and an objective on it.
func groups() (Space, func([]float64) float64) {
	s := Space{Budget: 0.25, Variables: []Variable{
		{Name: "v", Weight: 1}, {Name: "qk", Weight: 2, Upper: 0.8}, {Name: "o", Weight: 1, Upper: 0.8},
		{Name: "gate", Weight: 2.7, Upper: 0.8}, {Name: "up", Weight: 2.7, Upper: 0.8}, {Name: "down", Weight: 2.7, Lower: 0.05, Upper: 0.8}}}
	return s, func(x []float64) float64 {
		return math.Exp(2*x[1]) + 0.5*math.Exp(3*x[2]) + math.Exp(4*x[3]) + 2*math.Exp(3*x[4]) + math.Exp(5*x[5]) + x[3]*x[4]
	}
}

func mustNew(t *testing.T, s Space, opt Options, trials ...Trial) *Optimizer {
	t.Helper()
	o, err := New(s, opt, trials...)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func mustAsk(t *testing.T, o *Optimizer) Suggestion {
	t.Helper()
	s, err := o.Ask()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustTell(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// checkPoint fails unless x meets bounds and budget.
func checkBudgetOf(t *testing.T, s Space, sampler Sampler, x []float64) {
	t.Helper()
	used := s.Used(x)
	if sampler == Paper && used > s.Budget && used <= s.Budget+0.1001 {
		used = s.Budget // by rejection, up to ten points more
	}
	near(t, string(sampler)+": budget", used, s.Budget, 1e-14, 1)
	for i, v := range s.Variables {
		if x[i] < v.Lower || x[i] > v.Upper {
			t.Errorf("%s: %s is %v, outside of %v…%v", sampler, v.Name, x[i], v.Lower, v.Upper)
		}
	}
}

// TestSamplers runs every sampler through the laws that all must keep: budget and bounds in each point, starts first, no point twice, points
// under evaluation apart, a failed trial and one that is not finite survived, and a search made anew from its trials (by way of JSON) asking for the same.
func TestSamplers(t *testing.T) {
	space, f := groups()
	start := []float64{0, 0.3, 0.3, 0.3, 0.2, 0.2}
	phases := map[Phase]int{}
	for _, sampler := range Samplers {
		opt := Options{Sampler: sampler, Seed: 7, Initial: 4, Starts: [][]float64{start, start}}
		o := mustNew(t, space, opt)
		var asked [][]float64
		for i := range 14 {
			again := mustNew(t, space, opt, viaJSON(t, o.Trials())...)
			s := mustAsk(t, o)
			if r := mustAsk(t, again); !reflect.DeepEqual(r, s) {
				t.Fatalf("%s: made anew before trial %d, it asks for %+v instead of %+v", sampler, i, r, s)
			}
			phases[s.Phase]++
			if s.ID != i || (s.Phase == PhaseStart) != (i == 0) {
				t.Errorf("%s: trial %d is number %d, phase %s", sampler, i, s.ID, s.Phase)
			}
			checkBudgetOf(t, space, sampler, s.X)
			if slices.ContainsFunc(asked, func(x []float64) bool { return repeats(x, [][]float64{s.X}) }) {
				t.Errorf("%s: trial %d repeats a point", sampler, i)
			}
			asked = append(asked, s.X)
			switch i {
			case 2:
				mustTell(t, o.Fail(s.ID))
			case 3:
				mustTell(t, o.Tell(s.ID, math.NaN()))
			case 8: // stays under evaluation
			default:
				mustTell(t, o.Tell(s.ID, f(s.X)))
			}
		}
		trials := o.Trials()
		if sampler == Bayes && (trials[3].Phase != PhaseDesign || trials[4].Phase == PhaseDesign) {
			t.Errorf("%s: trials 3 and 4 are of phases %s and %s, with Initial 4", sampler, trials[3].Phase, trials[4].Phase)
		}
		if trials[2].State != Failed || trials[3].State != Failed || trials[8].State != Pending || trials[9].State != Done {
			t.Errorf("%s: states %s %s %s %s", sampler, trials[2].State, trials[3].State, trials[8].State, trials[9].State)
		}
		if best, ok := o.Best(); !ok || slices.ContainsFunc(trials, func(t Trial) bool { return t.State == Done && t.Value < best.Value }) {
			t.Errorf("%s: best is %+v", sampler, best)
		}
	}
	if phases[PhaseStart] != len(Samplers) || phases[PhaseDesign] == 0 || phases[PhaseModel] == 0 || phases[PhaseRandom] == 0 {
		t.Errorf("phases seen: %v", phases)
	}
}

func viaJSON(t *testing.T, trials []Trial) (out []Trial) {
	t.Helper()
	data, err := json.Marshal(trials)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestForget frees a point: a start is asked for again, a design point and one of the model as well.
func TestForget(t *testing.T) {
	space, f := groups()
	o := mustNew(t, space, Options{Seed: 1, Initial: 3, Starts: [][]float64{{0, 0.3, 0.3, 0.3, 0.2, 0.2}}})
	for i := range 3 { // a start, a design point, another
		s := mustAsk(t, o)
		mustTell(t, o.Forget(s.ID))
		again := mustAsk(t, o)
		if again.ID == s.ID || !slices.Equal(again.X, s.X) || again.Phase != s.Phase {
			t.Errorf("point %d: asked for %+v, and after its worker died for %+v", i, s, again)
		}
		mustTell(t, o.Tell(again.ID, f(again.X)))
	}
	if o.Forget(1) == nil || o.Forget(99) == nil || o.Tell(99, 1) == nil {
		t.Error("a trial that ended was forgotten, or an unknown one taken")
	}
	if n := len(o.Trials()); n != 3 {
		t.Errorf("%d trials, want 3", n)
	}
}

// TestPendingKeepApart asks for eight at once, late in a search, when one optimum is in sight: the model chooses them, and they explore.
func TestPendingKeepApart(t *testing.T) {
	space, f := groups()
	o := mustNew(t, space, Options{Seed: 3})
	for range 15 {
		s := mustAsk(t, o)
		mustTell(t, o.Tell(s.ID, f(s.X)))
	}
	var us [][]float64
	thought, nearest := 0, math.Inf(1)
	for range 8 {
		s := mustAsk(t, o)
		if s.Phase == PhaseModel {
			thought++
		}
		u := o.history.domain.toUnit(s.X)
		for _, other := range us {
			nearest = math.Min(nearest, floats.Distance(u, other, math.Inf(1)))
		}
		us = append(us, u)
	}
	t.Logf("%d of 8 by the model, the nearest two %.3g apart", thought, nearest)
	if thought < 6 || nearest < 0.002 {
		t.Errorf("the model chose %d of 8 points, the nearest two %v apart", thought, nearest)
	}
}

// TestTrust holds the search of many variables to its box, and the box to success and failure.
func TestTrust(t *testing.T) {
	f := newAllocation(20, 0.2, 1)
	o := mustNew(t, f.space, Options{Seed: 1})
	checked := 0
	for range 14 {
		model, err := o.Surrogate()
		s := mustAsk(t, o)
		if s.Phase == PhaseModel && err == nil {
			centre := o.history.domain.project(slices.Clone(model.u[model.at]))
			if far := floats.Distance(o.history.domain.toUnit(s.X), centre, math.Inf(1)); far > model.side+1e-9 {
				t.Errorf("trial %d is %v from the incumbent, the box has %v", s.ID, far, model.side)
			}
			checked++
		}
		mustTell(t, o.Tell(s.ID, f.perplexity(s.X)))
	}
	if checked < 8 {
		t.Fatalf("checked %d points", checked)
	}
	h := history{domain: o.history.domain}
	for i, c := range []struct{ value, want float64 }{
		{5, 0.2}, {6, 0.2}, {6, 0.2}, {6, 0.2 / 1.5}, {6, 0.2 / 1.5}, {4, 0.2}, {6, 0.2}, {6, 0.2}, {6, 0.2 / 1.5}, {6, 0.2 / 1.5}, {6, 0.2 / 1.5}, {6, 0.2 / 2.25}} {
		h.trials = append(h.trials, Trial{Suggestion: Suggestion{ID: i, Phase: PhaseModel}, State: Done, Value: c.value})
		near(t, "side after trial "+strconv.Itoa(i), trust(&h), c.want, 1e-12, 1)
	}
}

// TestNothingTwice goes on long after the optimum of one dimension is found: no point is asked for again.
func TestNothingTwice(t *testing.T) {
	s := Space{Budget: 0.4, Variables: []Variable{{Name: "a", Upper: 0.9}, {Name: "b", Upper: 0.9}}}
	o := mustNew(t, s, Options{Seed: 1})
	var us [][]float64
	for range 25 {
		p := mustAsk(t, o)
		u := o.history.domain.toUnit(p.X)
		if repeats(u, us) {
			t.Errorf("trial %d repeats %v", p.ID, p.X)
		}
		us = append(us, u)
		mustTell(t, o.Tell(p.ID, (p.X[0]-0.3)*(p.X[0]-0.3)))
	}
}

// TestTellAt models the objective where it was evaluated.
func TestTellAt(t *testing.T) {
	space, f := groups()
	o := mustNew(t, space, Options{Seed: 3})
	for range 8 {
		s := mustAsk(t, o)
		x := slices.Clone(s.X)
		for i := range x {
			x[i] = math.Round(x[i]*20) / 20
		}
		mustTell(t, o.TellAt(s.ID, x, f(x)))
		checkBudgetOf(t, space, Bayes, s.X)
	}
	model, err := o.Surrogate()
	if err != nil {
		t.Fatal(err)
	}
	for _, trial := range o.Trials() {
		mean, deviation, err := model.Predict(trial.At)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "the model where it was measured", mean, trial.Value, 0.05, math.Max(trial.Value, deviation))
	}
	if err := o.TellAt(0, []float64{1}, 1); err == nil {
		t.Error("a point of one value was taken")
	}
}

func TestBadOptions(t *testing.T) {
	space, _ := groups()
	done := Trial{Suggestion: Suggestion{X: make([]float64, 6)}, State: Done}
	for _, c := range []struct {
		opt    Options
		trials []Trial
		want   string
	}{
		{Options{Sampler: "grid"}, nil, `expected one of bayes, paper, tpe, sobol, halton, random, found "grid"`},
		{Options{Initial: -1}, nil, "Initial: expected at least 1, found -1"},
		{Options{Slack: math.NaN()}, nil, "Slack: expected above 0"},
		{Options{Starts: [][]float64{{1, 2}}}, nil, "start 0: point: expected 6 values, one for each variable, found 2"},
		{Options{Starts: [][]float64{{0, 0, 0, math.NaN(), 0, 0}}}, nil, "start 0: point: expected a finite number for gate"},
		{Options{}, []Trial{done, done}, "trial 0: two trials have this number"},
		{Options{}, []Trial{{Suggestion: Suggestion{X: []float64{1}}}}, "trial 0: point: expected 6 values"},
		{Options{}, []Trial{{Suggestion: done.Suggestion, State: "lost"}}, `found "lost"`},
		{Options{}, []Trial{{Suggestion: done.Suggestion, State: Done, Value: math.Inf(1)}}, "expected a finite value"},
	} {
		if _, err := New(space, c.opt, c.trials...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, expected %q", err, c.want)
		}
	}
	wide := newAllocation(196, 0.2, 1).space
	if _, err := mustNew(t, wide, Options{Sampler: Paper}).Ask(); err == nil || !strings.Contains(err.Error(), "rejection") {
		t.Errorf("%v: expected rejection in 196 dimensions to give up", err)
	}
}

// TestDegenerate searches spaces with nothing to search.
func TestDegenerate(t *testing.T) {
	for name, s := range map[string]Space{
		"fixed":    {Budget: 0.5, Variables: []Variable{{Name: "a", Lower: 0.5, Upper: 0.5}}},
		"single":   {Budget: 0.4, Variables: []Variable{{Name: "a", Upper: 0.9}}},
		"corner":   {Budget: 0.9, Variables: []Variable{{Name: "a", Upper: 0.9}, {Name: "b", Upper: 0.9}}},
		"constant": {Budget: 0.4, Variables: []Variable{{Name: "a", Upper: 0.9}, {Name: "b", Upper: 0.9}}},
	} {
		for _, sampler := range Samplers {
			o := mustNew(t, s, Options{Sampler: sampler})
			for range 12 {
				p, err := o.Ask()
				if sampler == Paper && err != nil && strings.Contains(err.Error(), "rejection") {
					break // nothing that rejection could hit
				}
				if err != nil {
					t.Fatalf("%s, %s: %v", name, sampler, err)
				}
				checkBudgetOf(t, s, sampler, p.X)
				mustTell(t, o.Tell(p.ID, 3))
			}
		}
	}
}

func TestOutcome(t *testing.T) {
	y := []float64{7, 6.5, 9, 30, 1e6, 8, 6.9}
	o := newOutcome(y)
	last := math.Inf(-1)
	for _, v := range []float64{-5, 0, 6, 7.9, 8, 8.6, 8.7, 20, 1e3, 1e6, 1e12} {
		z := o.to(v)
		if !(z > last) {
			t.Errorf("%v is mapped to %v, after %v", v, z, last)
		}
		last = z
		back, slope := o.from(z, 1e-3)
		near(t, "there and back", back, v, 1e-12, math.Max(1, math.Abs(v)))
		up, _ := o.from(z+1e-6, 0)
		near(t, "slope", slope/1e-3, (up-back)/1e-6, 1e-3, slope/1e-3)
	}
	if wall := o.to(1e6) - o.to(8); wall > 20*(o.to(8)-o.to(6.5)) {
		t.Errorf("a value of a million lies %v from the median, 6.5 lies %v", wall, o.to(8)-o.to(6.5))
	}
	for _, same := range [][]float64{{3}, {3, 3, 3}, {0, 0}, {5, 5, 5, 6}} {
		if z := newOutcome(same).all(same); !finite(z[0]) || !finite(z[len(z)-1]) {
			t.Errorf("%v is mapped to %v", same, z)
		}
	}
}

// TestCurves holds the splines to their knots, scaled alike, and flat ones to silence.
func TestCurves(t *testing.T) {
	s, _ := groups()
	s.Variables[1].Curve = []Knot{{0, 0}, {0.8, 4}}
	s.Variables[3].Curve = []Knot{{0, 1}, {0.2, 2}, {0.5, 5}, {0.7, 9}}
	d, err := newDomain(s)
	if err != nil {
		t.Fatal(err)
	}
	rise := func(k int, from, to float64) float64 {
		a, _ := d.knotCurves[k].at(from)
		b, _ := d.knotCurves[k].at(to)
		return b - a
	}
	near(t, "curves in one unit", rise(0, 0, 1)/rise(2, 0, 0.5/0.8), 1, 1e-12, 1)
	near(t, "flat beyond the last knot", rise(2, 0.7/0.8, 1), 0, 1e-12, 1)
	if rise(1, 0, 1) != 0 {
		t.Error("a variable without a curve has one")
	}
	for _, u := range []float64{0.1, 0.5, 0.8} {
		_, slope := d.knotCurves[2].at(u)
		near(t, "slope", slope, rise(2, u-1e-6, u+1e-6)/2e-6, 1e-4, 10)
	}
	s.Variables[1].Curve, s.Variables[3].Curve = []Knot{{0, 2}, {1, 2}}, nil
	if d, err = newDomain(s); err != nil || rise(0, 0, 1) != 0 {
		t.Errorf("a flat curve: %v, %v", rise(0, 0, 1), err)
	}
}

// TestContinue walks through a history with one optimizer, as whoever reads it from a record does, and with a new one at every trial: they ask for the same,
// trials that are taken back and values that change among them.
func TestContinue(t *testing.T) {
	space, f := groups()
	opt := Options{Seed: 9}
	kept := mustNew(t, space, opt)
	var trials []Trial
	for n := range 9 {
		if err := kept.Continue(trials...); err != nil {
			t.Fatal(err)
		}
		s := mustAsk(t, kept)
		if want := mustAsk(t, mustNew(t, space, opt, trials...)); !reflect.DeepEqual(s, want) {
			t.Fatalf("trial %d: %+v, expected %+v", n, s, want)
		}
		trials = append(trials, Trial{Suggestion: s, State: Done, Value: f(s.X)})
		if n == 6 { // another process wrote
			trials[2].Value, trials = 99, append(trials[:4:4], trials[5:]...)
		}
	}
	if b := kept.sampler.(*bayes); len(b.fits) < 8 || b.fits[7].y == nil {
		t.Errorf("fits of %d histories are kept, expected those of all", len(b.fits))
	}
	twice := append(trials[:2:2], trials[1])
	if err := kept.Continue(twice...); err == nil || !strings.Contains(err.Error(), "two trials have this number") {
		t.Errorf("two trials of one number: %v", err)
	}
	if found := len(kept.Trials()); found == len(twice) {
		t.Errorf("the history was replaced by one that is refused")
	}
}

package prune_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/parelab/pare/gomlxops/prune"
	"github.com/parelab/pare/gomlxops/transformer"
)

// someFactored holds every second linear of m as random factors of at most the given rank, such that they hold fewer numbers than the matrix; every
// fourth with a bias.
func someFactored(t *testing.T, m *transformer.Model, rank int) *transformer.Variant {
	t.Helper()
	r := rand.New(rand.NewPCG(6, 6))
	forms := map[string]transformer.Form{}
	for i, l := range m.Linears() {
		if i%2 == 0 {
			continue
		}
		rank := min(rank, (l.Out*l.In-1)/(l.Out+l.In))
		f := &transformer.Factored{Rank: rank, B: make([]float32, l.Out*rank), A: make([]float32, rank*l.In)}
		for _, w := range [][]float32{f.A, f.B} {
			for j := range w {
				w[j] = float32(r.NormFloat64() / 4)
			}
		}
		if i%4 == 1 {
			f.Bias = make([]float32, l.Out)
			f.Bias[i%l.Out] = 0.5
		}
		forms[l.Name] = f
	}
	v, err := m.With(forms)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// byLayer counts what the linears of each layer really hold.
func byLayer(v *transformer.Variant) []int {
	n := make([]int, v.Model().Config().Layers)
	for _, l := range v.Model().Linears() {
		n[l.Layer] += int(v.Held(l).Params())
	}
	return n
}

// channel is the most that an MLP channel can hold: the last thing that goes is the cheapest, so a plan overshoots by less.
func channel(c *transformer.Config) int { return 3*c.HiddenSize + 2 }

// overshoot is channel, or what a head can hold where no channel was left to go.
func overshoot(c *transformer.Config, p *prune.Plan) int {
	if slices.ContainsFunc(p.Layers, func(l prune.Layer) bool { return len(l.Channels) > 1 }) {
		return channel(c)
	}
	return 4 * c.Heads / c.KVHeads * c.HeadDim * (c.HiddenSize + 1)
}

// TestHeld: where numbers are counted, what is left holds what was asked for: of every family, with biases, dense and with factors, of which some are no
// worth any more when they have been cut.
func TestHeld(t *testing.T) {
	checked, multiplied := 0, 0
	for name, config := range families {
		m := family(t, config)
		for what, v := range map[string]*transformer.Variant{"dense": m.Dense(), "factors": someFactored(t, m, 6)} {
			for _, scope := range []prune.Scope{prune.Even, prune.Budget, prune.Density} {
				was := byLayer(v)
				o := prune.Options{Ratio: 0.4, Scope: scope, Holdings: prune.Holdings(v)}
				plan, err := o.Plan(m.Config(), randomScores(m.Config(), 8))
				if err != nil {
					t.Fatalf("%s, %s, %s: %v", name, what, scope, err)
				}
				small := cut(t, v, plan, prune.CutOptions{})
				is := byLayer(small.Dense())
				multiplied += len(prune.Holdings(v)) - len(prune.Holdings(small.Dense()))
				if scope != prune.Even {
					was, is = []int{sum(was)}, []int{sum(is)}
				}
				for l := range was {
					checked++
					goal := int(math.Ceil(0.4 * float64(was[l])))
					if gone := was[l] - is[l]; gone < goal || gone >= goal+overshoot(m.Config(), plan) {
						t.Errorf("%s, %s, %s, layer %d: %d of %d numbers went, expected %d", name, what, scope, l, gone, was[l], goal)
					}
				}
			}
		}
	}
	if checked != len(families)*2*(3+1+1) || multiplied == 0 {
		t.Errorf("checked %d counts; %d linears were multiplied out", checked, multiplied)
	}
}

func sum(x []int) (n int) {
	for _, v := range x {
		n += v
	}
	return n
}

// TestMultipliedOut: factors that hold no fewer numbers than what is left of their matrix become one, which computes the same, with a bias or without.
func TestMultipliedOut(t *testing.T) {
	m := openOracle(t, "gqa")
	v := someFactored(t, m, 24)
	plan, err := prune.Options{Ratio: 0.5}.Plan(m.Config(), randomScores(m.Config(), 9))
	if err != nil {
		t.Fatal(err)
	}
	small := cut(t, v, plan, prune.CutOptions{})
	whole := 0
	for _, l := range small.Linears() {
		r, factored := prune.Holdings(small.Dense())[l.Name]
		if factored && r.Rank*(l.Out+l.In) >= l.Out*l.In {
			t.Errorf("%s: rank %d of [%d, %d] is no less", l.Name, r.Rank, l.Out, l.In)
		}
		if !factored && prune.Holdings(v)[l.Name].Rank > 0 {
			whole++
		}
	}
	if whole == 0 || whole == len(prune.Holdings(v)) {
		t.Fatalf("%d of %d factored linears were multiplied out, expected some", whole, len(prune.Holdings(v)))
	}
	compensated(t, v, small, plan)
	forms := map[string]transformer.Form{} // the mask on the model as it is: columns of o and down
	for _, l := range m.Linears() {
		f, ok := v.Form(l.Name)
		if factored, is := f.(*transformer.Factored); ok && is {
			f = factored
			if l.Kind == transformer.Output || l.Kind == transformer.Down {
				zeroColumns(factored.A, l.In, m.Config(), l, plan)
			}
		} else if l.Kind == transformer.Output || l.Kind == transformer.Down {
			w, _, err := m.Float32(l.Name + ".weight")
			if err != nil {
				t.Fatal(err)
			}
			zeroColumns(w, l.In, m.Config(), l, plan)
			f = &transformer.Dense{Out: l.Out, In: l.In, W: w}
		} else {
			continue
		}
		forms[l.Name] = f
	}
	mask, err := m.With(forms)
	if err != nil {
		t.Fatal(err)
	}
	if far := furthest(t, logits(t, mask, tokens(t, "gqa", "forward")), logits(t, small.Dense(), tokens(t, "gqa", "forward"))); far > 1e-5 {
		t.Errorf("logits differ by %.2g", far)
	}
}

// compensated cuts once more with something for the bias of a linear that was multiplied out, and had a bias, and looks at that bias.
func compensated(t *testing.T, v *transformer.Variant, small *transformer.Model, plan *prune.Plan) {
	t.Helper()
	for _, l := range small.Linears() {
		was := prune.Holdings(v)[l.Name]
		if _, factored := prune.Holdings(small.Dense())[l.Name]; factored || !was.Bias {
			continue
		}
		extra := make([]float32, l.Out)
		for i := range extra {
			extra[i] = 0.25
		}
		again := cut(t, v, plan, prune.CutOptions{Compensation: map[string][]float32{l.Name: extra}})
		before, after := make([]float32, l.Out), make([]float32, l.Out)
		if err := errors.Join(small.Dense().Held(l).Read(1, before), again.Dense().Held(l).Read(1, after)); err != nil {
			t.Fatal(err)
		}
		for i := range before {
			if after[i] != before[i]+0.25 {
				t.Fatalf("%s: bias %v, then %v", l.Name, before, after)
			}
		}
		return
	}
	t.Error("no linear with a bias was multiplied out")
}

// TestRemove: a number of numbers, in place of a ratio, in one step and in several.
func TestRemove(t *testing.T) {
	m := family(t, families["gpt2"])
	v := someFactored(t, m, 6)
	was := sum(byLayer(v))
	for _, steps := range []int{1, 3} {
		for _, scope := range []prune.Scope{prune.Even, prune.Budget, prune.Density} {
			o := prune.Options{Remove: 1234, Scope: scope, Steps: steps} // Iterate looks at what is held
			dir := filepath.Join(t.TempDir(), "small")
			if _, err := o.Iterate(context.Background(), dir, v, prune.CutOptions{}, func(_ context.Context, v *transformer.Variant, step int) (prune.Scores, error) {
				return randomScores(v.Model().Config(), uint64(step)), nil
			}); err != nil {
				t.Fatal(err)
			}
			overshoot := channel(m.Config())
			if scope == prune.Even {
				overshoot *= m.Config().Layers
			}
			if gone := was - sum(byLayer(open(t, dir).Dense())); gone < 1234 || gone >= 1234+overshoot {
				t.Errorf("%s in %d steps: %d numbers went, expected 1234", scope, steps, gone)
			}
		}
	}
}

// TestDensity: a head that scores more than a channel, but less for what it holds, goes before it.
func TestDensity(t *testing.T) {
	c := small()
	s := randomScores(c, 2)
	for l := range s.Heads {
		for i := range s.Heads[l] {
			s.Heads[l][i] = 2
		}
		for i := range s.Channels[l] {
			s.Channels[l][i] = 1 + float64(i)/1000
		}
	}
	for scope, heads := range map[prune.Scope]int{prune.Budget: 3, prune.Density: 1} {
		plan, err := prune.Options{Ratio: 0.25, Scope: scope}.Plan(c, s)
		if err != nil {
			t.Fatal(err)
		}
		for l, layer := range plan.Layers {
			if len(layer.Heads) != heads {
				t.Errorf("%s: layer %d keeps heads %v, expected %d", scope, l, layer.Heads, heads)
			}
		}
	}
	if n := slices.Index(prune.Scopes(), prune.Density); n < 0 || prune.Local.Counts() {
		t.Error("the scopes")
	}
}

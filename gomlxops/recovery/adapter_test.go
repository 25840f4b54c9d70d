package recovery

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/transformer"
)

// mixed is the oracle's mha with the factors of its vector case in the places of q, v and down, so that it has dense linears and factored ones
// with a bias.
func mixed(t *testing.T) (*transformer.Variant, adapterOracle) {
	t.Helper()
	o := openAdapterOracle(t, "mha")
	forms := map[string]transformer.Form{}
	for _, module := range o.cases["vector"].Modules {
		get := func(part string) []float32 { return single(o.arrays["vector."+module+"."+part].Data) }
		forms[module] = &transformer.Factored{Rank: o.arrays["vector."+module+".A"].Shape[0], A: get("A"), B: get("B"), Bias: get("bias")}
	}
	v, err := o.m.With(forms)
	if err != nil {
		t.Fatal(err)
	}
	return v, o
}

// stir gives every trained number of an adapter a random value.
func stir(a *Adapter, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 0))
	for _, l := range slices.Sorted(maps.Keys(a.Sides)) {
		for _, s := range a.Sides[l] {
			for i, values := range s.Values() {
				if !trains(s, i) || i == 2 && !s.Subspace() {
					continue
				}
				for j := range values {
					values[j] = float32(random.NormFloat64() / 8)
					if s.Subspace() {
						values[j] *= 6
					}
				}
			}
		}
	}
}

// lossOf is the mean held-out loss of a variant.
func lossOf(t *testing.T, v *transformer.Variant, o adapterOracle) float64 {
	t.Helper()
	losses, err := v.Losses(t.Context(), o.tokens["heldout"], transformer.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, s := range losses.Sum {
		sum += s
	}
	return sum / float64(len(losses.Sum)*losses.Predictions)
}

// TestAdapterOnVariant compares, for LoRA beside dense and factored linears and beside factors and for the subspace form: the loss of the model with the
// adapter beside it, of the model with it merged, and of the training graph. Merging must change the base's loss, keep the rank of the subspace form,
// and unmerging must give every number back.
func TestAdapterOnVariant(t *testing.T) {
	v, o := mixed(t)
	base, checked := lossOf(t, v, o), 0
	for what, make := range map[string]func() (*Adapter, error){
		"everywhere": func() (*Adapter, error) { return NewLoRA(v, LoRA{Rank: 3, Seed: 1}) },
		"factors": func() (*Adapter, error) {
			return NewLoRA(v, LoRA{Rank: 2, Targets: []string{"A", "q_proj.B", "up_proj"}, RSLoRA: true, Init: Gaussian})
		},
		"subspace": func() (*Adapter, error) { return NewSubspace(v, Subspace{Rank: 5, Seed: 3}) },
	} {
		a, err := make()
		if err != nil {
			t.Fatal(err)
		}
		same := func(step string, v *transformer.Variant, want float64, within float64) float64 {
			t.Helper()
			got := lossOf(t, v, o)
			if !(math.Abs(got-want) <= within) {
				t.Errorf("%s, %s: expected loss %v, found %v", what, step, want, got)
			}
			checked++
			return got
		}
		beside, err := a.Apply(v)
		if err != nil {
			t.Fatal(err)
		}
		same("fresh", beside, base, 1e-6)
		stir(a, 5)
		if beside, err = a.Apply(v); err != nil {
			t.Fatal(err)
		}
		loss := lossOf(t, beside, o)
		if math.Abs(loss-base) < 1e-3 {
			t.Errorf("%s: the adapter changes the loss from %v to %v only", what, base, loss)
		}
		into, err := a.Merge(v)
		if err != nil {
			t.Fatal(err)
		}
		same("merged", into, loss, 2e-6)
		if what != "everywhere" && into.Params() != v.Params() {
			t.Errorf("%s: merging changed %d parameters to %d", what, v.Params(), into.Params())
		}
		p, err := a.Problem(v)
		if err != nil {
			t.Fatal(err)
		}
		held := o.tokens["heldout"]
		result, err := Tune(t.Context(), p, func(int) Batch { return Batch{Tokens: held[:1]} }, TrainOptions{Steps: 1, LearningRate: 1e-12, Held: held, EvalEvery: 1}, nil)
		if err != nil || math.Abs(result.Held[0].Loss-loss) > 2e-6 {
			t.Errorf("%s: expected loss %v in the training graph, found %v, %v", what, loss, result, err)
		}
		back, err := Unmerge(into)
		if err != nil {
			t.Fatal(err)
		}
		checked += sameForms(t, v, back)
	}
	if checked != 6+3*21 {
		t.Errorf("checked %d", checked)
	}
}

// sameForms compares every linear of two variants bit for bit.
func sameForms(t *testing.T, v, w *transformer.Variant) (compared int) {
	t.Helper()
	for _, l := range v.Model().Linears() {
		x, errX := readParts(v.Held(l))
		y, errY := readParts(w.Held(l))
		if errX != nil || errY != nil || !slices.EqualFunc(x, y, sameBits) {
			t.Errorf("%s differs: %v, %v", l.Name, errX, errY)
		}
		compared++
	}
	return compared
}

// TestRecover trains adapters and factors of the compressed model for some steps and sees the held-out loss of the variant fall, the base unchanged, and the
// result of the two-sided tuning of the same size.
func TestRecover(t *testing.T) {
	v, o := mixed(t)
	next := func(step int) Batch { return Batch{Tokens: o.tokens["heldout"]} }
	opt := TrainOptions{Steps: 6, LearningRate: 3e-3, Schedule: Line}
	base, checked := lossOf(t, v, o), 0
	falls := func(what string, v *transformer.Variant, by float64) {
		t.Helper()
		if got := lossOf(t, v, o); !(got < base-by) {
			t.Errorf("%s: the loss went from %v to %v", what, base, got)
		}
		checked++
	}
	lora, err := NewLoRA(v, LoRA{Targets: []string{"q_proj", "up_proj"}, Dropout: 0.05})
	if err != nil {
		t.Fatal(err)
	}
	subspace, err := NewSubspace(v, Subspace{Rank: 8})
	if err != nil {
		t.Fatal(err)
	}
	for what, a := range map[string]*Adapter{"lora": lora, "subspace": subspace} {
		trained, result, err := Recover(t.Context(), v, a, next, opt, nil)
		if err != nil || result.Steps != 6 {
			t.Fatal(err)
		}
		with, err := trained.Apply(v)
		if err != nil {
			t.Fatal(err)
		}
		falls(what, with, 1e-4)
		fresh, err := a.Apply(v)
		if err != nil || math.Abs(lossOf(t, fresh, o)-base) > 1e-6 {
			t.Errorf("%s: training changed the adapter that it began with: %v", what, err)
		}
	}
	tuned, results, err := TwoSided(t.Context(), v, nil, next, opt, nil)
	if err != nil || results[1].Losses[0] >= results[0].Losses[0] || tuned.Params() != v.Params() {
		t.Fatalf("two-sided: %v", err)
	}
	falls("two-sided", tuned, 1e-2)
	if lossOf(t, v, o) != base || checked != 3 {
		t.Errorf("the base changed, or only %d were checked", checked)
	}
}

// TestInit checks the ranges and deviations of A, zeros in B, and that patterns give their linears another rank and scale.
func TestInit(t *testing.T) {
	v, _ := mixed(t)
	a, err := NewLoRA(v, LoRA{Rank: 4, Alpha: 8, Targets: []string{"k_proj", "up_proj"}, RankPattern: map[string]int{"layers.1.self_attn.k_proj": 6}, AlphaPattern: map[string]float64{`layers\.[12]\..*_proj`: 3}})
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for l, sides := range a.Sides {
		s := sides[0]
		rank, scale := 4, float32(2)
		if strings.Contains(l, "layers.1.self_attn.k_proj") {
			rank = 6
		}
		if !strings.Contains(l, "layers.0") {
			scale = float32(3 / float64(rank))
		}
		bound := 1 / math.Sqrt(float64(len(s.A)/s.Rank))
		if s.Rank != rank || s.Scale != scale || float64(slices.Max(s.A)) > bound || float64(slices.Max(s.A)) < 0.9*bound || slices.Max(s.B) != 0 || slices.Min(s.B) != 0 {
			t.Errorf("%s: rank %d, scale %v, largest %v of %v", l, s.Rank, s.Scale, slices.Max(s.A), bound)
		}
		checked++
	}
	g, err := NewLoRA(v, LoRA{Rank: 16, Init: Gaussian, RSLoRA: true, Alpha: 4})
	if err != nil || checked != 6 {
		t.Fatal(err, checked)
	}
	sum, n := 0.0, 0
	for _, sides := range g.Sides {
		for _, x := range sides[0].A {
			sum, n = sum+float64(x)*float64(x), n+1
		}
		if sides[0].Scale != 1 {
			t.Errorf("rsLoRA: expected scale 4/√16, found %v", sides[0].Scale)
		}
	}
	if d := math.Sqrt(sum / float64(n)); n < 10000 || math.Abs(d*16-1) > 0.03 {
		t.Errorf("expected deviation 1/16, found %v of %d", d, n)
	}
}

// TestAdapterRefuses sees bad options named.
func TestAdapterRefuses(t *testing.T) {
	v, o := mixed(t)
	checked := 0
	for mention, make := range map[string]func() (*Adapter, error){
		"gate_prj":     func() (*Adapter, error) { return NewLoRA(v, LoRA{Targets: []string{"q_proj", "gate_prj"}}) },
		"none of the":  func() (*Adapter, error) { return NewLoRA(v, LoRA{Pattern: ".*nothing"}) },
		"at most":      func() (*Adapter, error) { return NewLoRA(v, LoRA{Rank: 1000}) },
		"pattern":      func() (*Adapter, error) { return NewLoRA(v, LoRA{Pattern: "("}) },
		"Rank":         func() (*Adapter, error) { return NewLoRA(v, LoRA{Rank: -1}) },
		"Dropout":      func() (*Adapter, error) { return NewLoRA(v, LoRA{Dropout: 1}) },
		"Alpha":        func() (*Adapter, error) { return NewLoRA(v, LoRA{Alpha: math.NaN()}) },
		"Init":         func() (*Adapter, error) { return NewLoRA(v, LoRA{Init: "x"}) },
		"its factors":  func() (*Adapter, error) { return NewSubspace(v, Subspace{Rank: 1000}) },
		"a factored":   func() (*Adapter, error) { return NewSubspace(o.m.Dense(), Subspace{}) },
		"that of its ": func() (*Adapter, error) { return NewSubspace(v, Subspace{Rank: 99}) },
	} {
		if _, err := make(); err == nil || !strings.Contains(err.Error(), mention) {
			t.Errorf("expected an error with %q, found %v", mention, err)
		}
		checked++
	}
	a, err := NewLoRA(v, LoRA{})
	if err != nil || checked != 11 {
		t.Fatal(err, checked)
	}
	with, err := a.Apply(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := transformer.Save(t.Context(), t.TempDir()+"/m", with, transformer.SaveOptions{}); err == nil || !strings.Contains(err.Error(), "merge") {
		t.Errorf("a variant with an adapter was saved: %v", err)
	}
}

package lowrank

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/transformer"
)

// Every promise about budgets, on the reference's models: counted, met from below by less than a step, multiples, minimum,
// protection, and less loss than uniform ranks with the same parameters.
func TestEnergyKeepsItsPromises(t *testing.T) {
	checked := 0
	for _, r := range references(t) {
		for _, method := range []Method{FeaturePCM, ASVD, FWSVDRow} {
			spectra := r.spectra(t, method)
			for _, opt := range []AllocationOptions{
				{}, {Multiple: 8}, {Multiple: 4, Minimum: 5}, {Minimum: 3, FreeBias: true},
				{Protect: []transformer.Kind{transformer.Value}, ProtectLinears: []string{spectra[0].Linear.Name}},
			} {
				before := math.Inf(1)
				for _, ratio := range []float64{0.55, 0.4, 0.2, 0.1, 0.01} {
					forms, a, err := Energy(spectra, ratio, opt)
					if err != nil {
						t.Fatal(err)
					}
					checkEnergy(t, r, spectra, forms, a, opt)
					if a.Loss > before {
						t.Errorf("%s %s: ratio %v loses %g, a larger one %g", r.name, method, ratio, a.Loss, before)
					}
					before = a.Loss
					checked++
				}
			}
		}
	}
	if checked != 2*3*5*5 {
		t.Errorf("%d checked", checked)
	}
}

func checkEnergy(t *testing.T, r *reference, spectra []*Spectrum, forms map[string]transformer.Form, a *Allocation, opt AllocationOptions) {
	t.Helper()
	v, err := r.model.With(forms)
	if err != nil {
		t.Fatal(err)
	}
	charged, cheapest, loss := a.After, int64(math.MaxInt64), 0.0
	for i, c := range a.Ranks {
		s := spectra[i]
		l := newLadder(s, 1, opt)
		at := slices.IndexFunc(l, func(g rung) bool { return g.rank == c.Rank })
		if at < 0 || c.Rank > 0 && (c.Rank%max(opt.Multiple, 1) != 0 || c.Rank < opt.Minimum || opt.protects(s.Linear)) {
			t.Fatalf("%s: rank %d with %+v", c.Linear, c.Rank, opt)
		}
		loss += l[at].loss
		charged += l[at].cost - c.Params
		if at+1 < len(l) {
			cheapest = min(cheapest, l[at+1].cost-l[at].cost)
		}
	}
	if a.After != v.LinearParams() || a.Budget != budgetOf(a.Ratio, a.Before) || a.By != ByEnergy {
		t.Errorf("reports %d parameters, the variant holds %d; budget %d", a.After, v.LinearParams(), a.Budget)
	}
	if left := a.Budget - charged; left < 0 || left >= cheapest || !opt.FreeBias && a.Removed() < a.Ratio-1e-9 {
		t.Errorf("ratio %v: charged %d of %d, a step takes %d; removed %v", a.Ratio, charged, a.Budget, cheapest, a.Removed())
	}
	if math.Abs(loss-a.Loss) > 1e-9 || a.Bound > a.Loss || a.Bound < 0 || a.Loss-a.Bound > 0.1 {
		t.Errorf("ratio %v: loses %g, reports %g and at least %g", a.Ratio, loss, a.Loss, a.Bound)
	}
}

// With the parameters that uniform ranks take, less energy is left out, and the models' held-out loss, which is what it is for,
// is lower.
func TestEnergyBeatsUniform(t *testing.T) {
	for _, r := range references(t) {
		spectra := r.spectra(t, FeatureSCM)
		for _, ratio := range []float64{0.2, 0.5} {
			_, even, err := Uniform(spectra, ratio)
			if err != nil {
				t.Fatal(err)
			}
			forms, a, err := Energy(spectra, even.Removed(), AllocationOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if a.Loss >= even.Loss || a.After > even.After {
				t.Errorf("%s at %v: energy loses %g with %d parameters, uniform %g with %d", r.name, ratio, a.Loss, a.After, even.Loss, even.After)
			}
			lambda := map[float64]string{0.2: "0.2", 0.5: "0.5"}[ratio]
			got, uniform := r.heldout(t, forms), r.numbers.Lambdas[lambda].HeldoutLoss["bolaco_scm"]
			if got >= uniform {
				t.Errorf("%s at %v: held-out loss %g, uniform %g", r.name, ratio, got, uniform)
			}
			t.Logf("%s at %v: lost energy %.4f (at least %.4f), uniform %.4f; held-out loss %.4f, uniform %.4f", r.name, ratio,
				a.Loss, a.Bound, even.Loss, got, uniform)
		}
	}
}

// Weights move parameters to the linears that they favour; equal ones change nothing.
func TestEnergyWeights(t *testing.T) {
	r := references(t)[0]
	spectra := r.spectra(t, FeaturePCM)
	saliences, err := r.fisher(t).Salience(r.model)
	if err != nil {
		t.Fatal(err)
	}
	favoured, equal := map[string]float64{}, map[string]float64{}
	for _, s := range spectra {
		favoured[s.Linear.Name], equal[s.Linear.Name] = 1, 3
	}
	name := spectra[4].Linear.Name
	favoured[name] = 100
	run := func(w map[string]float64) *Allocation {
		_, a, err := Energy(spectra, 0.4, AllocationOptions{Weights: w})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	none, same, more, fisher := run(nil), run(equal), run(favoured), run(saliences)
	if !slices.Equal(none.Ranks, same.Ranks) || math.Abs(same.Loss-3*none.Loss) > 1e-12 {
		t.Error("equal weights change the ranks")
	}
	if none.Ranks[4].Params >= more.Ranks[4].Params {
		t.Errorf("a hundred times the weight: %+v, before %+v", more.Ranks[4], none.Ranks[4])
	}
	if slices.Equal(none.Ranks, fisher.Ranks) {
		t.Error("Fisher weights change nothing")
	}
}

func TestEnergyRefuses(t *testing.T) {
	r := references(t)[0]
	spectra := r.spectra(t, PlainSVD)
	name := spectra[0].Linear.Name
	for what, c := range map[string]struct {
		ratio float64
		opt   AllocationOptions
		want  string
	}{
		"ratio":            {1.2, AllocationOptions{}, "found 1.2"},
		"too much":         {0.99, AllocationOptions{}, "expected at most 0.9"},
		"protected":        {0.5, AllocationOptions{Protect: transformer.Kinds}, "expected at most 0,"},
		"multiple":         {0.5, AllocationOptions{Multiple: -8}, "multiple"},
		"minimum":          {0.5, AllocationOptions{Minimum: -8}, "minimum"},
		"protected kind":   {0.5, AllocationOptions{Protect: []transformer.Kind{"qkv"}}, `found "qkv"`},
		"protected linear": {0.5, AllocationOptions{ProtectLinears: []string{"lm_head"}}, `found "lm_head"`},
		"missing weight":   {0.5, AllocationOptions{Weights: map[string]float64{"x": 1}}, name + ", found none"},
		"negative weight":  {0.5, AllocationOptions{Weights: map[string]float64{name: -1}}, name + ", found -1"},
		"weight NaN":       {0.5, AllocationOptions{Weights: map[string]float64{name: math.NaN()}}, name + ", found NaN"},
	} {
		if _, _, err := Energy(spectra, c.ratio, c.opt); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", what, err, c.want)
		}
	}
	if _, _, err := Energy(nil, 0.5, AllocationOptions{}); err == nil || !strings.Contains(err.Error(), "at least one") {
		t.Errorf("nothing: %v", err)
	}
}

// METHODS identity 20: the rank rule of Bolaco's code, on published shapes and on the reference's.
func TestBolacoRank(t *testing.T) {
	for _, c := range []struct {
		ratio         float64
		out, in, want int
	}{{0.8, 4096, 4096, 408}, {0.2, 4096, 11008, 2384}, {0.5, 48, 48, 8}, {0.2, 48, 48, 16}, {0.9, 160, 160, 8}} {
		if got, err := BolacoRank(c.ratio, c.out, c.in); err != nil || got != c.want {
			t.Errorf("%+v: got %d, %v", c, got, err)
		}
	}
	if _, err := BolacoRank(1, 48, 48); err == nil {
		t.Error("ratio 1 was accepted")
	}
	checked := 0
	for _, r := range references(t) {
		for lambda, numbers := range r.numbers.Lambdas {
			for _, l := range r.model.Linears() {
				got, err := BolacoRank(ratioOf(t, lambda), l.Out, l.In)
				if want := numbers.Linears[l.Name].BolacoRule; err != nil || got != want {
					t.Errorf("%s %s: got %d, want %d, %v", l.Name, lambda, got, want, err)
				}
				checked++
			}
		}
	}
	if checked != 70 {
		t.Errorf("%d checked", checked)
	}
}

// METHODS identity 19 on the allocations that Bolaco's paper prints for LLaMA-2-7B (table 8 and appendix C): counted from shapes alone, the
// fraction kept of the linears is 0.7985 and 0.6993, and a uniform 0.8 leaves 5.44 billion parameters of the model.
func TestPublishedAllocations(t *testing.T) {
	const hidden, mid, layers, whole = 4096, 11008, 32, 6738415616
	kept := func(qk, o, gate, up, down int64) (params int64) {
		held := func(rank, out, in int64) int64 {
			if rank == 0 || rank*(out+in) >= out*in {
				return out * in
			}
			return rank * (out + in)
		}
		return layers * (2*held(qk, hidden, hidden) + hidden*hidden + held(o, hidden, hidden) +
			held(gate, mid, hidden) + held(up, mid, hidden) + held(down, hidden, mid))
	}
	dense := kept(0, 0, 0, 0, 0)
	for _, c := range []struct{ got, want float64 }{
		{float64(kept(744, 1616, 2512, 2408, 0)) / float64(dense), 0.7985},
		{float64(kept(656, 1392, 2128, 2352, 2312)) / float64(dense), 0.6993},
	} {
		if math.Abs(c.got-c.want) > 5e-5 {
			t.Errorf("keeps %.5f, want %v", c.got, c.want)
		}
	}
	if left := float64(whole-dense) + 0.8*float64(dense); math.Round(left/1e7) != 544 {
		t.Errorf("a uniform 0.8 leaves %.0f parameters", left)
	}
}

package lowrank

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/internal/oracle"
	"github.com/parelab/pare/gomlxops/transformer"
)

// Tolerances, relative. A float32 calibration pass is off by about 5e-7 of the largest covariance, and eigenvectors turn by
// that over the gap to their neighbours; measured here, energies and errors of outputs agree within 5e-6, matrices within 2e-6. A bias is
// a small difference of means, so that it carries ten times the error; it agrees within 3e-5. A direction in the wrong place
// would show as 1e-2.
const (
	energies   = 2e-5
	matrices   = 2e-5
	biases     = 2e-4
	wholeModel = 1e-5 // nats, absolute; measured 5e-7
)

func TestFactorsMatchReference(t *testing.T) {
	for _, r := range references(t) {
		for method, key := range referenceMethods {
			spectra := r.spectra(t, method)
			for lambda, want := range r.numbers.Lambdas {
				forms, allocation, err := Uniform(spectra, ratioOf(t, lambda))
				if err != nil {
					t.Fatal(err)
				}
				worst := map[string]float64{}
				for _, s := range spectra {
					ref := want.Linears[s.Linear.Name]
					if got, _ := allocation.Rank(s.Linear.Name); got != ref.Rank {
						t.Errorf("%s %s %s: rank %d, want %d", r.name, lambda, s.Linear.Name, got, ref.Rank)
					}
					c := comparison{t, r, s, forms[s.Linear.Name].(*transformer.Factored), ref.Methods[key], key + "." + lambda + "." + s.Linear.Name, worst}
					c.run()
				}
				if len(forms) != len(r.model.Linears()) {
					t.Errorf("%s: %d forms", r.name, len(forms))
				}
				t.Logf("%s %s %s: worst differences %.2v", r.name, key, lambda, worst)
			}
		}
	}
}

// comparison is one linear at one rank against the reference.
type comparison struct {
	*testing.T
	r     *reference
	s     *Spectrum
	f     *transformer.Factored
	ref   quality
	key   string
	worst map[string]float64
}

func (c comparison) run() {
	l := c.s.Linear
	w, hat := c.r.weight(c.T, l), dense(c.f)
	mean := c.r.calib[l.Name+".input_mean"].Data
	second := oracle.Unpack(c.r.calib[l.Name+".input_second_moment"].Data, l.In)

	c.close("discarded", c.s.Discarded(c.f.Rank), c.ref.Discarded, energies)
	c.close("MSE", meanSquaredError(w, hat, c.f.Bias, mean, second), c.ref.MSE, energies)
	c.close("MSE without bias", meanSquaredError(w, hat, nil, mean, second), c.ref.MSENoBias, energies)
	c.close("weight error", frobenius(w, hat), c.ref.WeightError, matrices)

	if c.s.Method == FeatureSCM {
		return // the reference stores no vectors of it
	}
	v, u := c.r.probe(c.T, l.In), c.r.probe(c.T, l.Out)
	c.array("Wv", times(hat, v, l.Out, l.In), matrices)
	c.array("uW", timesT(hat, u, l.Out, l.In), matrices)
	if c.s.Method == FeaturePCM {
		c.array("bias", widen(c.f.Bias), biases)
	}
	if _, stored := c.r.arrays[c.key+".dense"]; stored {
		c.array("dense", hat, matrices)
	}
}

func (c comparison) close(what string, got, want, tolerance float64) {
	d := math.Abs(got-want) / want
	c.worst[what] = max(c.worst[what], d)
	if !(d <= tolerance) {
		c.Errorf("%s %s %s: %g, want %g, apart %.2g, allowed %.2g", c.r.name, c.key, what, got, want, d, tolerance)
	}
}

func (c comparison) array(what string, got []float64, tolerance float64) {
	d := apart(c.T, got, c.r.arrays[c.key+"."+what].Data)
	c.worst[what] = max(c.worst[what], d)
	if !(d <= tolerance) {
		c.Errorf("%s %s.%s: apart %.2g, allowed %.2g", c.r.name, c.key, what, d, tolerance)
	}
}

// probe returns the reference's vector v_k.
func (r *reference) probe(t *testing.T, k int) []float64 {
	t.Helper()
	for name, a := range r.arrays {
		if strings.HasPrefix(name, "probe.") && len(a.Data) == k {
			return a.Data
		}
	}
	t.Fatalf("no probe of %d", k)
	return nil
}

func times(w, v []float64, out, in int) []float64 {
	y := make([]float64, out)
	for i := range out {
		for j := range in {
			y[i] += w[i*in+j] * v[j]
		}
	}
	return y
}

func timesT(w, u []float64, out, in int) []float64 {
	y := make([]float64, in)
	for i := range out {
		for j := range in {
			y[j] += w[i*in+j] * u[i]
		}
	}
	return y
}

func TestWholeModelMatchesReference(t *testing.T) {
	checked := 0
	for _, r := range references(t) {
		if d := math.Abs(r.heldout(t, nil) - r.numbers.Dense); d > wholeModel {
			t.Errorf("%s dense: held-out loss apart by %.2g", r.name, d)
		}
		for method, key := range referenceMethods {
			spectra := r.spectra(t, method)
			for lambda, want := range r.numbers.Lambdas {
				forms, _, err := Uniform(spectra, ratioOf(t, lambda))
				if err != nil {
					t.Fatal(err)
				}
				d := math.Abs(r.heldout(t, forms) - want.HeldoutLoss[key])
				without := d
				if _, both := want.HeldoutLoss[key+"_no_bias"]; both {
					without = math.Abs(r.heldout(t, noBias(forms)) - want.HeldoutLoss[key+"_no_bias"])
				}
				if !(d <= wholeModel && without <= wholeModel) {
					t.Errorf("%s %s %s: held-out loss apart by %.2g, %.2g without bias", r.name, key, lambda, d, without)
				}
				t.Logf("%s %s %s: held-out loss apart by %.2g, %.2g without bias", r.name, key, lambda, d, without)
				checked++
			}
		}
	}
	if checked != 4*len(referenceMethods) {
		t.Errorf("%d settings checked", checked)
	}
}

func (r *reference) heldout(t *testing.T, forms map[string]transformer.Form) float64 {
	t.Helper()
	v, err := r.model.With(forms)
	if err != nil {
		t.Fatal(err)
	}
	losses, err := v.Losses(context.Background(), r.tokens["heldout"], transformer.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, s := range losses.Sum {
		sum += s
	}
	return sum / float64(len(losses.Sum)*losses.Predictions)
}

func noBias(forms map[string]transformer.Form) map[string]transformer.Form {
	out := map[string]transformer.Form{}
	for name, form := range forms {
		f := *form.(*transformer.Factored)
		f.Bias = nil
		out[name] = &f
	}
	return out
}

package lowrank

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/parelab/pare/gomlxops/covariance"
	"github.com/parelab/pare/gomlxops/transformer"
)

// uniform decomposes the dense model and takes the ranks of a ratio.
func (r *reference) uniform(t *testing.T, method Method, settings Settings, ratio float64) (spectra []*Spectrum, forms map[string]transformer.Form, a *Allocation) {
	t.Helper()
	spectra = r.spectraWith(t, method, Options{Settings: settings})
	forms, a, err := Uniform(spectra, ratio)
	if err != nil {
		t.Fatal(err)
	}
	return spectra, forms, a
}

func (r *reference) sequential(t *testing.T, spectra []*Spectrum, a *Allocation, opt SequentialOptions) (map[string]transformer.Form, *Allocation) {
	t.Helper()
	if opt.Groups == 0 {
		opt.Groups = 4
	}
	opt.Batch = 4 // as inputsOf
	forms, done, err := Sequential(context.Background(), r.model, spectra, a, r.tokens["calib"], opt)
	if err != nil {
		t.Fatal(err)
	}
	return forms, done
}

// inputsOf captures what reaches the sites of a layer where the layers before it are compressed and it is not.
func (r *reference) inputsOf(t *testing.T, forms map[string]transformer.Form, layer int) capture {
	t.Helper()
	before := map[string]transformer.Form{}
	for _, l := range r.model.Linears() {
		if f, ok := forms[l.Name]; ok && l.Layer < layer {
			before[l.Name] = f
		}
	}
	v, err := r.model.With(before)
	if err != nil {
		t.Fatal(err)
	}
	all := capture{}
	for i := 0; i < len(r.tokens["calib"]); i += 4 {
		part := capture{}
		if err := v.Stream(context.Background(), r.tokens["calib"][i:i+4], transformer.RunOptions{Batch: 4, Probe: part}); err != nil {
			t.Fatal(err)
		}
		for k, x := range part {
			all[k] = append(all[k], x...)
		}
	}
	return all
}

// leastSquares is the plain reading of the update: B and bias that bring B z + b nearest to the rows of y, by QR. z [n, r], y [n, out].
func leastSquares(z, y []float64, r, out int, bias bool) (b, at []float64) {
	n, columns := len(z)/r, r
	if bias {
		columns++
	}
	m := mat.NewDense(n, columns, nil)
	for i := range n {
		for j := range columns {
			if j < r {
				m.Set(i, j, z[i*r+j])
			} else {
				m.Set(i, j, 1)
			}
		}
	}
	var x mat.Dense
	if err := x.Solve(m, mat.NewDense(n, out, y)); err != nil {
		panic(err)
	}
	b = make([]float64, out*r)
	for i := range out {
		for j := range r {
			b[i*r+j] = x.At(j, i)
		}
	}
	if bias {
		at = mat.Row(nil, r, &x)
	}
	return b, at
}

// rows returns x Wᵀ for the rows x [n, in].
func rows(x []float32, w []float64, out, in int) []float64 {
	var all []float64
	for ; len(x) > 0; x = x[in:] {
		all = append(all, times(w, widen(x[:in]), out, in)...)
	}
	return all
}

// Updating is the least-squares fit to the outputs of captured inputs, solved by QR in float64, for each linear on what the compressed
// blocks before it gave, with and without a bias, and for both targets.
func TestUpdateMatchesItsTwin(t *testing.T) {
	r := references(t)[0]
	checked := 0
	for _, c := range []struct {
		method Method
		target Target
	}{{PlainSVD, Shifted}, {PlainSVD, Original}, {FeaturePCM, Shifted}, {FeaturePCM, Original}, {FWSVDRow, Shifted}} {
		spectra, plain, a := r.uniform(t, c.method, Settings{}, 0.4)
		forms, done := r.sequential(t, spectra, a, SequentialOptions{Mode: Update, Target: c.target})
		worst, asIs := 0.0, r.inputsOf(t, nil, 0)
		var inputs capture
		for i, l := range r.model.Linears() {
			if i == 0 || l.Layer > r.model.Linears()[i-1].Layer {
				inputs = r.inputsOf(t, forms, l.Layer)
			}
			site := fmt.Sprint(l.Layer, l.Kind.Site())
			shifted, wanted := inputs[site], inputs[site]
			if c.target == Original {
				wanted = asIs[site]
			}
			got, before := widenFactors(forms[l.Name].(*transformer.Factored)), widenFactors(plain[l.Name].(*transformer.Factored))
			if !slices.Equal(got.a, before.a) {
				t.Fatalf("%s %s: A changed", c.method, l.Name)
			}
			z, y := rows(shifted, got.a, got.rank, l.In), rows(wanted, r.weight(t, l), l.Out, l.In)
			b, bias := leastSquares(z, y, got.rank, l.Out, got.bias != nil)
			twin := factors{got.rank, b, got.a, bias}
			least, is, was := errorOn(twin, z, y, l.Out), errorOn(got, z, y, l.Out), errorOn(before, z, y, l.Out)
			worst = max(worst, is/least-1)
			if !(is < least*(1+1e-5)) || is < least*(1-1e-12) {
				t.Errorf("%s to %s, %s: error %.8g, the least is %.8g", c.method, c.target, l.Name, is, least)
			}
			fit := done.Sequential.Linears[i]
			// Errors are parts of the outputs' energy, and moments are sums of float32 products: right to 1e-6 of that, not of themselves.
			if fit.Linear != l.Name || math.Abs(fit.After-is) > 1e-6 || math.Abs(fit.Before-was) > 1e-6 || fit.After > fit.Before {
				t.Errorf("%s to %s: reported %+v, found %.8g before and %.8g after", c.method, c.target, fit, was, is)
			}
			checked++
		}
		t.Logf("%s to %s: at most %.2g above the least error", c.method, c.target, worst)
	}
	if checked != 5*21 {
		t.Errorf("%d linears checked", checked)
	}
}

// errorOn is Σ ‖y − B z − b‖² of Σ ‖y‖².
func errorOn(f factors, z, y []float64, out int) float64 {
	left, all := 0.0, 0.0
	for len(z) > 0 {
		at := times(f.b, z[:f.rank], out, f.rank)
		for i, v := range y[:out] {
			d := v - at[i]
			if f.bias != nil {
				d -= f.bias[i]
			}
			left, all = left+d*d, all+v*v
		}
		z, y = z[f.rank:], y[out:]
	}
	return left / all
}

// Recalibrating decomposes each block with the moments of a variant whose blocks before it are compressed.
func TestRecalibrateMatchesItsTwin(t *testing.T) {
	r := references(t)[1]
	for _, method := range []Method{FeaturePCM, SVDLLM, ASVD} {
		spectra, _, a := r.uniform(t, method, Settings{}, 0.4)
		forms, done := r.sequential(t, spectra, a, SequentialOptions{})
		if done.Sequential.Mode != Recalibrate || done.After != a.After || a.Sequential != nil {
			t.Errorf("%s: allocation %+v", method, done)
		}
		for i, l := range r.model.Linears() {
			if l.Kind != transformer.Down && l.Kind != transformer.Query {
				continue
			}
			rank := a.Ranks[i].Rank
			want := r.decomposedOn(t, method, r.inputsOf(t, forms, l.Layer), l)
			got := dense(forms[l.Name].(*transformer.Factored))
			f, err := want.Factors(rank)
			if err != nil {
				t.Fatal(err)
			}
			if d := apart(t, got, dense(f)); d > 1e-3 {
				t.Errorf("%s %s: apart by %.2g", method, l.Name, d)
			}
			if f, err = spectra[i].Factors(rank); err != nil {
				t.Fatal(err)
			}
			if d := apart(t, got, dense(f)); l.Layer > 0 && d < 1e-2 {
				t.Errorf("%s %s: within %.2g of what the dense model's moments give", method, l.Name, d)
			}
		}
	}
}

// Recalibrating to the original outputs leaves the least error that any factors of the rank can: not above that of any other mode, and above
// the error of the regression at full rank by the energies that are left out. Without anything compressed before it, it is recalibrating.
func TestRecalibrateToOriginal(t *testing.T) {
	r := references(t)[0]
	for _, c := range []struct {
		method   Method
		settings Settings
	}{{SVDLLM, Settings{}}, {FeatureSCM, Settings{}}} {
		spectra, _, a := r.uniform(t, c.method, c.settings, 0.4)
		forms, done := r.sequential(t, spectra, a, SequentialOptions{Target: Original})
		plain, _ := r.sequential(t, spectra, a, SequentialOptions{})
		asIs := r.inputsOf(t, nil, 0)
		better := 0
		for i, l := range r.model.Linears() {
			fit := done.Sequential.Linears[i]
			f := widenFactors(forms[l.Name].(*transformer.Factored))
			if l.Layer == 0 {
				if d := apart(t, dense(forms[l.Name].(*transformer.Factored)), dense(plain[l.Name].(*transformer.Factored))); d > 1e-3 {
					t.Errorf("%s %s: moved by %.2g, though its inputs are the original ones", c.method, l.Name, d)
				}
				continue
			}
			site := fmt.Sprint(l.Layer, l.Kind.Site())
			x, y := r.inputsOf(t, forms, l.Layer)[site], rows(asIs[site], r.weight(t, l), l.Out, l.In)
			is := errorOn(f, rows(x, f.a, f.rank, l.In), y, l.Out)
			least := reducedRank(x, y, l.In, l.Out, f.rank, f.bias != nil)
			if math.Abs(fit.After-is) > 1e-5*is || is > least*(1+1e-4) || is < least*(1-1e-4) {
				t.Errorf("%s %s: reported %.8g, found %.8g, the least is %.8g", c.method, l.Name, fit.After, is, least)
			}
			if is < 0.99*fit.Before {
				better++
			}
		}
		if better < 10 {
			t.Errorf("%s: better in %d linears", c.method, better)
		}
	}
}

// reducedRank is the least Σ ‖y − What x − b‖² of Σ ‖y‖² at a rank, by QR and SVD of the fitted outputs: what full rank leaves, and the
// singular values behind the rank.
func reducedRank(x []float32, y []float64, in, out, rank int, bias bool) float64 {
	z := widen(x)
	w, b := leastSquares(z, slices.Clone(y), in, out, bias)
	full := factors{in, w, nil, b}
	left, all := errorOn(full, z, y, out), inner(y, y)
	fitted := mat.NewDense(len(z)/in, out, nil)
	for i := range len(z) / in {
		fitted.SetRow(i, times(w, z[i*in:(i+1)*in], out, in))
	}
	if bias { // about the mean
		mean := make([]float64, out)
		for i := range fitted.RawMatrix().Rows {
			for j, v := range fitted.RawRowView(i) {
				mean[j] += v / float64(fitted.RawMatrix().Rows)
			}
		}
		for i := range fitted.RawMatrix().Rows {
			row := fitted.RawRowView(i)
			for j := range row {
				row[j] -= mean[j]
			}
		}
	}
	var svd mat.SVD
	svd.Factorize(fitted, mat.SVDNone)
	for _, s := range svd.Values(nil)[rank:] {
		left += s * s / all
	}
	return left
}

// Where nothing is compressed before it, the first block is what it was, and where nothing is compressed at all there is no form.
func TestSequentialChangesNothingToChange(t *testing.T) {
	r := references(t)[0]
	spectra, plain, a := r.uniform(t, SVDLLM, Settings{}, 0.4)
	forms, _ := r.sequential(t, spectra, a, SequentialOptions{})
	again, _ := r.sequential(t, spectra, a, SequentialOptions{})
	if !reflect.DeepEqual(forms, again) {
		t.Error("a second time the result is another")
	}
	for _, l := range r.model.Linears() {
		d := apart(t, dense(forms[l.Name].(*transformer.Factored)), dense(plain[l.Name].(*transformer.Factored)))
		if (l.Layer == 0) != (d < 1e-4) {
			t.Errorf("%s moved by %.2g", l.Name, d)
		}
	}
	_, none, err := Apply(spectra, nil)
	if err != nil {
		t.Fatal(err)
	}
	forms, done := r.sequential(t, spectra, none, SequentialOptions{})
	if len(forms) != 0 || len(done.Sequential.Linears) != 0 {
		t.Errorf("%d forms of a dense model", len(forms))
	}
}

// Progress goes up to its total, also past blocks that are left alone and with two walks side by side.
func TestSequentialTellsItsProgress(t *testing.T) {
	r := references(t)[0]
	spectra, _, a := r.uniform(t, PlainSVD, Settings{}, 0.4)
	ranks := map[string]int{}
	for _, c := range a.Ranks {
		if !strings.HasPrefix(c.Linear, "model.layers.1.") {
			ranks[c.Linear] = c.Rank
		}
	}
	_, a, err := Apply(spectra, ranks)
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []Target{Shifted, Original} {
		told := &sequentialProgress{t: t}
		_, done, err := Sequential(t.Context(), r.model, spectra, a, r.tokens["calib"], SequentialOptions{Target: target, Batch: 4, Recorder: told})
		if err != nil || len(done.Sequential.Linears) != 14 || told.done != 12 || told.calls < 7 {
			t.Errorf("%d linears, %d calls told up to %d, %v", len(done.Sequential.Linears), told.calls, told.done, err)
		}
	}
}

type sequentialProgress struct {
	t           *testing.T
	calls, done int
}

func (p *sequentialProgress) Metric(string, int, float64) {}

func (p *sequentialProgress) Progress(stage string, done, total int) {
	if stage != "recalibrate" || done < p.done || total != 12 {
		p.t.Errorf("%s %d of %d after %d", stage, done, total, p.done)
	}
	p.calls, p.done = p.calls+1, done
}

// Ten tokens leave directions that nothing is known of: there B stays, all is finite, and the error on those tokens does not grow.
func TestUpdateOnTooFewTokens(t *testing.T) {
	r := references(t)[0]
	spectra, plain, a := r.uniform(t, PlainSVD, Settings{}, 0.4)
	forms, done, err := Sequential(t.Context(), r.model, spectra, a, r.tokens["calib_tiny"], SequentialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(done.Sequential.Linears) != 21 {
		t.Errorf("%d linears", len(done.Sequential.Linears))
	}
	for _, fit := range done.Sequential.Linears {
		if !(fit.After <= fit.Before) {
			t.Errorf("%+v", fit)
		}
		b, was := forms[fit.Linear].(*transformer.Factored).B, plain[fit.Linear].(*transformer.Factored).B
		if d := frobenius(widen(b), widen(was)) / norm(widen(was)); !(d < 10) { // 1.8 at most, and tens where rounding is divided by
			t.Errorf("%s: B moved by %.2g of its size", fit.Linear, d)
		}
	}
	k := make([]float64, 9)
	k[0] = 2
	change, err := solve([]float64{4, 5, 6}, 1, k, 3, make([]float64, 3))
	if err != nil || !slices.Equal(change, []float64{2, 0, 0}) {
		t.Errorf("change %v, %v", change, err)
	}
}

// The factors of feature PCA have directions that so few tokens do not vary in at all but for rounding. The update leaves those alone too, towards either target.
func TestUpdateOfDirectionsWithoutData(t *testing.T) {
	checked := 0
	for _, r := range references(t) {
		moments, err := covariance.Collect(t.Context(), r.model.Dense(), r.tokens["calib_tiny"], covariance.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, settings := range []Settings{{}, {Centring: Uncentred}} {
			spectra, err := DecomposeAll(t.Context(), r.model, moments, FeatureSCM, Options{Settings: settings})
			if err != nil {
				t.Fatal(err)
			}
			plain, a, err := Uniform(spectra, 0.2)
			if err != nil {
				t.Fatal(err)
			}
			for _, target := range []Target{Shifted, Original} {
				forms, done, err := Sequential(t.Context(), r.model, spectra, a, r.tokens["calib_tiny"], SequentialOptions{Mode: Update, Target: target})
				if err != nil {
					t.Fatalf("%v, %s: %v", settings, target, err)
				}
				for _, fit := range done.Sequential.Linears {
					checked++
					if !(fit.After <= fit.Before+1e-9) {
						t.Errorf("%v, %s: %+v", settings, target, fit)
					}
					b, was := forms[fit.Linear].(*transformer.Factored).B, plain[fit.Linear].(*transformer.Factored).B
					if d := frobenius(widen(b), widen(was)) / norm(widen(was)); !(d < 1) {
						t.Errorf("%v, %s, %s: B moved by %.2g of its size", settings, target, fit.Linear, d)
					}
				}
			}
		}
	}
	if checked == 0 {
		t.Error("nothing checked")
	}
}

func TestSequentialRefuses(t *testing.T) {
	r, other := references(t)[0], references(t)[1]
	spectra, _, a := r.uniform(t, PlainSVD, Settings{}, 0.4)
	few := *a
	few.Ranks = few.Ranks[1:]
	calib := r.tokens["calib"]
	for want, try := range map[string]func() error{
		"looks at no inputs": func() error {
			return sequentialError(r, spectra, a, calib, SequentialOptions{Mode: Recalibrate})
		},
		`found "x"`:         func() error { return sequentialError(r, spectra, a, calib, SequentialOptions{Mode: "x"}) },
		`found "y"`:         func() error { return sequentialError(r, spectra, a, calib, SequentialOptions{Target: "y"}) },
		"at least one":      func() error { return sequentialError(r, spectra, a, nil, SequentialOptions{}) },
		"another model":     func() error { return sequentialError(other, spectra, a, calib, SequentialOptions{}) },
		"found another":     func() error { return sequentialError(r, spectra, &few, calib, SequentialOptions{}) },
		"groups: expected":  func() error { return sequentialError(r, spectra, a, calib, SequentialOptions{Groups: 5}) },
		`found "principal"`: func() error { _, err := (SequentialOptions{}).For("principal"); return err },
	} {
		if err := try(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := Sequential(cancelled, r.model, spectra, a, calib, SequentialOptions{}); err == nil || !strings.Contains(err.Error(), "canceled") {
		t.Errorf("error %v", err)
	}
}

func sequentialError(r *reference, spectra []*Spectrum, a *Allocation, sequences [][]int32, opt SequentialOptions) error {
	_, _, err := Sequential(context.Background(), r.model, spectra, a, sequences, opt)
	return err
}

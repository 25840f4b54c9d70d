package lowrank

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/parelab/pare/gomlxops/covariance"
	"github.com/parelab/pare/gomlxops/transformer"
)

// The oracle's property of calib_tiny: ten tokens make a singular covariance. Nothing may become NaN, and linears of rank ten or
// more reproduce the outputs of those tokens.
func TestSingularCovariance(t *testing.T) {
	for _, r := range references(t) {
		tiny := r.tokens["calib_tiny"]
		moments, err := covariance.Collect(context.Background(), r.model.Dense(), tiny, covariance.Options{})
		if err != nil {
			t.Fatal(err)
		}
		inputs := capture{}
		if err := r.model.Dense().Stream(context.Background(), tiny, transformer.RunOptions{Probe: inputs}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			method   Method
			settings Settings
		}{{FeaturePCM, Settings{}}, {FeatureSCM, Settings{Centring: Uncentred}}, {SVDLLM, Settings{}}} {
			spectra, err := DecomposeAll(context.Background(), r.model, moments, c.method, Options{Settings: c.settings})
			if err != nil {
				t.Fatal(err)
			}
			r.reproduces(t, spectra, inputs)
		}
		checkFallback(t, r, moments)
		spectra, err := DecomposeAll(context.Background(), r.model, moments, ASVD, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range spectra {
			if left := r.outputsApart(t, s, s.Kept, inputs); math.IsNaN(left) {
				t.Errorf("asvd %s: NaN", s.Linear.Name)
			}
		}
	}
}

// checkFallback says that ten tokens leave nothing to invert, and that the energies are those of whitening all the same: sums over
// tokens of what the uncentred features have as means.
func checkFallback(t *testing.T, r *reference, moments *covariance.Moments) {
	t.Helper()
	for _, s := range moments.Stats {
		if l, err := lowerRoot(s); l != nil || err != nil {
			t.Errorf("%s layer %d, %s: ten tokens were whitened in %d directions, %v", r.name, s.Layer, s.Site, s.Dim, err)
		}
	}
	l := r.model.Linears()[6]
	whitened, err := Decompose(r.model, moments, l, SVDLLM)
	if err != nil {
		t.Fatal(err)
	}
	features, err := DecomposeAll(context.Background(), r.model, moments, FeatureSCM, Options{Settings: Settings{Centring: Uncentred}, Linears: []transformer.Linear{l}})
	if err != nil {
		t.Fatal(err)
	}
	// Products in float32 leave eigenvalues of zero a little below it; they count as zero before W is multiplied here, after it there.
	if got, want := whitened.Energy(), 10*features[0].Energy(); math.Abs(got/want-1) > 1e-6 {
		t.Errorf("%s: energy %g, want %g", r.name, got, want)
	}
}

// reproduces checks the outputs of ten tokens at ratio 0.2.
func (r *reference) reproduces(t *testing.T, spectra []*Spectrum, inputs capture) {
	t.Helper()
	checked, worst := 0, 0.0
	for _, s := range spectra {
		rank, err := Rank(0.2, s.Linear.Out, s.Linear.In)
		if err != nil {
			t.Fatal(err)
		}
		left := r.outputsApart(t, s, rank, inputs)
		if math.IsNaN(left) {
			t.Errorf("%s: NaN", s.Linear.Name)
		}
		if rank < 10 {
			continue
		}
		checked++
		worst = max(worst, left)
		if !(left < 1e-5) {
			t.Errorf("%s %s by %s, rank %d: ten outputs are off by %.2g", r.name, s.Linear.Name, s.by(), rank, left)
		}
	}
	if checked < 12 {
		t.Errorf("%d linears checked", checked)
	}
	t.Logf("%s by %s: worst of %d linears %.2g", r.name, spectra[0].by(), checked, worst)
}

// outputsApart says how far the outputs at a rank are from W x on the captured inputs.
func (r *reference) outputsApart(t *testing.T, s *Spectrum, rank int, inputs capture) float64 {
	t.Helper()
	f, err := s.Factors(rank)
	if err != nil {
		t.Fatal(err)
	}
	bias := f.Bias
	if bias == nil {
		bias = make([]float32, s.Linear.Out)
	}
	return outputsApart(r.weight(t, s.Linear), dense(f), bias, inputs[fmt.Sprint(s.Linear.Layer, s.Linear.Kind.Site())], s.Linear)
}

// capture is a probe that keeps the inputs of every site, for runs of one batch.
type capture map[string][]float32

func (capture) Graph(_ transformer.Site, x *graph.Node) []*graph.Node { return []*graph.Node{x} }

func (c capture) Observe(layer int, site transformer.Site, _, _ int, out []*tensors.Tensor) error {
	x, err := tensors.CopyFlatData[float32](out[0])
	c[fmt.Sprint(layer, site)] = x
	return err
}

// outputsApart compares W x with What x + b over the rows of x, relative to the largest output.
func outputsApart(w, hat []float64, bias, x []float32, l transformer.Linear) float64 {
	worst, scale := 0.0, 0.0
	for ; len(x) > 0; x = x[l.In:] {
		row := widen(x[:l.In])
		y, z := times(w, row, l.Out, l.In), times(hat, row, l.Out, l.In)
		for i := range y {
			scale = max(scale, math.Abs(y[i]))
			if d := math.Abs(y[i] - z[i] - float64(bias[i])); !(d <= worst) {
				worst = d
			}
		}
	}
	return worst / scale
}

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
		spectra, err := DecomposeAll(context.Background(), r.model, moments, FeaturePCM, Options{})
		if err != nil {
			t.Fatal(err)
		}
		checked, worst := 0, 0.0
		for _, s := range spectra {
			rank, err := Rank(0.2, s.Linear.Out, s.Linear.In)
			if err != nil {
				t.Fatal(err)
			}
			f, err := s.Factors(rank)
			if err != nil {
				t.Fatal(err)
			}
			left := outputsApart(r.weight(t, s.Linear), dense(f), f.Bias, inputs[fmt.Sprint(s.Linear.Layer, s.Linear.Kind.Site())], s.Linear)
			if rank < 10 {
				if math.IsNaN(left) {
					t.Errorf("%s: NaN", s.Linear.Name)
				}
				continue
			}
			checked++
			worst = max(worst, left)
			if !(left < 1e-5) {
				t.Errorf("%s %s, rank %d: ten outputs are off by %.2g", r.name, s.Linear.Name, rank, left)
			}
		}
		if checked < 12 {
			t.Errorf("%d linears checked", checked)
		}
		t.Logf("%s: worst of %d linears %.2g", r.name, checked, worst)
	}
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

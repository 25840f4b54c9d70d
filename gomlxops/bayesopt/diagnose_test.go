package bayesopt

import (
	"fmt"
	"math"
	"testing"
)

// TestImportancesAddUp takes a linear objective. There E[f|u_k] is linear with slope c_k − mean of the others' c, which is n/(n−1) (c_k − c̄) for n variables, and
// any two u are correlated by −1/(n−1), so that Var f = Var(u) n/(n−1) Σ (c_k − c̄)². The shares then add up to n/(n−1), and go by (c_k − c̄)².
func TestImportancesAddUp(t *testing.T) {
	const n = 12
	space := Space{Budget: 0.3}
	for i := range n {
		space.Variables = append(space.Variables, Variable{Name: fmt.Sprint(i), Upper: 0.9})
	}
	f := func(x []float64) (sum float64) {
		for i, v := range x {
			sum += float64(i%4) * v // 0, 1, 2, 3: means 1.5
		}
		return 10 + sum
	}
	o := mustNew(t, space, Options{Seed: 1, Sampler: Halton})
	if _, err := o.Run(t.Context(), RunOptions{Trials: 80}, objective(f)); err != nil {
		t.Fatal(err)
	}
	model, err := o.Surrogate()
	if err != nil {
		t.Fatal(err)
	}
	sum, outer, inner := 0.0, 0.0, 0.0
	for _, share := range model.Importances() {
		sum += share.Share
		var i int
		if _, err := fmt.Sscan(share.Name, &i); err != nil {
			t.Fatal(err)
		}
		if i%4 == 0 || i%4 == 3 {
			outer += share.Share
		} else {
			inner += share.Share
		}
	}
	// Exact but for the 128 points, for bounds that are met, and for what the model has not learnt.
	if want := float64(n) / (n - 1); sum < 0.75*want || sum > 1.25*want {
		t.Errorf("shares add up to %.3f, expected about %.3f", sum, want)
	}
	if ratio := outer / inner; ratio < 5 || ratio > 16 { // 1.5²/0.5² = 9
		t.Errorf("the outer shares are %.1f times the inner ones, expected about 9", ratio)
	}
}

// TestDependenceIsPrediction takes two variables, where one decides the other, so that the partial dependence is the prediction at one point; of a
// model whose deviations were widened.
func TestDependenceIsPrediction(t *testing.T) {
	space := Space{Budget: 0.4, Variables: []Variable{{Name: "a", Upper: 0.8}, {Name: "b", Upper: 0.8}}}
	o := mustNew(t, space, Options{Seed: 3, Sampler: Halton})
	f := func(x []float64) float64 { return math.Floor(9 * x[0]) } // jumps, which no smooth process expects
	if _, err := o.Run(t.Context(), RunOptions{Trials: 12}, objective(f)); err != nil {
		t.Fatal(err)
	}
	model, err := o.Surrogate()
	if err != nil {
		t.Fatal(err)
	}
	if !(model.wide > 1.02) {
		t.Fatalf("variances are multiplied by %v: the problem tells nothing of bands", model.wide)
	}
	effects, err := model.PartialDependence("a", 7)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range effects {
		mean, deviation, err := model.Predict([]float64{e.X, 0.8 - e.X})
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(e.Mean-mean) > 1e-9*math.Abs(mean)+1e-12 || math.Abs(e.Deviation-deviation) > 1e-6*deviation+1e-9 {
			t.Errorf("at %.3f: %v ± %v, expected the prediction there, %v ± %v", e.X, e.Mean, e.Deviation, mean, deviation)
		}
	}
}

// TestDependenceStaysNearTrials takes a search that never took much from one variable, and a curve for it that falls where nobody has been: the loss of
// much cannot be told, and it must not decide what matters.
func TestDependenceStaysNearTrials(t *testing.T) {
	space := Space{Budget: 0.4}
	for i := range 6 {
		space.Variables = append(space.Variables, Variable{Name: fmt.Sprint(i), Upper: 1})
	}
	space.Variables[0].Curve = []Knot{{0, 0}, {0.4, 0.1}, {0.6, 100}, {1, 10_000}}
	var trials []Trial
	rng := newRand(5, 0)
	for i := range 24 {
		v := make([]float64, 6)
		for k := range v {
			v[k] = 0.4 + 0.3*(rng.Float64()-0.5)
		}
		x, err := space.Project(v)
		if err != nil {
			t.Fatal(err)
		}
		// The more of 0 is cut the better, by a little; 1 and 2 decide.
		trials = append(trials, Trial{Suggestion: Suggestion{ID: i, X: x}, State: Done, Value: 5 - 0.2*x[0] + 3*x[1] - 3*x[2]})
	}
	model, err := mustNew(t, space, Options{Seed: 1}, trials...).Surrogate()
	if err != nil {
		t.Fatal(err)
	}
	effects, err := model.PartialDependence("0", 9)
	if err != nil {
		t.Fatal(err)
	}
	if first, last := effects[0].X, effects[8].X; first < 0.1 || last > 0.7 || last-first < 0.3 {
		t.Errorf("evaluated from %.3f to %.3f, expected about 0.15 to 0.65, a tenth beyond the trials", first, last)
	}
	for i, share := range model.Importances() {
		if matters := share.Name == "1" || share.Name == "2"; matters != (i < 2) {
			t.Errorf("%d: %+v, expected 1 and 2 to matter most", i, share)
		}
	}
}

package bayesopt

import (
	"fmt"
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

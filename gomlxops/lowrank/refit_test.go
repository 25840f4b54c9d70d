package lowrank

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// refitted fits B anew to the moments that the exact analysis was made from.
func (e exact) refitted(t *testing.T, rank int) (before, after factors, task *task) {
	t.Helper()
	b, a, err := e.analysis.factors(e.problem, rank)
	if err != nil {
		t.Fatal(err)
	}
	before = factors{rank: rank, b: b, a: a}
	if e.analysis.mean != nil {
		_, before.bias = e.at(t, rank)
	}
	second, mean := slices.Clone(e.m2), []float64(nil)
	if before.bias != nil {
		mean = e.mean
		for i := range second {
			second[i] -= mean[i/e.linear.In] * mean[i%e.linear.In]
		}
	}
	if task, err = keepWeight(e.w, nil, e.linear.In, second, mean); err != nil {
		t.Fatal(err)
	}
	if after, err = task.refit(before); err != nil {
		t.Fatal(err)
	}
	return before, after, task
}

// The update of SVD-LLM (section 4.4 of METHODS) is no news to factors that come from the moments it is fitted to: W C Aᵀ (A C Aᵀ)⁻¹ = U for
// A = Uᵀ W, where U diagonalises W C Wᵀ. It matters to every other method, and what it leaves is not below the least that the rank can leave.
func TestUpdateChangesNothingOfProjections(t *testing.T) {
	least := map[string]float64{}
	key := func(e exact) string { return fmt.Sprint(e.linear.Name, e.linear.In) }
	for _, c := range []struct {
		method   Method
		settings Settings
	}{{FeatureSCM, Settings{}}, {FeaturePCM, Settings{}}, {FeatureSCM, Settings{Centring: Uncentred}}, {SVDLLM, Settings{}}} {
		worst := 0.0
		eachExactWith(t, c.method, c.settings, func(e exact) {
			before, after, task := e.refitted(t, e.k/2)
			d := apart(t, after.b, before.b)
			if before.bias != nil {
				d = max(d, apart(t, after.bias, before.bias))
			}
			worst = max(worst, d)
			if d > 1e-9 {
				t.Errorf("%s %s: moved by %.2g", c.method, e.linear.Name, d)
			}
			if c.method == SVDLLM {
				var err error
				if least[key(e)], err = task.relative(after); err != nil {
					t.Fatal(err)
				}
			}
		})
		t.Logf("%s %s: at most %.2g", c.method, c.settings, worst)
	}
	for _, method := range []Method{PlainSVD, ASVD, FWSVDRow, FWSVDCol} {
		better := 0
		eachExact(t, method, func(e exact) {
			before, after, task := e.refitted(t, e.k/2)
			was, err := task.relative(before)
			if err != nil {
				t.Fatal(err)
			}
			is, err := task.relative(after)
			if err != nil {
				t.Fatal(err)
			}
			if is > was*(1+1e-12) || is < least[key(e)]*(1-1e-9) {
				t.Errorf("%s %s: %g before, %g after, the least is %g", method, e.linear.Name, was, is, least[key(e)])
			}
			if is < was*0.99 {
				better++
			}
			if d := math.Abs(e.mse(e.factored(t, e.k/2), nil)/task.energy/was - 1); d > 1e-9 {
				t.Errorf("%s %s: error off by %.2g", method, e.linear.Name, d)
			}
		})
		if better < 20 {
			t.Errorf("%s: the update helped %d of 35 linears", method, better)
		}
	}
}

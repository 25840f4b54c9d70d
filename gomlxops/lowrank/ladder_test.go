package lowrank

import (
	"math"
	"math/rand/v2"
	"testing"
)

// randomLadders are a few short ladders with falling energies and a last step to dense.
func randomLadders(r *rand.Rand) (ladders []ladder, low, high int64) {
	for range 2 + r.IntN(3) {
		step, rungs, weight := int64(2+r.IntN(9)), 1+r.IntN(5), r.Float64()
		left := make([]float64, rungs+2)
		value := 1e-3 * r.Float64()
		for k := rungs; k >= 0; k-- {
			value *= 1 + 2*r.Float64()
			left[k] = left[k+1] + value
		}
		l := ladder{}
		for k := range rungs {
			l = append(l, rung{k + 1, step * int64(k+1), weight * left[k] / left[0]})
		}
		last := step * int64(rungs)
		l = append(l, rung{0, last + 1 + r.Int64N(step), 0})
		ladders = append(ladders, l)
		low, high = low+l[0].cost, high+l[len(l)-1].cost
	}
	return ladders, low, high
}

// best tries every choice.
func best(ladders []ladder, budget int64) float64 {
	if len(ladders) == 0 {
		return 0
	}
	least := math.Inf(1)
	for _, r := range ladders[0] {
		if r.cost <= budget {
			least = min(least, r.loss+best(ladders[1:], budget-r.cost))
		}
	}
	return least
}

// The greedy choice against every choice: within the budget, what is left buys nothing, the bound holds on both sides, and it is
// the best choice more often than not.
func TestPlanAgainstBruteForce(t *testing.T) {
	seed := uint64(20260708)
	r := rand.New(rand.NewPCG(seed, 1))
	exact, tried, worst := 0, 0, 0.0
	for range 300 {
		ladders, low, high := randomLadders(r)
		for budget := low; budget <= high; budget += 1 + r.Int64N(4) {
			p := shareOf(ladders).plan(budget)
			spent, cheapest, dearest := int64(0), int64(math.MaxInt64), 0.0
			for i, l := range ladders {
				spent += l[p.at[i]].cost
				if p.at[i]+1 < len(l) {
					cheapest = min(cheapest, l.climb(i, p.at[i], p.at[i]+1).cost)
				}
				for _, c := range l.hull(i) {
					dearest = max(dearest, c.gain)
				}
			}
			least := best(ladders, budget)
			tried++
			if math.Abs(p.loss-least) < 1e-12 {
				exact++
			}
			worst = max(worst, p.loss-least)
			if spent > budget || p.left != budget-spent || p.left >= cheapest {
				t.Fatalf("seed %d: budget %d, spent %d, left %d, a step takes %d", seed, budget, spent, p.left, cheapest)
			}
			if p.bound > least+1e-12 || p.loss < least-1e-12 || p.loss > p.bound+dearest+1e-12 {
				t.Fatalf("seed %d: budget %d: bound %g, best %g, found %g, dearest climb %g", seed, budget, p.bound, least, p.loss, dearest)
			}
		}
	}
	if tried < 3000 || 2*exact < tried {
		t.Errorf("the best choice %d times of %d", exact, tried)
	}
	t.Logf("the best choice %d times of %d, at worst %.2g more", exact, tried, worst)
}

// A lowest rung that does not fit is told by what is left, and full budgets leave everything dense.
func TestPlanAtItsEnds(t *testing.T) {
	ladders, low, high := randomLadders(rand.New(rand.NewPCG(3, 3)))
	if p := shareOf(ladders).plan(low - 1); p.left >= 0 {
		t.Errorf("left %d", p.left)
	}
	if p := shareOf(ladders).plan(low); p.left != 0 || p.at[0] != 0 {
		t.Errorf("%+v", p)
	}
	if p := shareOf(ladders).plan(high); p.left != 0 || p.loss != 0 || p.bound != 0 {
		t.Errorf("%+v", p)
	}
}

// More to spend never loses more, where ladders are convex; steps to dense that are worth more than those before them may
// break that by little.
func TestPlanIsMonotone(t *testing.T) {
	seed := uint64(7)
	r := rand.New(rand.NewPCG(seed, 2))
	tried := 0
	for range 300 {
		ladders, low, high := randomLadders(r)
		for i := range ladders {
			ladders[i] = ladders[i][:len(ladders[i])-1]
		}
		before := math.Inf(1)
		for budget := low; budget <= high; budget++ {
			p := shareOf(ladders).plan(budget)
			tried++
			if p.loss > before+1e-12 {
				t.Fatalf("seed %d: budget %d loses %g, one parameter less %g", seed, budget, p.loss, before)
			}
			before = p.loss
		}
	}
	if tried < 3000 {
		t.Errorf("%d tried", tried)
	}
}

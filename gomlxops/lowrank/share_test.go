package lowrank

import (
	"math"
	"testing"
)

// A share of all linears gives what Energy gives, of a part what Energy gives of that part, and filling up ranks spends what is left
// without taking any back.
func TestShare(t *testing.T) {
	spectra := references(t)[1].spectra(t, FeaturePCM)
	weights := map[string]float64{}
	for i, s := range spectra {
		weights[s.Linear.Name] = 1 + float64(i%5)
	}
	checked := 0
	for _, opt := range []AllocationOptions{{}, {Multiple: 2, Minimum: 3}, {Weights: weights}} {
		for _, part := range [][]*Spectrum{spectra, spectra[:5], spectra[3:4]} {
			share, err := NewShare(part, opt)
			if err != nil {
				t.Fatal(err)
			}
			for _, ratio := range []float64{0.15, 0.3, 0.55} {
				_, a, err := Energy(part, ratio, opt)
				if err != nil {
					t.Fatal(err)
				}
				ranks, loss := share.Divide(a.Budget)
				held := int64(0)
				for i, r := range ranks {
					if r != a.Ranks[i].Rank {
						t.Errorf("%s: rank %d, Energy gives %d", part[i].Linear.Name, r, a.Ranks[i].Rank)
					}
					held += a.Ranks[i].Params
					checked++
				}
				if math.Abs(loss-a.Loss) > 1e-12 || held > a.Budget {
					t.Errorf("loss %v and %d of %d, Energy loses %v", loss, held, a.Budget, a.Loss)
				}
				checkFill(t, share, part, ranks, a.Budget)
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d ranks were checked", checked)
	}
	share, err := NewShare(spectra, AllocationOptions{Minimum: 2})
	if err != nil {
		t.Fatal(err)
	}
	if ranks, _ := share.Divide(share.Least() - 1); ranks[0] != 2 {
		t.Errorf("below the least budget: ranks %v", ranks)
	}
}

// checkFill begins at the least ranks with half as much again to spend.
func checkFill(t *testing.T, share *Share, part []*Spectrum, most []int, budget int64) {
	t.Helper()
	least, _ := share.Divide(share.Least())
	budget = (share.Least() + budget) / 2
	filled := share.Fill(least, budget)
	held, step := int64(0), int64(math.MaxInt64)
	for i, s := range part {
		if filled[i] != 0 && filled[i] < least[i] {
			t.Errorf("%s: rank %d became %d", s.Linear.Name, least[i], filled[i])
		}
		at := share.ladders[i]
		for k, r := range at {
			if r.rank == filled[i] {
				held += r.cost
				if k+1 < len(at) {
					step = min(step, at[k+1].cost-r.cost)
				}
			}
		}
	}
	if held > budget || held+step <= budget {
		t.Errorf("filled to %d of %d, the least step being %d", held, budget, step)
	}
}

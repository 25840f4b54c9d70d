package lowrank

import (
	"fmt"
	"math"

	"github.com/parelab/pare/gomlxops/transformer"
)

// Energy returns the forms that keep the most energy of all linears together within one budget of parameters:
//
//	minimise  Σ_l w_l · Discarded_l(r_l) / Energy_l   subject to   Σ_l held_l(r_l) ≤ (1−λ) Σ_l out_l·in_l
//
// Each linear's energy is taken relative to its own, since linears differ in unit; w_l is 1, or [AllocationOptions].Weights. Protected
// linears count in the budget as dense: the others make up for them, as in Bolaco's allocations by hand (arXiv 2405.10616,
// appendix C).
//
// Ranks are bought greedily, the best energy for the price first, along the convex hull of what each linear's next ranks cost
// and bring, up to dense. What then remains goes into single steps until none fits, also where these bring nothing. So the budget
// is met exactly, or from below by less than the smallest step that is left. The result loses at most as much more than the best
// choice as [Allocation].Loss exceeds Allocation.Bound, which is the optimum if parts of steps could be bought.
//
// Errors: those of [UniformWith]; a ratio that leaves less than the least ranks take, with the largest that does not; weights
// that are negative, not finite, or lack a linear. Cost: sorting all ranks of all linears.
func Energy(spectra []*Spectrum, ratio float64, opt AllocationOptions) (map[string]transformer.Form, *Allocation, error) {
	if err := opt.check(spectra); err != nil {
		return nil, nil, err
	}
	if err := checkRatio(ratio); err != nil {
		return nil, nil, err
	}
	share, err := NewShare(spectra, opt)
	if err != nil {
		return nil, nil, err
	}
	before, least := int64(0), share.Least()
	for _, s := range spectra {
		before += s.Linear.Params()
	}
	budget := budgetOf(ratio, before)
	if least > budget {
		return nil, nil, fmt.Errorf("ratio: expected at most %.4g, where the least ranks take %d of %d parameters, found %v; take a smaller ratio, a lower minimum or protect less",
			math.Floor((1-float64(least)/float64(before))*1e4)/1e4, least, before, ratio)
	}
	p := share.plan(budget)
	ranks := make(map[string]int, len(spectra))
	for i, rank := range share.ranks(p) {
		ranks[spectra[i].Linear.Name] = rank
	}
	forms, a, err := Apply(spectra, ranks)
	if err != nil {
		return nil, nil, err
	}
	a.By, a.Ratio, a.Budget, a.Loss, a.Bound = ByEnergy, ratio, budget, p.loss, p.bound
	return forms, a, nil
}

// budgetOf returns ⌊(1−λ) before⌋.
func budgetOf(ratio float64, before int64) int64 {
	return int64(math.Floor((1 - ratio) * float64(before) * (1 + rounding)))
}

// weight returns what a linear's loss is multiplied by.
func (o AllocationOptions) weight(linear string) (float64, error) {
	if o.Weights == nil {
		return 1, nil
	}
	w, ok := o.Weights[linear]
	if !ok || !(w >= 0) || math.IsInf(w, 0) {
		return 0, fmt.Errorf("weights: expected a finite number of at least 0 for %s, found %v", linear, map[bool]any{true: w, false: "none"}[ok])
	}
	return w, nil
}

package lab

import (
	"cmp"
	"slices"

	"github.com/parelab/pare/gomlxops/lowrank"
	"github.com/parelab/pare/gomlxops/transformer"
)

// rankSlack makes up for the rounding of a ratio that was computed from a whole rank.
const rankSlack = 1e-9

// ideal is the rank, not whole, at which the linear loses the fraction x.
func (l rankedLinear) ideal(x float64) float64 {
	return ((1-x)*float64(l.Params()) - float64(l.bias)) / float64(l.step)
}

// ranks turns ratios into ranks, by linear, that hold no more than the budget: ideal ranks are rounded down to a multiple, and what
// that leaves goes to the largest remainders first, as far as it lasts. Of equal remainders the earlier linear's comes first. A
// linear that would hold no less than its dense matrix has no rank and stays dense.
func (p *searchSpace) ranks(x []float64, opt lowrank.AllocationOptions) map[string]int {
	multiple := max(opt.Multiple, 1)
	type rest struct {
		linear int
		steps  float64 // of a multiple, that rounding down took
	}
	ranks, left := make([]int, len(p.linears)), p.budget
	var rests []rest
	for k, g := range p.groups {
		for _, i := range g.members {
			l := p.linears[i]
			if g.name != protectedGroup && x[k] > 0 {
				ideal := l.ideal(x[k]) / float64(multiple)
				ranks[i] = int(ideal+rankSlack) * multiple
				rests = append(rests, rest{i, ideal - float64(ranks[i]/multiple)})
			}
			left -= l.held(ranks[i])
		}
	}
	slices.SortStableFunc(rests, func(a, b rest) int { return cmp.Or(cmp.Compare(b.steps, a.steps), cmp.Compare(a.linear, b.linear)) })
	for spent := true; spent; { // going dense costs less than a step, and may leave enough for another
		spent = false
		for _, r := range rests {
			l := p.linears[r.linear]
			more := l.held(ranks[r.linear]+multiple) - l.held(ranks[r.linear])
			if ranks[r.linear] > 0 && more > 0 && more <= left {
				ranks[r.linear], left, spent = ranks[r.linear]+multiple, left-more, true
			}
		}
	}
	out := map[string]int{}
	for i, l := range p.linears {
		if ranks[i] > 0 && l.held(ranks[i]) < l.Params() {
			out[l.Name] = ranks[i]
		}
	}
	return out
}

// realised are the ratios that ranks come to, group by group. A linear without a rank is dense.
func (p *searchSpace) realised(ranks map[string]int) []float64 {
	x := make([]float64, len(p.groups))
	for k, g := range p.groups {
		held := int64(0)
		for _, i := range g.members {
			held += p.linears[i].held(ranks[p.linears[i].Name])
		}
		x[k] = 1 - float64(held)/float64(g.params)
	}
	return x
}

// starts are where a search begins: the same ratio for all, what keeps the most energy, and where weights are given what keeps the
// most of energy weighed by them.
func (p *searchSpace) starts(s Search, weights map[string]float64) ([][]float64, error) {
	uniform, err := p.Uniform()
	if err != nil {
		return nil, err
	}
	starts := [][]float64{uniform}
	weighings := []map[string]float64{nil}
	if weights != nil {
		weighings = append(weighings, weights)
	}
	for _, w := range weighings {
		opt := s.Options
		opt.Weights = w
		_, a, err := lowrank.Energy(p.spectra, s.Ratio, opt)
		if err != nil {
			return nil, err
		}
		ranks := map[string]int{}
		for _, c := range a.Ranks {
			ranks[c.Linear] = c.Rank
		}
		x, err := p.Project(p.realised(ranks))
		if err != nil {
			return nil, err
		}
		starts = append(starts, x)
	}
	return starts, nil
}

func (s Search) protects(l transformer.Linear) bool {
	return slices.Contains(s.Options.Protect, l.Kind) || slices.Contains(s.Options.ProtectLinears, l.Name)
}

// leastRank is the smallest rank allowed.
func (s Search) leastRank() int {
	multiple := max(s.Options.Multiple, 1)
	return (max(s.Options.Minimum, 1) + multiple - 1) / multiple * multiple
}

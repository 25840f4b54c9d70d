package lowrank

import (
	"cmp"
	"slices"
)

// Share divides a budget of parameters among some linears so that they keep the most energy, as [Energy] does. What [NewShare] sorts once is
// asked for any number of budgets.
type Share struct {
	ladders []ladder
	climbs  []climb // of all ladders, steepest first
}

// NewShare prepares to divide budgets among the linears of spectra. Errors: those of [UniformWith]; weights that are negative, not finite, or
// lack a linear.
func NewShare(spectra []*Spectrum, opt AllocationOptions) (*Share, error) {
	if err := opt.check(spectra); err != nil {
		return nil, err
	}
	ladders := make([]ladder, len(spectra))
	for i, sp := range spectra {
		w, err := opt.weight(sp.Linear.Name)
		if err != nil {
			return nil, err
		}
		ladders[i] = newLadder(sp, w, opt)
	}
	return shareOf(ladders), nil
}

func shareOf(ladders []ladder) *Share {
	s := &Share{ladders: ladders}
	for i, l := range ladders {
		s.climbs = append(s.climbs, l.hull(i)...)
	}
	slices.SortStableFunc(s.climbs, func(a, b climb) int { return cmp.Compare(b.slope(), a.slope()) })
	return s
}

// Least is how many parameters the least ranks take: no smaller budget can be met.
func (s *Share) Least() (cost int64) {
	for _, l := range s.ladders {
		cost += l[0].cost
	}
	return cost
}

// Divide returns the ranks, in the order of the spectra and 0 for dense, that keep the most of the weighed energy within the budget, and how much
// of it they leave out. A budget below [Share.Least] gives the least ranks.
func (s *Share) Divide(budget int64) (ranks []int, loss float64) {
	p := s.plan(budget)
	return s.ranks(p), p.loss
}

// plan chooses rungs within the budget; see [Energy]. What is left is negative where not even the lowest rungs fit.
func (s *Share) plan(budget int64) *plan {
	p := &plan{ladders: s.ladders, at: make([]int, len(s.ladders)), left: budget - s.Least()}
	if p.left < 0 {
		p.loss = p.total()
		return p
	}
	p.ascend(s.climbs)
	p.fill()
	p.loss = p.total()
	p.bound = min(p.bound, p.loss) // rounding
	return p
}

func (s *Share) ranks(p *plan) []int {
	ranks := make([]int, len(s.ladders))
	for i, at := range p.at {
		ranks[i] = s.ladders[i][at].rank
	}
	return ranks
}

// Fill raises ranks by single steps, what brings most for its price first, until none of those that are left fits into the budget. It takes ranks
// in the order of the spectra, 0 for dense; each must be one that the options allow. It returns new ones.
func (s *Share) Fill(ranks []int, budget int64) []int {
	p := &plan{ladders: s.ladders, at: make([]int, len(ranks)), left: budget}
	for i, rank := range ranks {
		p.at[i] = max(slices.IndexFunc(s.ladders[i], func(r rung) bool { return r.rank == rank }), 0)
		p.left -= s.ladders[i][p.at[i]].cost
	}
	p.fill()
	return s.ranks(p)
}

package lab

import (
	"cmp"
	"slices"
	"strings"

	"github.com/parelab/pare/gomlxops/lowrank"
	"github.com/parelab/pare/gomlxops/transformer"
)

// rankSlack makes up for the rounding of a ratio that was computed from a whole rank.
const rankSlack = 1e-9

// ideal is the rank, not whole, at which the linear loses the fraction x.
func (l rankedLinear) ideal(x float64) float64 {
	return ((1-x)*float64(l.Params()) - float64(l.bias)) / float64(l.step)
}

// within are the ranks of a group's members at ratio x, 0 for dense: each loses the fraction x, rounded up to a multiple of a rank, or where the group
// has a share, ranks are where the share puts them.
func (p *searchSpace) within(g group, x float64, multiple int) []int {
	ranks := make([]int, len(g.members))
	if x <= 0 || g.name == protectedGroup {
		return ranks
	}
	if g.share != nil {
		ranks, _ = g.share.Divide(int64((1-x)*float64(g.params) + rankSlack*float64(g.params)))
		return ranks
	}
	for k, i := range g.members {
		ranks[k] = int(p.linears[i].ideal(x)/float64(multiple)+rankSlack) * multiple
	}
	return ranks
}

// ranks turns ratios into ranks, by linear, that hold no more than the budget. What rounding down leaves of it goes into single steps, as far as
// it lasts. A linear that would hold no less than its dense matrix has no rank and stays dense.
func (p *searchSpace) ranks(x []float64, opt lowrank.AllocationOptions) map[string]int {
	ranks, left := make([]int, len(p.linears)), p.budget
	for k, g := range p.groups {
		for j, rank := range p.within(g, x[k], max(opt.Multiple, 1)) {
			i := g.members[j]
			ranks[i] = rank
			left -= p.linears[i].held(rank)
		}
	}
	if p.share != nil {
		ranks = p.share.Fill(ranks, p.budget)
	} else {
		p.fill(ranks, x, left, max(opt.Multiple, 1))
	}
	out := map[string]int{}
	for i, l := range p.linears {
		if ranks[i] > 0 && l.held(ranks[i]) < l.Params() {
			out[l.Name] = ranks[i]
		}
	}
	return out
}

// fill spends what is left on the largest remainders first; of equal ones the earlier linear's comes first.
func (p *searchSpace) fill(ranks []int, x []float64, left int64, multiple int) {
	type rest struct {
		linear int
		steps  float64 // of a multiple, that rounding down took
	}
	var rests []rest
	for k, g := range p.groups {
		for _, i := range g.members {
			if ranks[i] > 0 {
				rests = append(rests, rest{i, (p.linears[i].ideal(x[k]) - float64(ranks[i])) / float64(multiple)})
			}
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

// starts are where a search begins: what it knows to be best first. With the paper's groups and nothing known that is the paper's allocation by hand;
// else the same ratio for all, after what keeps the most of weighed energy, and what keeps the most energy.
func (p *searchSpace) starts(s Search) ([][]float64, error) {
	uniform, err := p.Uniform()
	if err != nil {
		return nil, err
	}
	if s.Prior == lowrank.ByUniform {
		if hand, ok := p.byHand(s.Ratio); ok && s.Groups.paper() {
			return [][]float64{hand}, nil
		}
		return [][]float64{uniform}, nil
	}
	weighings := []map[string]float64{nil}
	if s.Prior == ByFisher {
		weighings = []map[string]float64{p.weights, nil}
	}
	var starts [][]float64
	for _, w := range weighings {
		x, err := p.byEnergy(s, w)
		if err != nil {
			return nil, err
		}
		starts = append(starts, x)
	}
	return append(starts, uniform), nil
}

// byEnergy is where lowrank.Energy comes to, group by group.
func (p *searchSpace) byEnergy(s Search, weights map[string]float64) ([]float64, error) {
	opt := s.Options
	opt.Weights = weights
	for _, l := range p.linears {
		if s.protects(l.Linear) {
			opt.ProtectLinears = append(slices.Clone(opt.ProtectLinears), l.Name)
		}
	}
	_, a, err := lowrank.Energy(p.spectra, s.Ratio, opt)
	if err != nil {
		return nil, err
	}
	ranks := map[string]int{}
	for _, c := range a.Ranks {
		ranks[c.Linear] = c.Rank
	}
	return p.Project(p.realised(ranks))
}

// byHand is Bolaco's allocation by hand (arXiv 2405.10616, appendix C): q_proj and k_proj make up for v_proj, which stays dense, and the others lose
// the ratio. On LLaMA-2-7B at 20 percent q_proj and k_proj lose 30. False where they cannot.
func (p *searchSpace) byHand(ratio float64) ([]float64, bool) {
	pair, value := int64(0), int64(0)
	for _, l := range p.linears {
		switch l.Kind {
		case transformer.Query, transformer.Key:
			pair += l.Params()
		case transformer.Value:
			value += l.Params()
		}
	}
	x := make([]float64, len(p.groups))
	for k, g := range p.groups {
		switch {
		case g.name == protectedGroup:
		case strings.HasPrefix(g.name, paperPair):
			x[k] = ratio * float64(pair+value) / float64(pair)
		default:
			x[k] = ratio
		}
	}
	for k, v := range p.Variables {
		if x[k] > v.Upper {
			return nil, false
		}
	}
	x, err := p.Project(x)
	return x, err == nil
}

func (s Search) protects(l transformer.Linear) bool {
	return s.Groups.paper() && l.Kind == transformer.Value || slices.Contains(s.Options.Protect, l.Kind) || slices.Contains(s.Options.ProtectLinears, l.Name)
}

// leastRank is the smallest rank allowed.
func (s Search) leastRank() int {
	multiple := max(s.Options.Multiple, 1)
	return (max(s.Options.Minimum, 1) + multiple - 1) / multiple * multiple
}

package lab

import (
	"cmp"
	"fmt"

	"github.com/parelab/pare/gomlxops/bayesopt"
	"github.com/parelab/pare/gomlxops/lowrank"
	"github.com/parelab/pare/gomlxops/transformer"
)

// Grouping says which linears share one ratio in a [Search].
type Grouping string

// The groupings. A band is a run of consecutive layers.
const (
	GroupKinds   Grouping = "kind"       // all linears of a kind
	GroupBands   Grouping = "kind×bands" // of a kind and a band of layers
	GroupLinears Grouping = "linear"     // each linear by itself
)

// Groupings lists them all.
var Groupings = []Grouping{GroupKinds, GroupBands, GroupLinears}

// protectedGroup holds every linear that stays dense.
const protectedGroup = "protected"

// group is linears that share a ratio.
type group struct {
	name    string
	members []int // of the spectra
	params  int64 // dense
}

// searchSpace is what a search chooses from: the groups of a model's linears, one variable of the space for each.
//
//	x   ratio that a group loses, of its members' dense parameters
//	r   rank; held(r) = r (out + in) + bias, and out·in where that is no more
type searchSpace struct {
	bayesopt.Space
	groups  []group
	linears []rankedLinear // in the order of the spectra
	spectra []*lowrank.Spectrum
	budget  int64 // parameters that the linears may hold together
}

// rankedLinear is what ranks of one linear cost.
type rankedLinear struct {
	transformer.Linear
	step int64 // parameters of one rank
	bias int64 // that factors add, and the budget counts
}

func (l rankedLinear) held(rank int) int64 {
	if n := int64(rank)*l.step + l.bias; rank > 0 && n < l.Params() {
		return n
	}
	return l.Params()
}

// newSearchSpace groups the linears. Weights are dense parameters and the budget is the attempt's ratio of them; protected linears
// count in it as dense, as in lowrank.Energy. Errors: options that cannot be, a budget that the other groups cannot meet.
func newSearchSpace(spectra []*lowrank.Spectrum, s Search) (*searchSpace, error) {
	out := &searchSpace{spectra: spectra}
	layers := 0
	for _, sp := range spectra {
		l, err := rankLinear(sp, s.Options.FreeBias)
		if err != nil {
			return nil, err
		}
		out.linears, layers = append(out.linears, l), max(layers, l.Layer+1)
	}
	at, total := map[string]int{}, int64(0)
	for i, l := range out.linears {
		name := s.groupOf(l.Linear, layers)
		if _, ok := at[name]; !ok {
			at[name] = len(out.groups)
			out.groups = append(out.groups, group{name: name})
		}
		g := &out.groups[at[name]]
		g.members, g.params, total = append(g.members, i), g.params+l.Params(), total+l.Params()
	}
	out.budget = int64((1 - s.Ratio) * float64(total))
	out.Budget = s.Ratio
	for _, g := range out.groups {
		out.Variables = append(out.Variables, out.variable(g, s))
	}
	return out, out.Check()
}

func rankLinear(s *lowrank.Spectrum, freeBias bool) (rankedLinear, error) {
	l := rankedLinear{Linear: s.Linear, step: int64(s.Linear.Out + s.Linear.In)}
	f, err := s.Factors(1)
	if err != nil {
		return l, err
	}
	if !freeBias {
		l.bias = f.Params() - l.step
	}
	return l, nil
}

// groupOf names the group of a linear: "q_proj", "q_proj 2/4" for the second of four bands, or the linear's own name.
func (s Search) groupOf(l transformer.Linear, layers int) string {
	if s.protects(l) {
		return protectedGroup
	}
	switch bands := min(cmp.Or(s.Bands, defaultBands), layers); s.Groups {
	case GroupLinears:
		return l.Name
	case GroupBands:
		return fmt.Sprintf("%s %d/%d", l.Kind, l.Layer*bands/layers+1, bands)
	}
	return string(l.Kind)
}

// knots is how many points of a group's energy the optimiser is told.
const knots = 17

// variable describes a group: fixed at 0 where it is protected, else bounded by the least ranks, with what its ratios discard.
func (p *searchSpace) variable(g group, s Search) bayesopt.Variable {
	v := bayesopt.Variable{Name: g.name, Weight: float64(g.params)}
	if g.name == protectedGroup {
		return v
	}
	v.Upper = s.Upper
	for _, i := range g.members {
		l := p.linears[i]
		v.Upper = min(v.Upper, 1-float64(l.held(s.leastRank()))/float64(l.Params()))
	}
	if v.Upper <= 0 || s.Flat {
		v.Upper = max(v.Upper, 0)
		return v
	}
	for k := range knots {
		x := v.Upper * float64(k) / (knots - 1)
		v.Curve = append(v.Curve, bayesopt.Knot{X: x, Cost: p.discarded(g, x)})
	}
	return v
}

// discarded is the energy that a group's members leave out at a ratio, each as a fraction of its own, in sum.
func (p *searchSpace) discarded(g group, x float64) (sum float64) {
	for _, i := range g.members {
		l := p.linears[i]
		if rank := int(l.ideal(x) + rankSlack); rank > 0 && l.held(rank) < l.Params() {
			sum += p.spectra[i].Relative(rank)
		}
	}
	return sum
}

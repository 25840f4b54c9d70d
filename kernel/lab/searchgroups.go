package lab

import (
	"cmp"
	"fmt"
	"slices"

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

	// Bolaco's (arXiv 2405.10616): q_proj and k_proj share a ratio and v_proj stays dense, for all layers or by bands.
	GroupPaper      Grouping = "paper"
	GroupPaperBands Grouping = "paper×bands"
)

// Groupings lists them all.
var Groupings = []Grouping{GroupKinds, GroupBands, GroupLinears, GroupPaper, GroupPaperBands}

// protectedGroup holds every linear that stays dense.
const protectedGroup = "protected"

// group is linears that share a ratio.
type group struct {
	name    string
	labels  []string
	members []int // of the spectra
	params  int64 // dense

	// share divides the group's budget among its members; nil gives each the same fraction.
	share *lowrank.Share
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
	budget  int64              // parameters that the linears may hold together
	share   *lowrank.Share     // of all linears; nil where groups have none
	weights map[string]float64 // what each linear's energy counts; nil counts all alike
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

// newSearchSpace groups the linears. Variables weigh what their groups hold dense and the budget is the attempt's ratio of that; protected
// linears count in it as dense, as in lowrank.Energy. Errors: options that cannot be, a budget that the other groups cannot meet.
func newSearchSpace(spectra []*lowrank.Spectrum, s Search, weights map[string]float64) (*searchSpace, error) {
	out := &searchSpace{spectra: spectra, weights: weights}
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
		name, labels := s.groupOf(l.Linear, layers)
		if _, ok := at[name]; !ok {
			at[name] = len(out.groups)
			out.groups = append(out.groups, group{name: name, labels: labels})
		}
		g := &out.groups[at[name]]
		g.members, g.params, total = append(g.members, i), g.params+l.Params(), total+l.Params()
	}
	out.budget = int64((1 - s.Ratio) * float64(total))
	out.Budget = s.Ratio
	if err := out.divide(s); err != nil {
		return nil, err
	}
	if err := s.boundsFit(out.groups); err != nil {
		return nil, err
	}
	for _, g := range out.groups {
		out.Variables = append(out.Variables, out.variable(g, s))
	}
	return out, out.Check()
}

// divide prepares how ranks are shared out within groups.
func (p *searchSpace) divide(s Search) (err error) {
	if s.Within == lowrank.ByUniform {
		return nil
	}
	opt := s.Options
	if opt.Weights = nil; s.Within == ByFisher {
		opt.Weights = p.weights
	}
	for _, l := range p.linears {
		if s.protects(l.Linear) && !slices.Contains(opt.ProtectLinears, l.Name) { // paper groupings protect more than the options
			opt.ProtectLinears = append(slices.Clone(opt.ProtectLinears), l.Name)
		}
	}
	if p.share, err = lowrank.NewShare(p.spectra, opt); err != nil {
		return err
	}
	for k := range p.groups {
		g := &p.groups[k]
		var spectra []*lowrank.Spectrum
		own := opt
		own.ProtectLinears = nil
		for _, i := range g.members {
			spectra = append(spectra, p.spectra[i])
			if slices.Contains(opt.ProtectLinears, p.linears[i].Name) {
				own.ProtectLinears = append(own.ProtectLinears, p.linears[i].Name)
			}
		}
		if g.share, err = lowrank.NewShare(spectra, own); err != nil {
			return err
		}
	}
	return nil
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

// groupOf names the group of a linear: "q_proj", "q_proj 2/4" for the second of four bands, or the linear's own name. Its labels say what it has in
// common with others: where there is more than one group of a kind, the kind and where in the model it is.
func (s Search) groupOf(l transformer.Linear, layers int) (name string, labels []string) {
	bands := min(cmp.Or(s.Bands, defaultBands), layers)
	kind, place := string(l.Kind), fmt.Sprintf("%d/%d", l.Layer*bands/layers+1, bands)
	if s.Groups.paper() && (l.Kind == transformer.Query || l.Kind == transformer.Key) {
		kind = paperPair
	}
	switch s.Groups {
	case GroupLinears:
		name, labels = l.Name, []string{kind, fmt.Sprint(l.Layer)}
	case GroupBands, GroupPaperBands:
		name, labels = kind+" "+place, []string{kind, place}
	default:
		name = kind
	}
	if s.protects(l) {
		name = protectedGroup
	}
	return name, labels
}

// paperPair is the group of q_proj and k_proj.
const paperPair = "qk_proj"

func (g Grouping) paper() bool { return g == GroupPaper || g == GroupPaperBands }

// knots is how many points of a group's loss the optimiser is told.
const knots = 33

// variable describes a group: fixed at 0 where it is protected, else bounded by the least ranks, with what is known of its ratios.
func (p *searchSpace) variable(g group, s Search) bayesopt.Variable {
	v := bayesopt.Variable{Name: g.name, Weight: float64(g.params), Labels: g.labels}
	if g.name == protectedGroup {
		return v
	}
	least, most := s.bound(g)
	held := int64(0)
	for _, i := range g.members {
		l := p.linears[i]
		held += l.held(s.leastRank())
		if g.share == nil {
			most = min(most, 1-float64(l.held(s.leastRank()))/float64(l.Params()))
		}
	}
	v.Lower, v.Upper = least, max(0, min(most, 1-float64(held)/float64(g.params)))
	if v.Upper <= v.Lower || s.Prior == lowrank.ByUniform {
		return v
	}
	for k := range knots {
		x := v.Lower + (v.Upper-v.Lower)*float64(k)/(knots-1)
		v.Curve = append(v.Curve, bayesopt.Knot{X: x, Cost: p.discarded(g, x, s.Prior)})
	}
	return v
}

// discarded is the energy that a group's members leave out at a ratio, each as a fraction of its own and weighed as the prior says, in sum.
func (p *searchSpace) discarded(g group, x float64, prior By) (sum float64) {
	ranks := p.within(g, x, 1)
	for k, i := range g.members {
		l := p.linears[i]
		if rank := ranks[k]; rank > 0 && l.held(rank) < l.Params() {
			w := 1.0
			if prior == ByFisher {
				w = p.weights[l.Name]
			}
			sum += w * p.spectra[i].Relative(rank)
		}
	}
	return sum
}

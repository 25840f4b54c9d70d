package lowrank

import (
	"fmt"
	"slices"
	"strings"

	"github.com/parelab/pare/gomlxops/transformer"
)

// Allocation records which rank every linear got, and what that removes, counted.
type Allocation struct {
	Method   Method   `json:"method"`
	Settings Settings `json:"settings,omitzero"`
	By       By       `json:"by,omitempty"`    // empty where ranks were given
	Ratio    float64  `json:"ratio"`           // asked for; 0 where ranks were given
	Budget   int64    `json:"budget,omitzero"` // parameters that ByEnergy had to spend
	Before   int64    `json:"before"`          // parameters of the linears, dense
	After    int64    `json:"after"`           // as held, biases of factored linears counted
	Loss     float64  `json:"loss"`            // sum over linears of the fraction of energy left out; ByEnergy weighs them
	Bound    float64  `json:"bound,omitzero"`  // no choice within ByEnergy's budget has a lower Loss
	Ranks    []Choice `json:"ranks"`           // in the order of the spectra

	Sequential *Recalibration `json:"sequential,omitempty"` // what [Sequential] did; nil without
}

// By names how ranks are shared out.
type By string

// The ways to share out ranks.
const (
	ByUniform By = "uniform" // the same fraction of every linear
	ByEnergy  By = "energy"  // where they keep the most energy
)

// Choice is one linear of an [Allocation].
type Choice struct {
	Linear    string  `json:"linear"`
	Rank      int     `json:"rank"`      // 0: dense
	Params    int64   `json:"params"`    // as held
	Discarded float64 `json:"discarded"` // energy left out; 0 where dense
	Energy    float64 `json:"energy"`    // of the whole linear
}

// Removed returns the fraction of the linears' parameters that the allocation removes, counted.
func (a *Allocation) Removed() float64 { return 1 - float64(a.After)/float64(a.Before) }

// Rank returns the rank of the named linear; 0 where it is dense, and false where the allocation lacks it.
func (a *Allocation) Rank(linear string) (int, bool) {
	i := slices.IndexFunc(a.Ranks, func(c Choice) bool { return c.Linear == linear })
	if i < 0 {
		return 0, false
	}
	return a.Ranks[i].Rank, true
}

// AllocationOptions refine [UniformWith] and [Energy]. The zero value compresses every linear, to any rank from 1 on.
type AllocationOptions struct {
	Protect        []transformer.Kind // kinds that stay dense; see [BolacoProtects]
	ProtectLinears []string           // single linears that stay dense, by name
	Multiple       int                // ranks are multiples of it, as hardware likes (8, 64); 0 means 1
	Minimum        int                // least rank, rounded up to a Multiple; 0 means 1

	// FreeBias leaves the biases that feature methods add out of Energy's budget, as papers do. What Allocation counts
	// then exceeds the budget by them.
	FreeBias bool

	// Weights multiply the loss of each linear in Energy, by name: what a linear is worth, as importance.Fisher.Salience
	// estimates it. nil weighs all alike.
	Weights map[string]float64
}

// BolacoProtects lists the kinds that Bolaco leaves dense (arXiv 2405.10616, section 3 and figure 1): v_proj of a model whose every
// query head has a key and value head of its own, none where heads are shared.
//
// No allocation protects anything by itself. On LLaMA-2-7B perplexity is reported to explode where 5 percent of v_proj are
// removed, but not on other families, and ranks that were chosen with and without protection hold different numbers of parameters:
// a comparison at one ratio has to say which it is.
func BolacoProtects(c *transformer.Config) []transformer.Kind {
	if c.KVHeads == c.Heads {
		return []transformer.Kind{transformer.Value}
	}
	return nil
}

// least is the smallest rank allowed.
func (o AllocationOptions) least() int {
	multiple := max(o.Multiple, 1)
	return (max(o.Minimum, 1) + multiple - 1) / multiple * multiple
}

func (o AllocationOptions) protects(l transformer.Linear) bool {
	return slices.Contains(o.Protect, l.Kind) || slices.Contains(o.ProtectLinears, l.Name)
}

// Uniform removes the same fraction of every linear. See [UniformWith].
func Uniform(spectra []*Spectrum, ratio float64) (map[string]transformer.Form, *Allocation, error) {
	return UniformWith(spectra, ratio, AllocationOptions{})
}

// UniformWith returns the forms, for transformer.Model.With, that remove the same fraction of every linear that is not
// protected. Protected ones stay dense without the others making up for it; the allocation counts what is removed. Ranks are
// rounded down to a Multiple and up to the Minimum.
//
// Errors: a ratio outside (0,1), a linear that the ratio leaves no rank (or not one Multiple of it) where no Minimum is given,
// an unknown kind or linear.
func UniformWith(spectra []*Spectrum, ratio float64, opt AllocationOptions) (map[string]transformer.Form, *Allocation, error) {
	if err := opt.check(spectra); err != nil {
		return nil, nil, err
	}
	ranks := make(map[string]int, len(spectra))
	for _, s := range spectra {
		r, err := opt.uniform(s.Linear, ratio)
		if err != nil {
			return nil, nil, err
		}
		ranks[s.Linear.Name] = r
	}
	forms, a, err := Apply(spectra, ranks)
	if err != nil {
		return nil, nil, err
	}
	a.By, a.Ratio = ByUniform, ratio
	return forms, a, nil
}

// uniform is the rank that the ratio leaves a linear; 0 where it is protected.
func (o AllocationOptions) uniform(l transformer.Linear, ratio float64) (int, error) {
	r, err := Rank(ratio, l.Out, l.In)
	if err != nil || o.protects(l) {
		return 0, err
	}
	multiple := max(o.Multiple, 1)
	if r < multiple && o.Minimum == 0 {
		return 0, fmt.Errorf("%s: ratio %v leaves rank %d, less than %d; take a smaller ratio or protect %s", l.Name, ratio, r, multiple, l.Kind)
	}
	return max(r/multiple*multiple, o.least()), nil
}

// Check refuses, before any work is done, what [UniformWith] and [Energy] would refuse of the options for these linears.
func (o AllocationOptions) Check(linears []transformer.Linear) error {
	if o.Multiple < 0 {
		return fmt.Errorf("multiple: expected a positive number, found %d", o.Multiple)
	}
	if o.Minimum < 0 {
		return fmt.Errorf("minimum: expected a positive number, found %d", o.Minimum)
	}
	for _, k := range o.Protect {
		if !slices.Contains(transformer.Kinds, k) {
			return fmt.Errorf("protect: expected some of %v, found %q", transformer.Kinds, k)
		}
	}
	for _, name := range o.ProtectLinears {
		if !slices.ContainsFunc(linears, func(l transformer.Linear) bool { return l.Name == name }) {
			return fmt.Errorf("protect: expected the name of a linear, found %q", name)
		}
	}
	return nil
}

// CheckUniform is Check for [UniformWith], a ratio that leaves some linear no rank among what it refuses.
func (o AllocationOptions) CheckUniform(linears []transformer.Linear, ratio float64) error {
	if err := o.Check(linears); err != nil {
		return err
	}
	for _, l := range linears {
		if _, err := o.uniform(l, ratio); err != nil {
			return err
		}
	}
	return nil
}

func (o AllocationOptions) check(spectra []*Spectrum) error {
	linears := make([]transformer.Linear, len(spectra))
	for i, s := range spectra {
		linears[i] = s.Linear
	}
	if err := o.Check(linears); err != nil {
		return err
	}
	return checkTogether(spectra)
}

// Apply returns the forms for ranks by linear name. A linear without a rank, and one whose factors would hold no fewer
// numbers than its dense matrix, stays dense: it has no form in the result.
//
// No spectra, spectra of different models or methods, two of one linear, a rank without a spectrum and a rank that the
// spectrum does not keep are errors that name the linear.
func Apply(spectra []*Spectrum, ranks map[string]int) (map[string]transformer.Form, *Allocation, error) {
	if err := checkTogether(spectra); err != nil {
		return nil, nil, err
	}
	a := &Allocation{Method: spectra[0].Method, Settings: spectra[0].Settings}
	forms := make(map[string]transformer.Form, len(spectra))
	for _, s := range spectra {
		f, err := s.form(ranks[s.Linear.Name])
		if err != nil {
			return nil, nil, err
		}
		c := Choice{Linear: s.Linear.Name, Params: s.Linear.Params(), Energy: s.Energy()}
		if f != nil {
			forms[c.Linear] = f
			c.Rank, c.Params, c.Discarded = f.Rank, f.Params(), s.Discarded(f.Rank)
			a.Loss += s.Relative(f.Rank)
		}
		a.Before += s.Linear.Params()
		a.After += c.Params
		a.Ranks = append(a.Ranks, c)
	}
	for name := range ranks {
		if _, ok := a.Rank(name); !ok {
			return nil, nil, fmt.Errorf("%s has a rank but no spectrum", name)
		}
	}
	return forms, a, nil
}

// form returns the factors of a rank, nil where dense is no larger.
func (s *Spectrum) form(rank int) (*transformer.Factored, error) {
	if rank < 0 {
		return nil, fmt.Errorf("%s: expected a rank of at least 0, found %d", s.Linear.Name, rank)
	}
	if rank == 0 || s.held(rank) >= s.Linear.Params() {
		return nil, nil
	}
	return s.Factors(rank)
}

// held counts the parameters of a rank's factors, the bias included.
func (s *Spectrum) held(rank int) int64 {
	n := int64(rank) * int64(s.Linear.Out+s.Linear.In)
	if s.hasBias() {
		n += int64(s.Linear.Out)
	}
	return n
}

// by names method and settings: "asvd alpha=0.5".
func (s *Spectrum) by() string {
	return strings.TrimSpace(string(s.Method) + " " + s.Settings.String())
}

func checkTogether(spectra []*Spectrum) error {
	if len(spectra) == 0 {
		return fmt.Errorf("spectra: expected at least one, found none")
	}
	seen := make(map[string]bool, len(spectra))
	for _, s := range spectra {
		if first := spectra[0]; s.Method != first.Method || s.Settings != first.Settings || s.Model != first.Model {
			return fmt.Errorf("%s: expected a spectrum by %s of model %.16s…, found one by %s of %.16s…", s.Linear.Name, first.by(), first.Model, s.by(), s.Model)
		}
		if seen[s.Linear.Name] {
			return fmt.Errorf("%s has two spectra", s.Linear.Name)
		}
		seen[s.Linear.Name] = true
	}
	return nil
}

package lowrank

import (
	"fmt"
	"slices"
	"strings"

	"github.com/parelab/pare/gomlxops/transformer"
)

// Allocation records which rank every linear got, and what that removes, counted.
type Allocation struct {
	Method Method   `json:"method"`
	Ratio  float64  `json:"ratio"`  // asked for; 0 where ranks were given
	Before int64    `json:"before"` // parameters of the linears, dense
	After  int64    `json:"after"`  // as held, biases of factored linears counted
	Ranks  []Choice `json:"ranks"`  // in the order of the spectra
}

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

// AllocationOptions refine [UniformWith]. The zero value compresses every linear to the very rank.
type AllocationOptions struct {
	Protect  []transformer.Kind // kinds that stay dense; Bolaco protects v_proj of models without grouped attention
	Multiple int                // ranks are rounded down to a multiple of it, as hardware likes; 0 means 1
}

// Uniform removes the same fraction of every linear. See [UniformWith].
func Uniform(spectra []*Spectrum, ratio float64) (map[string]transformer.Form, *Allocation, error) {
	return UniformWith(spectra, ratio, AllocationOptions{})
}

// UniformWith returns the forms, for transformer.Model.With, that remove the same fraction of every linear that is not
// protected. Protected ones stay dense without the others making up for it; the allocation counts what is removed.
//
// Errors: a ratio outside (0,1), a linear that the ratio leaves no rank (or not one Multiple of it), an unknown kind.
func UniformWith(spectra []*Spectrum, ratio float64, opt AllocationOptions) (map[string]transformer.Form, *Allocation, error) {
	if err := opt.check(); err != nil {
		return nil, nil, err
	}
	ranks := make(map[string]int, len(spectra))
	for _, s := range spectra {
		r, err := Rank(ratio, s.Linear.Out, s.Linear.In)
		if err != nil {
			return nil, nil, err
		}
		if slices.Contains(opt.Protect, s.Linear.Kind) {
			continue
		}
		multiple := max(opt.Multiple, 1)
		if r < multiple {
			return nil, nil, fmt.Errorf("%s: ratio %v leaves rank %d, less than %d; take a smaller ratio or protect %s", s.Linear.Name, ratio, r, multiple, s.Linear.Kind)
		}
		ranks[s.Linear.Name] = r / multiple * multiple
	}
	forms, a, err := Apply(spectra, ranks)
	if err != nil {
		return nil, nil, err
	}
	a.Ratio = ratio
	return forms, a, nil
}

func (o AllocationOptions) check() error {
	if o.Multiple < 0 {
		return fmt.Errorf("multiple: expected a positive number, found %d", o.Multiple)
	}
	for _, k := range o.Protect {
		if !slices.Contains(transformer.Kinds, k) {
			return fmt.Errorf("protect: expected some of %v, found %q", transformer.Kinds, k)
		}
	}
	return nil
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
	a := &Allocation{Method: spectra[0].Method}
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
	held := int64(rank) * int64(s.Linear.Out+s.Linear.In)
	if s.mean != nil {
		held += int64(s.Linear.Out)
	}
	if rank == 0 || held >= s.Linear.Params() {
		return nil, nil
	}
	return s.Factors(rank)
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

package bayesopt

import (
	"fmt"
	"slices"
	"strings"
)

// Sampler names a way to choose points.
type Sampler string

// The samplers.
const (
	Bayes  Sampler = "bayes"  // a Gaussian process and expected improvement; see the package comment
	Paper  Sampler = "paper"  // Bolaco's search, its constraint by rejection; for comparison
	TPE    Sampler = "tpe"    // tree-structured Parzen estimators; for comparison
	Sobol  Sampler = "sobol"  // a scrambled quasi-random sequence, projected on the budget; of up to 256 free variables
	Halton Sampler = "halton" // another
	Random Sampler = "random" // uniform in the box, projected on the budget
)

// Samplers lists them all.
var Samplers = []Sampler{Bayes, Paper, TPE, Sobol, Halton, Random}

// Options say how an [Optimizer] chooses. The zero value works.
type Options struct {
	Sampler Sampler `json:"sampler,omitempty"` // "" is Bayes
	Seed    uint64  `json:"seed"`

	// Starts are evaluated first, in order: the uniform allocation, one by energy. Each is projected on the budget; repeats are left out.
	// Paper takes its first as the default configuration.
	Starts [][]float64 `json:"starts,omitempty"`

	// Initial is how many trials Bayes and TPE spend, Starts among them, before they build a model. 0 is 4 for Bayes, 2 where variables have
	// curves, and 10 for TPE.
	Initial int `json:"initial,omitempty"`

	// Slack is how much more than the budget Paper may remove: points with a weighted mean from Budget to Budget + Slack are valid. 0 is 0.1,
	// Bolaco's.
	Slack float64 `json:"slack,omitempty"`
}

func (o Options) withDefaults(s Space) Options {
	if o.Sampler == "" {
		o.Sampler = Bayes
	}
	if o.Initial == 0 {
		switch curved := func(v Variable) bool { return len(v.Curve) > 0 }; {
		case o.Sampler == TPE:
			o.Initial = 10
		case slices.ContainsFunc(s.Variables, curved):
			o.Initial = 2
		default:
			o.Initial = 4
		}
	}
	if o.Slack == 0 {
		o.Slack = 0.1
	}
	return o
}

func (o Options) validate() error {
	if !slices.Contains(Samplers, o.Sampler) {
		names := make([]string, len(Samplers))
		for i, s := range Samplers {
			names[i] = string(s)
		}
		return fmt.Errorf("option Sampler: expected one of %s, found %q", strings.Join(names, ", "), o.Sampler)
	}
	if o.Initial < 1 {
		return fmt.Errorf("option Initial: expected at least 1, found %d", o.Initial)
	}
	if !(o.Slack > 0 && o.Slack < 1e300) {
		return fmt.Errorf("option Slack: expected above 0, found %v", o.Slack)
	}
	return nil
}

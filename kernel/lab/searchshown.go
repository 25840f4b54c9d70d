package lab

import (
	"maps"
	"slices"
	"strings"

	"github.com/parelab/pare/tracker"
)

// Suggested is what the record has of the search that asked for a trial: for who reads a record, not for who searches.
type Suggested struct {
	Digest   string `json:"digest"` // that the search's trials have in common
	Sampler  string `json:"sampler"`
	Grouping string `json:"grouping"`
	Number   int    `json:"number"` // of the suggestion, from 0
	Phase    string `json:"phase"`  // why it was asked for: start, design, model or random

	// What the surrogate expected before the trial was measured, and the logarithm of the expected improvement; null where no model was asked.
	Mean        *float64 `json:"mean"`
	Deviation   *float64 `json:"deviation"`
	Acquisition *float64 `json:"acquisition"`

	// Claim says who has the point: "held" by a worker that measures it, "settled" with a value or a failure, "free" again since its worker is gone.
	Claim string `json:"claim"`
}

// The states of a claim.
const (
	claimHeld    = "held"
	claimSettled = "settled"
	claimFree    = "free"
)

// SuggestedBy returns what the record has of a trial's search, nil where no search asked for it.
func SuggestedBy(t *tracker.Trial) *Suggested {
	if _, ok := t.Params[searchParam]; !ok {
		return nil
	}
	number := func(param string) *float64 {
		if v, ok := t.Params[param].Float64(); ok {
			return finite(v)
		}
		return nil
	}
	a := &Suggested{
		Digest: name(t, searchParam), Sampler: name(t, "allocate"), Grouping: name(t, "grouping"), Phase: name(t, phaseParam),
		Mean: number(expectParam), Deviation: number(spreadParam), Acquisition: number(improveParam), Claim: claimFree,
	}
	if n := number(askedParam); n != nil {
		a.Number = int(*n)
	}
	switch t.State {
	case tracker.Running:
		a.Claim = claimHeld
	case tracker.Complete, tracker.Failed:
		a.Claim = claimSettled
	}
	return a
}

// Shown returns the trial without the hyperparameters that only searches among themselves have a use for; the trial itself where it has none.
func Shown(t *tracker.Trial) *tracker.Trial {
	if _, ok := t.Params[searchParam]; !ok {
		return t
	}
	shown := *t
	shown.Params = maps.Clone(t.Params)
	delete(shown.Params, searchParam)
	delete(shown.Params, claimParam)
	return &shown
}

// mostRatios is how many groups' ratios a listing of trials has columns for.
const mostRatios = 8

// Listed leaves out of the hyperparameters that tell trials apart what a table has no room for: the numbers of a search beyond what was expected, and the
// ratios of its groups where there are many. It returns how many ratios it left out.
func Listed(params []string) (listed []string, ratios int) {
	for _, p := range params {
		if strings.HasPrefix(p, ratioPrefix) {
			ratios++
		}
	}
	if ratios <= mostRatios {
		ratios = 0
	}
	listed = slices.DeleteFunc(slices.Clone(params), func(p string) bool {
		return ratios > 0 && strings.HasPrefix(p, ratioPrefix) || slices.Contains([]string{askedParam, spreadParam, improveParam}, p)
	})
	return listed, ratios
}

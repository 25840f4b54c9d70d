package lab

import (
	"github.com/parelab/pare/gomlxops/bayesopt"
	"github.com/parelab/pare/gomlxops/lowrank"
)

// SearchReport is what a search found, for programs to read. Lists are never null.
type SearchReport struct {
	Study      string                `json:"study"`
	Digest     string                `json:"digest"` // that the search's trials have in common
	Sampler    bayesopt.Sampler      `json:"sampler"`
	Grouping   Grouping              `json:"grouping"`
	Objective  string                `json:"objective"` // what was made small
	Seed       uint64                `json:"seed"`
	Wanted     int                   `json:"wanted"`      // trials
	Ended      int                   `json:"ended"`       // of them, with a value or failed
	MeasuredOn string                `json:"measured_on"` // "" where a function measures
	Incumbent  SearchTrial           `json:"incumbent"`
	Trials     []SearchTrial         `json:"trials"`     // in the order of asking
	Allocation *lowrank.Allocation   `json:"allocation"` // of the incumbent
	Importance []bayesopt.Importance `json:"importance"` // of groups, the largest first; empty without a surrogate
	Calibrated Trust                 `json:"calibration"`
}

// SearchTrial is a trial of a search.
type SearchTrial struct {
	Trial       int                `json:"trial"`  // number in the study
	Number      int                `json:"number"` // of the suggestion, from 0
	State       bayesopt.State     `json:"state"`
	Phase       bayesopt.Phase     `json:"phase"`
	Value       *float64           `json:"value"` // of the objective, foretold where it was stopped early; null where there is none
	Mean        *float64           `json:"mean"`  // expected before, with its deviation and the logarithm of the expected improvement; null where no model was asked
	Deviation   *float64           `json:"deviation"`
	Acquisition *float64           `json:"acquisition"`
	Ratios      map[string]float64 `json:"ratios"` // removed, by group, as ranks came to
}

// Report puts all that was found into one object.
func (f *Found) Report() SearchReport {
	r := SearchReport{
		Study: f.Study, Digest: f.Digest, Sampler: f.Search.Sampler, Grouping: f.Search.Groups, Objective: f.Search.Objective.String(), Seed: f.Search.Seed, Wanted: f.Search.Trials, MeasuredOn: f.Text,
		Incumbent: f.reportTrial(f.Best), Trials: []SearchTrial{}, Allocation: f.Allocation, Importance: []bayesopt.Importance{}, Calibrated: f.Trust(),
	}
	for _, t := range f.Trials {
		if r.Trials = append(r.Trials, f.reportTrial(t)); t.State != bayesopt.Pending {
			r.Ended++
		}
	}
	if _, err := f.Surrogate(); err == nil {
		r.Importance = f.shares
	}
	return r
}

func (f *Found) reportTrial(t bayesopt.Trial) SearchTrial {
	r := SearchTrial{Trial: f.Numbers[t.ID], Number: t.ID, State: t.State, Phase: t.Phase, Ratios: map[string]float64{}}
	if valued(t) {
		r.Value = finite(t.Value)
	}
	if t.Phase == bayesopt.PhaseModel {
		r.Mean, r.Deviation, r.Acquisition = finite(t.Mean), finite(t.Deviation), finite(t.Acquisition)
	}
	for i, v := range f.Space.Variables {
		if at := t.At; at != nil {
			r.Ratios[v.Name] = at[i]
		} else {
			r.Ratios[v.Name] = t.X[i]
		}
	}
	return r
}

package bayesopt

import (
	"fmt"
	"math"
	"slices"
)

// State says how far a [Trial] is.
type State string

// The states. A pending trial holds its point until it is told, fails, or is forgotten.
const (
	Pending State = "pending"
	Done    State = "done"
	Failed  State = "failed"

	// Stopped trials were found clearly worse than the best before all of their measurement was done; see [ClearlyWorse]. Their Value is what the
	// part that was done foretells: models learn from it, and it never counts as the best.
	Stopped State = "stopped"
)

// Phase says why a point was suggested.
type Phase string

// The phases.
const (
	PhaseStart  Phase = "start"  // one of Options.Starts
	PhaseDesign Phase = "design" // spread over the budget surface, before there is a model
	PhaseModel  Phase = "model"  // what the sampler's model thinks best
	PhaseRandom Phase = "random" // drawn at random
)

// Suggestion is a point to evaluate, with the optimiser's state of mind.
type Suggestion struct {
	ID    int       `json:"id"`
	X     []float64 `json:"x"` // one value for each variable; meets the budget
	Phase Phase     `json:"phase"`

	// Mean and Deviation are what the model expects there, in the units of the objective, and Acquisition is the logarithm of the expected
	// improvement, in units of the model's standardised values. They are 0 where no model was asked.
	Mean        float64 `json:"mean,omitempty"`
	Deviation   float64 `json:"deviation,omitempty"`
	Acquisition float64 `json:"acquisition,omitempty"`
}

// Trial is a suggestion and what became of it. A slice of trials, in the order in which they were asked for, is all that an optimiser
// remembers: it can be stored as JSON, and [New] continues from it.
type Trial struct {
	Suggestion
	State State   `json:"state"`
	Value float64 `json:"value,omitempty"` // the objective, where Done or Stopped

	// At is the point that was evaluated, where rounding to whole ranks made it differ from X.
	At []float64 `json:"at,omitempty"`
}

// point is where the trial was evaluated, or will be.
func (t *Trial) point() []float64 {
	if t.At != nil {
		return t.At
	}
	return t.X
}

// measured says whether the trial has a value.
func (t *Trial) measured() bool { return t.State == Done || t.State == Stopped }

func (t *Trial) check(s Space) error {
	if err := s.checkPoint(t.X); err != nil {
		return fmt.Errorf("trial %d: %w", t.ID, err)
	}
	if t.At != nil {
		if err := s.checkPoint(t.At); err != nil {
			return fmt.Errorf("trial %d: evaluated at: %w", t.ID, err)
		}
	}
	if !slices.Contains([]State{Pending, Done, Failed, Stopped}, t.State) {
		return fmt.Errorf("trial %d: expected state %s, %s, %s or %s, found %q", t.ID, Pending, Done, Failed, Stopped, t.State)
	}
	if t.measured() && !finite(t.Value) {
		return fmt.Errorf("trial %d: expected a finite value, found %v; a trial without one has failed", t.ID, t.Value)
	}
	return nil
}

// history is a search so far, as samplers see it.
type history struct {
	domain *domain
	trials []Trial // in the order in which they were asked for
	seed   uint64
	id     int // that the next suggestion will have
}

// finished returns points in unit coordinates and values of the trials that ended, failed ones with the worst value seen, and how many
// did not fail.
func (h *history) finished() (u [][]float64, y []float64, good int) {
	worst := math.Inf(-1)
	for i := range h.trials {
		if t := &h.trials[i]; t.measured() {
			worst = math.Max(worst, t.Value)
			good++
		}
	}
	for i := range h.trials {
		t := &h.trials[i]
		if t.State == Pending {
			continue
		}
		u = append(u, h.domain.toUnit(t.point()))
		if t.measured() {
			y = append(y, t.Value)
		} else {
			y = append(y, worst)
		}
	}
	return u, y, good
}

// pending returns the points that are being evaluated, in unit coordinates.
func (h *history) pending() (u [][]float64) {
	for i := range h.trials {
		if t := &h.trials[i]; t.State == Pending {
			u = append(u, h.domain.toUnit(t.point()))
		}
	}
	return u
}

// suggested returns the points that were asked for where others were evaluated in their place, as coarse ranks are: asked for again, they would come to
// the same.
func (h *history) suggested() (u [][]float64) {
	for i := range h.trials {
		if t := &h.trials[i]; t.At != nil {
			u = append(u, h.domain.toUnit(t.X))
		}
	}
	return u
}

// asked says whether x was asked for already.
func (h *history) asked(x []float64) bool {
	return slices.ContainsFunc(h.trials, func(t Trial) bool { return slices.Equal(t.X, x) })
}

package bayesopt

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// Surrogate is the model that [Bayes] has of an objective: a Gaussian process in unit coordinates, of values that were compressed on their bad
// side and standardised. [Optimizer.Surrogate] makes one, for any sampler.
type Surrogate struct {
	domain  *domain
	gp      *GP
	outcome outcome
	u       [][]float64 // observed
	y       []float64   // measured, failed trials as the worst
	ids     []int
	wide    float64   // what variances are multiplied by; see widening
	best    float64   // the incumbent: the least posterior mean at observed points, since measurements may be noisy
	at      int       // where that is
	means   []float64 // of the process at the observed points
	side    float64   // of the box that is searched
}

// newSurrogate makes the model of n values from a process that is conditioned on them.
func newSurrogate(h *history, u [][]float64, y []float64, gp *GP) *Surrogate {
	s := &Surrogate{domain: h.domain, u: u, y: y, outcome: newOutcome(y), gp: gp, wide: widening(gp), best: math.Inf(1), side: trust(h)}
	s.means = s.observed()
	for i, mean := range s.means {
		if mean < s.best {
			s.best, s.at = mean, i
		}
	}
	for i := range h.trials {
		if h.trials[i].State != Pending {
			s.ids = append(s.ids, h.trials[i].ID)
		}
	}
	return s
}

// observed returns what the process expects at the observed points.
func (s *Surrogate) observed() []float64 {
	means := make([]float64, len(s.u))
	together(len(means), func(i int) { means[i] = s.gp.mean(s.u[i]) })
	return means
}

// sureness is how many trials the belief that a process knows its own deviations is worth.
const sureness = 1

// widening returns what a process's variances have to be multiplied by to agree with its errors on values that it was not told, which for n
// values is (ν + Σ z²)/(ν + n), z of [GP.LeaveOneOut] and ν = sureness, or 1 if that is less. The most probable hyperparameters of few
// trials leave out how unsure these are themselves.
func widening(gp *GP) float64 {
	means, variances := gp.LeaveOneOut()
	sum := float64(sureness)
	for i, y := range gp.y {
		sum += (y - means[i]) * (y - means[i]) / variances[i]
	}
	return math.Max(1, sum/float64(sureness+len(gp.y)))
}

// believe is what the process predicts at u, its variance widened.
func (s *Surrogate) believe(u []float64) (mean, variance float64) {
	mean, variance = s.gp.Predict(u)
	return mean, variance * s.wide
}

// Surrogate returns the model of what was measured so far. An error where fewer than two trials are done.
func (o *Optimizer) Surrogate() (*Surrogate, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, _, good := o.history.finished(); good < 2 {
		return nil, fmt.Errorf("surrogate: expected at least two trials that are done, found %d", good)
	}
	b, ok := o.sampler.(*bayes)
	if !ok {
		b = &bayes{}
	}
	return b.surrogate(&o.history)
}

// Predict returns what the objective is expected to be at a point of the space, and the deviation of that belief, measurement noise left
// out. Both are in the units of the objective; the deviation is mapped back by the slope at the mean.
func (s *Surrogate) Predict(x []float64) (mean, deviation float64, err error) {
	if err := s.domain.space.checkPoint(x); err != nil {
		return 0, 0, err
	}
	mean, deviation = s.predict(s.domain.toUnit(x))
	return mean, deviation, nil
}

func (s *Surrogate) predict(u []float64) (mean, deviation float64) {
	mean, variance := s.believe(u)
	return s.outcome.from(mean, math.Sqrt(variance))
}

// Hyper returns the hyperparameters, in unit coordinates and standardised values.
func (s *Surrogate) Hyper() Hyper { return s.gp.Hyper() }

// propose maximises log EI given that pending points returned what is expected there.
func (s *Surrogate) propose(h *history, rng *rand.Rand) proposal {
	pending := h.pending()
	for _, u := range pending {
		_ = s.gp.Add(u, s.gp.mean(u)) // a point that repeats another teaches nothing
	}
	if len(pending) > 0 {
		s.means = s.observed()
	}
	known := slices.Concat(pending, s.u, h.suggested())
	u, log := s.maximise(known, rng)
	phase := PhaseModel
	if u == nil { // what looks best was measured already
		u, log, phase = s.elsewhere(known, rng)
	}
	mean, deviation := s.predict(u)
	return proposal{u: u, phase: phase, mean: mean, deviation: deviation, acquisition: math.Max(log, -1e300)}
}

// elsewhere returns the best of some random points that are not known yet; any, where the space holds no other.
func (s *Surrogate) elsewhere(known [][]float64, rng *rand.Rand) ([]float64, float64, Phase) {
	best, top := s.domain.random(rng), math.Inf(-1)
	for _, u := range s.candidates(rng) {
		if log := s.improvement(u); log > top && !repeats(u, known) {
			best, top = u, log
		}
	}
	return best, top, PhaseRandom
}

// sameWithin is how far apart points are taken for one: about a rank in 500.
const sameWithin = 2e-3

// repeats says whether u is one of the others, more closely than ranks can tell.
func repeats(u []float64, others [][]float64) bool {
	return slices.ContainsFunc(others, func(o []float64) bool { return floats.Distance(u, o, math.Inf(1)) < sameWithin })
}

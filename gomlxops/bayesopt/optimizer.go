package bayesopt

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
)

// Optimizer searches a [Space] for the point with the least value, by ask and tell. It may be used from several goroutines.
//
// It is a function of its options and its history: a new one made from the trials of another asks for what the other would have asked for.
type Optimizer struct {
	mu      sync.Mutex
	options Options
	starts  [][]float64 // projected
	history history
	sampler sampler
}

// sampler chooses the next point once the starts are used up.
type sampler interface {
	next(h *history, rng *rand.Rand) (proposal, error)
}

// proposal is a point in unit coordinates, or with x set in those of the space, and what is thought of it.
type proposal struct {
	u     []float64
	x     []float64
	phase Phase

	mean, deviation, acquisition float64
}

// New returns an optimizer that continues from trials, of which there may be none. Pending ones among them are taken to be under evaluation: leave
// out, or [Optimizer.Forget], those whose worker is gone.
//
// Errors: those of [Space.Check], options that cannot be, a start or trial that does not fit the space.
func New(space Space, opt Options, trials ...Trial) (*Optimizer, error) {
	opt = opt.withDefaults(space)
	if err := opt.validate(); err != nil {
		return nil, err
	}
	d, err := newDomain(space)
	if err != nil {
		return nil, err
	}
	if opt.Sampler == Sobol && d.dim() > sobolMost {
		return nil, fmt.Errorf("sampler %s: expected at most %d free variables, found %d; %s has no such bound", Sobol, sobolMost, d.dim(), Halton)
	}
	o := &Optimizer{options: opt, history: history{domain: d, seed: opt.Seed}}
	for i, s := range opt.Starts {
		x, err := space.Project(s)
		if err != nil {
			return nil, fmt.Errorf("start %d: %w", i, err)
		}
		if !slices.ContainsFunc(o.starts, func(other []float64) bool { return slices.Equal(other, x) }) {
			o.starts = append(o.starts, x)
		}
	}
	o.sampler = newSampler(opt, o.starts)
	if err := o.Continue(trials...); err != nil {
		return nil, err
	}
	return o, nil
}

// Continue puts another history in the place of the optimizer's, that of a record which others write as well, say. What it asks for next is what [New] with these
// trials would ask for; hyperparameters that were fitted to a beginning of them need not be fitted again. Errors are New's, and leave the history as it was.
func (o *Optimizer) Continue(trials ...Trial) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	h, seen := history{domain: o.history.domain, seed: o.history.seed}, map[int]bool{}
	for i := range trials {
		t := &trials[i]
		if err := t.check(h.domain.space); err != nil {
			return err
		}
		if seen[t.ID] {
			return fmt.Errorf("trial %d: two trials have this number", t.ID)
		}
		seen[t.ID], h.id = true, max(h.id, t.ID+1)
	}
	h.trials = slices.Clone(trials)
	o.history = h
	return nil
}

func newSampler(opt Options, starts [][]float64) sampler {
	switch opt.Sampler {
	case Paper:
		return &paper{slack: opt.Slack, starts: starts}
	case TPE:
		return tpe{initial: opt.Initial}
	case Sobol:
		return sobol{}
	case Halton:
		return quasi{}
	case Random:
		return random{}
	}
	return &bayes{initial: opt.Initial}
}

func (o *Optimizer) find(id int) *Trial {
	for i := range o.history.trials {
		if o.history.trials[i].ID == id {
			return &o.history.trials[i]
		}
	}
	return nil
}

// Ask returns the next point to evaluate; its trial is pending from now on. IDs count from 0 and go on after the highest in the history.
//
// Points under evaluation count as if they had returned what the model expects there (a kriging believer, Ginsbourger et al. 2010), so that workers
// that ask at once get different points. Errors: the Paper sampler's, where rejection finds no valid point.
func (o *Optimizer) Ask() (Suggestion, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s, err := o.next()
	if err != nil {
		return Suggestion{}, err
	}
	s.ID = o.history.id
	o.history.id++
	o.history.trials = append(o.history.trials, Trial{Suggestion: s, State: Pending})
	return s, nil
}

func (o *Optimizer) next() (Suggestion, error) {
	for _, x := range o.starts {
		if !o.history.asked(x) {
			return Suggestion{X: slices.Clone(x), Phase: PhaseStart}, nil
		}
	}
	// The randomness of a suggestion depends on the seed and on its number, not on how the optimizer came to be.
	rng := newRand(o.options.Seed, uint64(o.history.id)+1)
	p, err := o.sampler.next(&o.history, rng)
	if err != nil {
		return Suggestion{}, err
	}
	if p.x == nil {
		p.x = o.history.domain.fromUnit(p.u)
	}
	return Suggestion{X: p.x, Phase: p.phase, Mean: p.mean, Deviation: p.deviation, Acquisition: p.acquisition}, nil
}

// Tell says what the objective is at the point of a suggestion; less is better. A value that is not finite makes the trial a failed one. Told
// again, the later value counts. An unknown id is an error.
func (o *Optimizer) Tell(id int, value float64) error { return o.tell(id, nil, value) }

// TellAt is Tell for an objective that was evaluated at x instead of the suggested point, as ranks are whole numbers. x need not meet
// bounds and budget exactly.
func (o *Optimizer) TellAt(id int, x []float64, value float64) error {
	if err := o.history.domain.space.checkPoint(x); err != nil {
		return fmt.Errorf("trial %d: %w", id, err)
	}
	return o.tell(id, slices.Clone(x), value)
}

// Fail says that the objective could not be evaluated. The model takes the point as no better than the worst one seen, and the search goes on.
func (o *Optimizer) Fail(id int) error { return o.tell(id, nil, math.NaN()) }

// Stop says that the objective at x was clearly worse than the best before it was known, and what is expected of it. See [Stopped].
func (o *Optimizer) Stop(id int, x []float64, expected float64) error {
	if err := o.TellAt(id, x, expected); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if t := o.find(id); t.State == Done {
		t.State = Stopped
	}
	return nil
}

func (o *Optimizer) tell(id int, at []float64, value float64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	t := o.find(id)
	if t == nil {
		return fmt.Errorf("trial %d: expected one that was asked for, of %d", id, len(o.history.trials))
	}
	t.At, t.State, t.Value = at, Done, value
	if !finite(value) {
		t.State, t.Value = Failed, 0
	}
	return nil
}

// Forget takes back a pending suggestion whose worker died: its point is free again. An unknown id and a trial that ended are errors.
func (o *Optimizer) Forget(id int) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	i := slices.IndexFunc(o.history.trials, func(t Trial) bool { return t.ID == id })
	if i < 0 || o.history.trials[i].State != Pending {
		return fmt.Errorf("trial %d: expected a pending one", id)
	}
	o.history.trials = slices.Delete(o.history.trials, i, i+1)
	return nil
}

// Trials returns the history, in the order in which trials were asked for: what [New] continues from.
func (o *Optimizer) Trials() []Trial {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.history.trials)
}

// Best returns the trial with the least value, the earliest of equals, and false where none is done.
func (o *Optimizer) Best() (Trial, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	best := -1
	for i, t := range o.history.trials {
		if t.State == Done && (best < 0 || t.Value < o.history.trials[best].Value) {
			best = i
		}
	}
	if best < 0 {
		return Trial{}, false
	}
	return o.history.trials[best], true
}

// Package memstore keeps studies and trials in memory: for tests, and for a run whose record nobody wants to keep.
//
//	store := memstore.New()
package memstore

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parelab/pare/tracker"
)

// Store is a [tracker.Store] in memory. Make one with [New].
type Store struct {
	Now func() time.Time // clock; nil means time.Now

	mu      sync.Mutex
	studies []*study
	files   map[string][]byte // by sha256
}

type study struct {
	tracker.Study
	trials []*trial // by number - 1
}

type trial struct {
	*tracker.Trial
	points map[string][]tracker.Point // by metric, in the order of arrival
}

var _ tracker.Store = (*Store)(nil)

// New returns an empty store.
func New() *Store { return &Store{files: map[string][]byte{}} }

// Close does nothing.
func (*Store) Close() error { return nil }

func (s *Store) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

// find returns a study by name. s.mu is held.
func (s *Store) find(name string) (*study, error) {
	for _, st := range s.studies {
		if st.Name == name {
			return st, nil
		}
	}
	return nil, fmt.Errorf("study %q: %w", name, tracker.ErrNotFound)
}

// trial returns a trial by study and number. s.mu is held.
func (s *Store) trial(name string, number int) (*trial, error) {
	st, err := s.find(name)
	if err != nil {
		return nil, err
	}
	if number < 1 || number > len(st.trials) {
		return nil, fmt.Errorf("trial %d of study %q, which has %d: %w", number, name, len(st.trials), tracker.ErrNotFound)
	}
	return st.trials[number-1], nil
}

// CreateStudy implements [tracker.Store].
func (s *Store) CreateStudy(ctx context.Context, in tracker.Study) (tracker.Study, error) {
	if err := ctx.Err(); err != nil {
		return tracker.Study{}, err
	}
	in, err := in.Prepare(s.now())
	if err != nil {
		return tracker.Study{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if have, err := s.find(in.Name); err == nil {
		if err := have.Agrees(in); err != nil {
			return tracker.Study{}, err
		}
		return s.shown(have), nil
	}
	st := &study{Study: in}
	s.studies = append(s.studies, st)
	return s.shown(st), nil
}

// shown returns a study with its trials counted. s.mu is held.
func (s *Store) shown(st *study) tracker.Study {
	out := st.Study
	out.Tags = slices.Clone(st.Tags)
	out.Counts = map[tracker.State]int{}
	for _, t := range st.trials {
		out.Counts[s.view(t, false).State]++
	}
	return out
}

// view returns a copy of a trial as a reader sees it. s.mu is held.
func (s *Store) view(t *trial, origin bool) *tracker.Trial {
	out := t.Clone()
	if !origin {
		out.Origin = nil
	}
	tracker.Observe(out, s.now())
	return out
}

// Study implements [tracker.Store].
func (s *Store) Study(ctx context.Context, name string) (tracker.Study, error) {
	if err := ctx.Err(); err != nil {
		return tracker.Study{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := s.find(name)
	if err != nil {
		return tracker.Study{}, err
	}
	return s.shown(st), nil
}

// Studies implements [tracker.Store].
func (s *Store) Studies(ctx context.Context) ([]tracker.Study, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]tracker.Study, len(s.studies))
	for i, st := range s.studies {
		out[i] = s.shown(st)
	}
	return out, nil
}

// CreateTrial implements [tracker.Store].
func (s *Store) CreateTrial(ctx context.Context, in *tracker.Trial) (*tracker.Trial, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t := in.Clone()
	if err := t.Prepare(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := s.find(t.Study)
	if err != nil {
		return nil, err
	}
	for have := range s.all() {
		if have.ID == t.ID && have.Study == t.Study {
			return s.view(have, true), nil
		}
		if have.ID == t.ID {
			return nil, fmt.Errorf("trial id %s belongs to study %q: %w", t.ID, have.Study, tracker.ErrConflict)
		}
	}
	t.Number = len(st.trials) + 1
	st.trials = append(st.trials, &trial{Trial: t, points: map[string][]tracker.Point{}})
	return s.view(st.trials[t.Number-1], true), nil
}

// all yields every trial. s.mu is held.
func (s *Store) all() func(yield func(*trial) bool) {
	return func(yield func(*trial) bool) {
		for _, st := range s.studies {
			for _, t := range st.trials {
				if !yield(t) {
					return
				}
			}
		}
	}
}

// Apply implements [tracker.Store].
func (s *Store) Apply(ctx context.Context, study string, number int, c tracker.Change) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.trial(study, number)
	if err != nil {
		return err
	}
	c.Points = slices.Clone(c.Points)
	fresh, err := t.Apply(c)
	if err != nil || !fresh {
		return err
	}
	for _, p := range c.Points {
		t.points[p.Metric] = append(t.points[p.Metric], p)
	}
	return nil
}

// Trial implements [tracker.Store].
func (s *Store) Trial(ctx context.Context, study string, number int) (*tracker.Trial, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.trial(study, number)
	if err != nil {
		return nil, err
	}
	return s.view(t, true), nil
}

// TrialByID implements [tracker.Store].
func (s *Store) TrialByID(ctx context.Context, id string) (*tracker.Trial, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*trial
	for t := range s.all() {
		if id == t.ID {
			return s.view(t, true), nil
		}
		if id != "" && strings.HasPrefix(t.ID, id) {
			found = append(found, t)
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("trial with id %q: %w", id, tracker.ErrNotFound)
	case 1:
		return s.view(found[0], true), nil
	}
	return nil, fmt.Errorf("several trials have an id that begins with %q: %w", id, tracker.ErrConflict)
}

// Trials implements [tracker.Store].
func (s *Store) Trials(ctx context.Context, study string, f tracker.Filter) ([]*tracker.Trial, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := s.find(study)
	if err != nil {
		return nil, err
	}
	out := []*tracker.Trial{}
	for i := range st.trials {
		t := st.trials[i]
		if f.Newest {
			t = st.trials[len(st.trials)-1-i]
		}
		seen := s.view(t, false)
		if f.Selects(seen) {
			out = append(out, seen)
		}
		if f.Limit > 0 && len(out) == f.Limit {
			break
		}
	}
	return out, nil
}

// Best implements [tracker.Store].
func (s *Store) Best(ctx context.Context, study string, n int) ([]*tracker.Trial, error) {
	trials, err := s.Trials(ctx, study, tracker.Filter{States: []tracker.State{tracker.Complete}})
	if err != nil {
		return nil, err
	}
	st, err := s.Study(ctx, study)
	if err != nil {
		return nil, err
	}
	value := func(t *tracker.Trial) float64 { v, _ := t.Value(st.Metric); return v }
	trials = slices.DeleteFunc(trials, func(t *tracker.Trial) bool { _, ok := t.Value(st.Metric); return !ok })
	slices.SortStableFunc(trials, func(a, b *tracker.Trial) int {
		if st.Direction == tracker.Maximize {
			a, b = b, a
		}
		return cmp.Compare(value(a), value(b))
	})
	return trials[:min(max(n, 0), len(trials))], nil
}

// History implements [tracker.Store].
func (s *Store) History(ctx context.Context, study string, number int, metric string, r tracker.Range) ([]tracker.Point, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.trial(study, number)
	if err != nil {
		return nil, err
	}
	points, ok := t.points[metric]
	if !ok {
		return nil, fmt.Errorf("metric %q of trial %d of study %q, which has %v: %w", metric, number, study, slices.Sorted(maps.Keys(t.points)), tracker.ErrNotFound)
	}
	out := []tracker.Point{}
	for _, p := range points {
		if (r.From == nil || p.Step >= *r.From) && (r.To == nil || p.Step <= *r.To) {
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b tracker.Point) int { return cmp.Compare(a.Step, b.Step) })
	if r.Limit > 0 && len(out) > r.Limit {
		out = out[:r.Limit]
	}
	return out, nil
}

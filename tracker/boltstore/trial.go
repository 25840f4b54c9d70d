package boltstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/parelab/pare/tracker"
)

// trialAt returns a trial without its origin.
func (t *txn) trialAt(key []byte) (*tracker.Trial, error) {
	trial := &tracker.Trial{}
	ok, err := t.getJSON(bucketTrial, key, trial)
	if err == nil && !ok {
		err = t.damaged(bucketTrial, key, "it is missing")
	}
	return trial, err
}

// withOrigin returns a trial as a reader sees it.
func (t *txn) withOrigin(key []byte) (*tracker.Trial, error) {
	trial, err := t.trialAt(key)
	if err != nil {
		return nil, err
	}
	trial.Origin = &tracker.Origin{}
	ok, err := t.getJSON(bucketOrigin, key, trial.Origin)
	if err == nil && !ok {
		err = t.damaged(bucketOrigin, key, "it is missing")
	}
	tracker.Observe(trial, t.now)
	return trial, err
}

// find returns a study and the key of one of its trials, or [tracker.ErrNotFound].
func (t *txn) find(study string, number int) (*studyRecord, []byte, error) {
	s, err := t.study(study)
	if err != nil {
		return nil, nil, err
	}
	if number < 1 || number >= s.Next {
		return nil, nil, fmt.Errorf("trial %d of study %q, which has %d: %w", number, study, s.Next-1, tracker.ErrNotFound)
	}
	return s, trialKey(s.id, number), nil
}

// CreateTrial implements [tracker.Store].
func (s *Store) CreateTrial(ctx context.Context, in *tracker.Trial) (*tracker.Trial, error) {
	trial := in.Clone()
	if err := trial.Prepare(); err != nil {
		return nil, err
	}
	var out *tracker.Trial
	err := s.update(ctx, func(t *txn) error {
		key, err := t.get(bucketTrialID, []byte(trial.ID))
		if err != nil {
			return err
		}
		if key == nil {
			key, err = t.createTrial(trial)
		}
		if err != nil {
			return err
		}
		out, err = t.withOrigin(key)
		if err == nil && out.Study != trial.Study {
			err = fmt.Errorf("trial id %s belongs to study %q: %w", trial.ID, out.Study, tracker.ErrConflict)
		}
		return err
	})
	return out, err
}

func (t *txn) createTrial(trial *tracker.Trial) ([]byte, error) {
	study, err := t.study(trial.Study)
	if err != nil {
		return nil, err
	}
	trial.Number = study.Next
	key := trialKey(study.id, trial.Number)
	study.Next++
	study.Counts[tracker.Running]++
	origin := trial.Origin
	if origin == nil {
		origin = &tracker.Origin{}
	}
	lean := *trial
	lean.Origin = nil
	return key, errors.Join(
		t.putStudy(study),
		t.putJSON(bucketTrial, key, &lean),
		t.putJSON(bucketOrigin, key, origin),
		t.put(bucketTrialID, []byte(trial.ID), key),
		t.put(bucketRunning, key, nil),
	)
}

// Apply implements [tracker.Store].
func (s *Store) Apply(ctx context.Context, study string, number int, c tracker.Change) error {
	err := s.update(ctx, func(t *txn) error {
		rec, key, err := t.find(study, number)
		if err != nil {
			return err
		}
		trial, err := t.trialAt(key)
		if err != nil {
			return err
		}
		before := trial.State
		fresh, err := trial.Apply(c)
		if err != nil || !fresh {
			return err
		}
		for _, p := range c.Points {
			if err := t.put(bucketPoint, pointKey(key, p.Metric, p.Step, p.Seq), pointContent(p)); err != nil {
				return err
			}
		}
		if trial.State != before {
			if err := t.moved(rec, key, trial, before); err != nil {
				return err
			}
		}
		return t.putJSON(bucketTrial, key, trial)
	})
	return err
}

// moved keeps counts and indices in step with a trial that ended.
func (t *txn) moved(study *studyRecord, key []byte, trial *tracker.Trial, before tracker.State) error {
	study.Counts[before]--
	study.Counts[trial.State]++
	err := errors.Join(t.putStudy(study), t.delete(bucketRunning, key))
	if v, ok := trial.Value(study.Metric); ok && trial.State == tracker.Complete {
		err = errors.Join(err, t.put(bucketBest, bestKey(study.id, study.Direction, v, trial.Number), nil))
	}
	return err
}

// Trial implements [tracker.Store].
func (s *Store) Trial(ctx context.Context, study string, number int) (*tracker.Trial, error) {
	var out *tracker.Trial
	err := s.view(ctx, func(t *txn) error {
		_, key, err := t.find(study, number)
		if err != nil {
			return err
		}
		out, err = t.withOrigin(key)
		return err
	})
	if errors.Is(err, errNoFile) {
		err = fmt.Errorf("study %q: %w", study, tracker.ErrNotFound)
	}
	return out, err
}

// TrialByID implements [tracker.Store].
func (s *Store) TrialByID(ctx context.Context, id string) (*tracker.Trial, error) {
	missing := fmt.Errorf("trial with id %q: %w", id, tracker.ErrNotFound)
	if id == "" {
		return nil, missing
	}
	var out *tracker.Trial
	err := s.view(ctx, func(t *txn) error {
		var found [][]byte
		err := t.scan(bucketTrialID, []byte(id), nil, false, func(full, key []byte) (bool, error) {
			found = append(found, key)
			return len(found) < 2 && string(full) != id, nil // the exact one sorts first
		})
		switch {
		case err != nil:
			return err
		case len(found) == 0:
			return missing
		case len(found) > 1:
			return fmt.Errorf("several trials have an id that begins with %q: %w", id, tracker.ErrConflict)
		}
		out, err = t.withOrigin(found[0])
		return err
	})
	if errors.Is(err, errNoFile) {
		err = missing
	}
	return out, err
}

// Trials implements [tracker.Store].
func (s *Store) Trials(ctx context.Context, study string, f tracker.Filter) ([]*tracker.Trial, error) {
	out := []*tracker.Trial{}
	err := s.view(ctx, func(t *txn) error {
		rec, err := t.study(study)
		if err != nil {
			return err
		}
		var from []byte
		switch {
		case f.After > 0 && f.Newest:
			from = trialKey(rec.id, f.After-1)
		case f.After > 0:
			from = trialKey(rec.id, f.After+1)
		}
		seen := 0
		err = t.scan(bucketTrial, studyKey(rec.id), from, f.Newest, func(key, content []byte) (bool, error) {
			seen++
			trial := &tracker.Trial{}
			if err := t.decode(bucketTrial, key, content, trial); err != nil {
				return false, err
			}
			if tracker.Observe(trial, t.now); f.Selects(trial) {
				out = append(out, trial)
			}
			return f.Limit <= 0 || len(out) < f.Limit, nil
		})
		if err == nil && f.After == 0 && f.Limit <= 0 && seen != rec.Trials() {
			err = t.damaged(bucketTrial, studyKey(rec.id), fmt.Sprintf("study %q has %d trials, found %d", study, rec.Trials(), seen))
		}
		return err
	})
	if errors.Is(err, errNoFile) {
		err = fmt.Errorf("study %q: %w", study, tracker.ErrNotFound)
	}
	return out, err
}

// Best implements [tracker.Store].
func (s *Store) Best(ctx context.Context, study string, n int) ([]*tracker.Trial, error) {
	out := []*tracker.Trial{}
	err := s.view(ctx, func(t *txn) error {
		rec, err := t.study(study)
		if err != nil || n <= 0 {
			return err
		}
		prefix := studyKey(rec.id)
		return t.scan(bucketBest, prefix, nil, false, func(key, _ []byte) (bool, error) {
			if len(key) != 24 || !bytes.HasPrefix(key, prefix) {
				return false, t.damaged(bucketBest, key, "a key has 24 bytes")
			}
			trial, err := t.trialAt(trialKey(rec.id, int(binary.BigEndian.Uint64(key[16:]))))
			out = append(out, trial)
			return len(out) < n, err
		})
	})
	if errors.Is(err, errNoFile) {
		err = fmt.Errorf("study %q: %w", study, tracker.ErrNotFound)
	}
	return out, err
}

package boltstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/parelab/pare/tracker"
)

// studyRecord is what the bucket study holds.
type studyRecord struct {
	tracker.Study
	Next int `json:"next"` // number of the next trial

	id uint64
}

// study returns a study by name, or [tracker.ErrNotFound].
func (t *txn) study(name string) (*studyRecord, error) {
	key, err := t.get(bucketStudyName, []byte(name))
	if err != nil {
		return nil, err
	}
	if key == nil {
		return nil, t.noStudy(name)
	}
	return t.studyAt(key)
}

func (t *txn) studyAt(key []byte) (*studyRecord, error) {
	s := &studyRecord{}
	ok, err := t.getJSON(bucketStudy, key, s)
	if err != nil {
		return nil, err
	}
	if !ok || len(key) != 8 {
		return nil, t.damaged(bucketStudy, key, "its name is recorded and it is missing")
	}
	s.id = binary.BigEndian.Uint64(key)
	return s, nil
}

// noStudy returns [tracker.ErrNotFound], unless there is such a study and only its name was damaged.
func (t *txn) noStudy(name string) error {
	err := t.scan(bucketStudy, nil, nil, false, func(key, content []byte) (bool, error) {
		var s studyRecord
		if err := t.decode(bucketStudy, key, content, &s); err != nil {
			return false, err
		}
		if s.Name == name {
			return false, t.damaged(bucketStudyName, []byte(name), "it is missing and the study is there")
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	return fmt.Errorf("study %q: %w", name, tracker.ErrNotFound)
}

func (t *txn) putStudy(s *studyRecord) error { return t.putJSON(bucketStudy, studyKey(s.id), s) }

// shown is a study as a reader sees it: running trials whose process is gone are counted as lost.
func (t *txn) shown(s *studyRecord) (tracker.Study, error) {
	out := s.Study
	err := t.scan(bucketRunning, studyKey(s.id), nil, false, func(key, _ []byte) (bool, error) {
		trial, err := t.trialAt(key)
		if err != nil {
			return false, err
		}
		if tracker.Observe(trial, t.now); trial.State == tracker.Lost {
			out.Counts[tracker.Running]--
			out.Counts[tracker.Lost]++
		}
		return true, nil
	})
	for state, n := range out.Counts {
		if n == 0 {
			delete(out.Counts, state)
		}
	}
	return out, err
}

// CreateStudy implements [tracker.Store].
func (s *Store) CreateStudy(ctx context.Context, in tracker.Study) (tracker.Study, error) {
	in, err := in.Prepare(s.now())
	if err != nil {
		return tracker.Study{}, err
	}
	var out tracker.Study
	// Most calls find the study, and looking takes no exclusive lock.
	err = s.view(ctx, func(t *txn) error {
		have, err := t.study(in.Name)
		if err != nil {
			return err
		}
		if err := have.Agrees(in); err != nil {
			return err
		}
		out, err = t.shown(have)
		return err
	})
	if !errors.Is(err, tracker.ErrNotFound) && !errors.Is(err, errNoFile) {
		return out, err
	}
	err = s.update(ctx, func(t *txn) error {
		out, err = t.createStudy(in)
		return err
	})
	return out, err
}

func (t *txn) createStudy(in tracker.Study) (tracker.Study, error) {
	have, err := t.study(in.Name)
	if err == nil {
		if err := have.Agrees(in); err != nil {
			return tracker.Study{}, err
		}
		return t.shown(have)
	}
	if !errors.Is(err, tracker.ErrNotFound) {
		return tracker.Study{}, err
	}
	b, err := t.in(bucketStudy)
	if err != nil {
		return tracker.Study{}, err
	}
	id, err := b.NextSequence()
	if err != nil {
		return tracker.Study{}, err
	}
	if taken, err := t.get(bucketStudy, studyKey(id)); err != nil || taken != nil {
		return tracker.Study{}, errors.Join(err, t.damaged(bucketStudy, studyKey(id), "the next study's place is taken"))
	}
	rec := &studyRecord{Study: in, Next: 1, id: id}
	return in, errors.Join(t.put(bucketStudyName, []byte(in.Name), studyKey(id)), t.putStudy(rec))
}

// Study implements [tracker.Store].
func (s *Store) Study(ctx context.Context, name string) (tracker.Study, error) {
	var out tracker.Study
	err := s.view(ctx, func(t *txn) error {
		have, err := t.study(name)
		if err != nil {
			return err
		}
		out, err = t.shown(have)
		return err
	})
	if errors.Is(err, errNoFile) {
		err = fmt.Errorf("study %q: %w", name, tracker.ErrNotFound)
	}
	return out, err
}

// Studies implements [tracker.Store].
func (s *Store) Studies(ctx context.Context) ([]tracker.Study, error) {
	out := []tracker.Study{}
	err := s.view(ctx, func(t *txn) error {
		return t.scan(bucketStudy, nil, nil, false, func(key, _ []byte) (bool, error) {
			have, err := t.studyAt(key)
			if err != nil {
				return false, err
			}
			shown, err := t.shown(have)
			out = append(out, shown)
			return true, err
		})
	})
	if errors.Is(err, errNoFile) {
		return out, nil
	}
	return out, err
}

package boltstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/parelab/pare/tracker"
)

// noTime stands for the zero time, which has no UnixNano.
const noTime = math.MinInt64

// pointContent is value and time, 8 bytes each; the rest of a point is its key.
func pointContent(p tracker.Point) []byte {
	nanos := int64(noTime)
	if !p.Time.IsZero() {
		nanos = p.Time.UnixNano()
	}
	out := binary.BigEndian.AppendUint64(nil, math.Float64bits(float64(p.Value)))
	return binary.BigEndian.AppendUint64(out, uint64(nanos))
}

// point reads a point of a metric whose keys have the length prefix before the step.
func (t *txn) point(metric string, prefix int, key, content []byte) (tracker.Point, error) {
	if len(key) != prefix+16 || len(content) != 16 {
		return tracker.Point{}, t.damaged(bucketPoint, key, fmt.Sprintf("a point has %d and 16 bytes, found %d and %d", prefix+16, len(key), len(content)))
	}
	p := tracker.Point{
		Metric: metric,
		Step:   int64(binary.BigEndian.Uint64(key[prefix:]) ^ 1<<63),
		Seq:    binary.BigEndian.Uint64(key[prefix+8:]),
		Value:  tracker.Number(math.Float64frombits(binary.BigEndian.Uint64(content))),
	}
	if nanos := int64(binary.BigEndian.Uint64(content[8:])); nanos != noTime {
		p.Time = time.Unix(0, nanos).UTC()
	}
	return p, nil
}

// History implements [tracker.Store].
func (s *Store) History(ctx context.Context, study string, number int, metric string, r tracker.Range) ([]tracker.Point, error) {
	out := []tracker.Point{}
	err := s.view(ctx, func(t *txn) error {
		_, key, err := t.find(study, number)
		if err != nil {
			return err
		}
		trial, err := t.trialAt(key)
		if err != nil {
			return err
		}
		summary, ok := trial.Metrics[metric]
		if !ok {
			return fmt.Errorf("metric %q of trial %d of study %q, which has %v: %w", metric, number, study, slices.Sorted(maps.Keys(trial.Metrics)), tracker.ErrNotFound)
		}
		out, err = t.history(key, metric, r)
		if all := r == (tracker.Range{}); err == nil && all && len(out) != summary.Count {
			err = t.damaged(bucketPoint, metricKey(key, metric), fmt.Sprintf("metric %q has %d points, found %d", metric, summary.Count, len(out)))
		}
		return err
	})
	if errors.Is(err, errNoFile) {
		err = fmt.Errorf("study %q: %w", study, tracker.ErrNotFound)
	}
	return out, err
}

func (t *txn) history(trial []byte, metric string, r tracker.Range) ([]tracker.Point, error) {
	out := []tracker.Point{}
	prefix := metricKey(trial, metric)
	var from []byte
	if r.From != nil {
		from = stepKey(trial, metric, *r.From)
	}
	err := t.scan(bucketPoint, prefix, from, false, func(key, content []byte) (bool, error) {
		p, err := t.point(metric, len(prefix), key, content)
		if err != nil || r.To != nil && p.Step > *r.To {
			return false, err
		}
		out = append(out, p)
		return r.Limit <= 0 || len(out) < r.Limit, nil
	})
	return out, err
}

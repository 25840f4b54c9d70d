package lab

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/parelab/pare/tracker"
)

// parentParam is the hyperparameter that names the trial whose attempt a recovery goes on from: "compress 3".
const parentParam = "parent"

// parent finds the latest complete trial that made what is recovered: one of the study with the attempt's own hyperparameters or, for a model as it
// is, one of any study that wrote its directory. Without one it is "".
func (s *Study) parent(ctx context.Context, m *Model, a Attempt) (string, error) {
	want := a.params(m)
	if a.Method != Dense {
		trials, err := s.lab.Store.Trials(ctx, s.Name, complete)
		if err != nil {
			return "", err
		}
		for _, t := range trials {
			if _, recovered := t.Params[recoveryParam]; !recovered && label(t) == a.Label() && holds(t, want) {
				return fmt.Sprintf("%s %d", s.Name, t.Number), nil
			}
		}
		return "", nil
	}
	dir, err := filepath.Abs(m.Dir())
	if err != nil {
		return "", err
	}
	studies, err := s.lab.Store.Studies(ctx)
	if err != nil {
		return "", err
	}
	for _, study := range slices.Backward(studies) {
		trials, err := s.lab.Store.Trials(ctx, study.Name, complete)
		if err != nil {
			return "", err
		}
		for _, t := range trials {
			if slices.ContainsFunc(t.Files, func(f tracker.File) bool { return f.Name == "model" && f.Path == dir }) {
				return fmt.Sprintf("%s %d", study.Name, t.Number), nil
			}
		}
	}
	return "", nil
}

// complete are trials that ended well, the newest first.
var complete = tracker.Filter{States: []tracker.State{tracker.Complete}, Newest: true}

// holds says whether a trial has these hyperparameters, of whatever else.
func holds(t *tracker.Trial, params map[string]tracker.Value) bool {
	for name := range params {
		if v, ok := t.Params[name]; !ok || !v.Equal(params[name]) {
			return false
		}
	}
	return true
}

package recovery

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/parelab/pare/gomlxops/internal/tensorfile"
)

// resume goes on from the newest state that is whole. One that is not is a warning while another can be read; a directory of which none
// can, and a state of another training, are errors.
func (t *training) resume() error {
	if t.keep == nil {
		return nil
	}
	steps, err := t.keep.steps()
	if err != nil {
		return fmt.Errorf("cannot read the state of the training: %w", err)
	}
	for _, step := range steps {
		s, arrays, err := t.keep.read(step, t.stepper.names)
		if err != nil {
			t.result.Warnings = append(t.result.Warnings, fmt.Sprintf("state of step %d passed over: %v", step, err))
			continue
		}
		if s.Digest != t.keep.digest {
			return fmt.Errorf("%s: expected a state of this training (%.12s…), found one of another (%.12s…): weights, options or data differ; name another directory, or remove this one", t.keep.path(step, "json"), t.keep.digest, s.Digest)
		}
		t.take(s, arrays)
		return nil
	}
	if len(steps) > 0 {
		return fmt.Errorf("no state of the training in %s can be read; remove the directory to begin anew: %s", t.keep.dir, strings.Join(t.result.Warnings, "; "))
	}
	return nil
}

// take sets the training to a state.
func (t *training) take(s *state, arrays map[string][]float32) {
	t.stepper.drop()
	for _, kind := range stateKinds {
		for _, name := range t.stepper.names {
			t.stepper.state = append(t.stepper.state, tensors.FromFlatDataAndDimensions(arrays[kind+name], t.keep.shapes[name]...))
		}
	}
	if s.Best != nil && arrays[bestKind+t.stepper.names[0]] != nil {
		t.best = map[string][]float32{}
		for _, name := range t.stepper.names {
			t.best[name] = arrays[bestKind+name]
		}
	}
	t.stepper.taken, t.worse, t.kept, t.batch = s.Step, s.Worse, s.Step, s.Batch
	r := t.result
	r.Steps, r.Resumed, r.Tokens, r.Losses, r.Held, r.Known, r.Best = s.Step, s.Step, s.Tokens, s.Losses, s.Held, len(s.Held), s.Best
}

// read reads one state and checks that it is whole.
func (k *keeper) read(step int, names []string) (*state, map[string][]float32, error) {
	path := k.path(step, "json")
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	s := &state{}
	if err := json.Unmarshal(data, s); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	if s.Version != stateVersion || s.Step != step || len(s.Losses) != step {
		return nil, nil, fmt.Errorf("%s: expected version %d, step %d and as many losses, found version %d, step %d and %d losses", path, stateVersion, step, s.Version, s.Step, len(s.Losses))
	}
	if s.Digest != k.digest {
		return s, nil, nil // its tensors are nothing to this training
	}
	path = k.path(step, "safetensors")
	if sum, err := fileDigest(path); err != nil {
		return nil, nil, err
	} else if sum != s.SHA256 {
		return nil, nil, fmt.Errorf("%s: expected sha256 %.12s…, found %.12s…: the file was damaged", path, s.SHA256, sum)
	}
	arrays, err := k.arrays(path, names)
	return s, arrays, err
}

func (k *keeper) arrays(path string, names []string) (map[string][]float32, error) {
	f, err := tensorfile.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	arrays := map[string][]float32{}
	for _, kind := range append([]string{bestKind}, stateKinds...) {
		for _, name := range names {
			if kind == bestKind && !f.Has(kind+name) {
				continue
			}
			if arrays[kind+name], err = f.Float32(kind+name, k.shapes[name]...); err != nil {
				return nil, err
			}
		}
	}
	return arrays, nil
}

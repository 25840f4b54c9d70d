package transformer

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

const (
	weightsName = "model.safetensors"
	indexName   = "model.safetensors.index.json"
)

// openWeights maps the weight files of a model directory and gathers their tensors by name. Where there are both, one file goes before an
// index, as in Hugging Face transformers: the shards may be those of an earlier model.
func openWeights(dir string) ([]*mapped, map[string]tensor, error) {
	f, err := openMapped(filepath.Join(dir, weightsName))
	if err == nil {
		return []*mapped{f}, f.tensors, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	if _, at := os.Stat(filepath.Join(dir, indexName)); errors.Is(at, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("expected the weights in %s or listed by %s, found neither: %w", weightsName, indexName, err)
	}
	return openSharded(dir)
}

// checkTensors compares the tensors with what the configuration asks for.
func (m *Model) checkTensors() error {
	if err := m.openForms(); err != nil {
		return err
	}
	for _, want := range m.config.storedTensors() {
		if m.config.anyApart(want) {
			continue
		}
		if err := m.checkTensor(want.Name, want.Shape); err != nil {
			return err
		}
	}
	return nil
}

// checkTensor checks that a tensor is there, of the shape given, and of a floating-point type.
func (m *Model) checkTensor(name string, shape []int) error {
	name = m.spell(name)
	t, ok := m.tensors[name]
	if !ok {
		return fmt.Errorf("%s: tensor %s is missing: expected it with shape %v, as the configuration asks", m.weightsPath(), name, shape)
	}
	if !slices.Equal(t.shape, shape) {
		return fmt.Errorf("%s: tensor %s: expected shape %v, as the configuration asks, found %v", t.file.path, name, shape, t.shape)
	}
	if !widens(t.dtype) {
		return fmt.Errorf("%s: tensor %s: expected dtype F32, F16 or BF16, found %s", t.file.path, name, t.dtype)
	}
	return nil
}

// weightsPath names the weights as a whole in an error: the only file, or the index.
func (m *Model) weightsPath() string {
	if len(m.files) == 1 {
		return m.files[0].path
	}
	return filepath.Join(m.dir, indexName) + " (the shards of " + weightsName + ")"
}

// openForms sets up the forms that the configuration's "pare" section describes, and checks their tensors.
func (m *Model) openForms() error {
	if len(m.config.forms) == 0 {
		return nil
	}
	m.forms = make(map[string]Form, len(m.config.forms))
	path := filepath.Join(m.dir, "config.json")
	if err := m.checkTogether(path); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(m.config.forms)) {
		entry := m.config.forms[name]
		l, err := m.Linear(name)
		if err != nil {
			return fmt.Errorf("%s: field %s: %w", path, pareField, err)
		}
		parts, err := entry.parts(l)
		if err != nil {
			return fmt.Errorf("%s: field %s: %w", path, pareField, err)
		}
		for _, p := range parts {
			if err := m.checkTensor(name+"."+p.Suffix, p.Shape); err != nil {
				return err
			}
		}
		m.forms[name] = &stored{m, l, entry.Form, parts}
	}
	return nil
}

// checkTogether refuses a section that lists some linears of a tensor and not the others: the tensor would be half there.
func (m *Model) checkTogether(path string) error {
	for _, t := range m.config.storedTensors() {
		for _, l := range t.linears {
			if m.config.anyApart(t) && !m.config.apart(l) {
				return fmt.Errorf("%s: field %s: expected all linears of tensor %s, found none for %s", path, pareField, t.Name, l.Name)
			}
		}
	}
	return nil
}

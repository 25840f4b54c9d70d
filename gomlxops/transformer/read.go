package transformer

import (
	"context"
	"fmt"
	"strings"

	"github.com/parelab/pare/gomlxops"
)

// raw returns a tensor as it lies in the mapped file. data is valid until Close and must not be written to.
func (m *Model) raw(name string) (dtype string, shape []int, data []byte, err error) {
	t, err := m.tensor(name)
	return t.dtype, t.shape, t.data, err
}

func (m *Model) tensor(name string) (tensor, error) {
	if name == headName && m.config.TieEmbeddings {
		name = embeddingName
	}
	t, ok := m.tensors[name]
	if !ok {
		return tensor{}, fmt.Errorf("%s: tensor %s is missing", m.weightsPath(), name)
	}
	if !widens(t.dtype) {
		return tensor{}, fmt.Errorf("%s: tensor %s: expected dtype F32, F16 or BF16, found %s", t.file.path, name, t.dtype)
	}
	return t, nil
}

// Float32 returns a copy of a tensor, widened to float32 and row-major, and its shape. The head of a tied model is its embedding.
//
// A number that is not finite is an error that names file, tensor and index.
func (m *Model) Float32(name string) (values []float32, shape []int, err error) {
	t, err := m.tensor(name)
	if err != nil {
		return nil, nil, err
	}
	values = make([]float32, len(t.data)/dtypeSizes[t.dtype])
	if err := m.Read(name, values); err != nil {
		return nil, nil, err
	}
	return values, append([]int(nil), t.shape...), nil
}

// Read widens a tensor into dst, which has as many elements, on all processors. Errors are those of [Model.Float32].
func (m *Model) Read(name string, dst []float32) error {
	t, err := m.tensor(name)
	if err != nil {
		return err
	}
	if n := len(t.data) / dtypeSizes[t.dtype]; n != len(dst) {
		return fmt.Errorf("%s: tensor %s holds %d numbers, %d were asked for", t.file.path, name, n, len(dst))
	}
	return t.finite(name, widen(t.dtype, dst, t.data))
}

// finite turns the index of a number that is not finite into an error; -1 is none.
func (t tensor) finite(name string, at int) error {
	if at < 0 {
		return nil
	}
	one := make([]float32, 1)
	size := dtypeSizes[t.dtype]
	widen(t.dtype, one, t.data[at*size:(at+1)*size])
	if t.dtype == "F16" { // half takes finite numbers only
		return fmt.Errorf("%s: tensor %s: expected finite numbers, found infinity or NaN at index %d", t.file.path, name, at)
	}
	return fmt.Errorf("%s: tensor %s: expected finite numbers, found %v at index %d", t.file.path, name, one[0], at)
}

// Verify reads every tensor that the model uses, and says which number is not finite.
func (m *Model) Verify(ctx context.Context, rec gomlxops.Recorder) error {
	rec = gomlxops.OrDiscard(rec)
	names := m.used()
	for i, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		t, err := m.tensor(name)
		if err != nil {
			return err
		}
		if err := t.finite(name, firstNonFinite(t.dtype, t.data)); err != nil {
			return err
		}
		rec.Progress("verify", i+1, len(names))
	}
	return nil
}

// used lists the tensors that the model is made of, in checkpoint order; those of a replaced linear stand in its place.
func (m *Model) used() []string {
	var names []string
	for _, t := range m.config.TensorShapes() {
		linear := strings.TrimSuffix(t.Name, ".weight")
		form, replaced := m.forms[linear]
		if !replaced {
			names = append(names, t.Name)
			continue
		}
		for _, p := range form.Parts() {
			names = append(names, linear+"."+p.Suffix)
		}
	}
	return names
}

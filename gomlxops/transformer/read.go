package transformer

import (
	"context"
	"fmt"
	"slices"

	"github.com/parelab/pare/gomlxops"
)

// Float32 returns a copy of a logical tensor, widened to float32 and row-major, and its shape. The head of a tied model is its embedding.
//
// A number that is not finite is an error that names file, tensor and index, as they lie in the file.
func (m *Model) Float32(name string) (values []float32, shape []int, err error) {
	v, err := m.view(name)
	if err != nil {
		return nil, nil, err
	}
	values = make([]float32, v.elements())
	if err := v.read(values); err != nil {
		return nil, nil, err
	}
	return values, slices.Clone(v.shape), nil
}

// Read widens a logical tensor into dst, which has as many elements, on all processors. Errors are those of [Model.Float32].
func (m *Model) Read(name string, dst []float32) error {
	v, err := m.view(name)
	if err != nil {
		return err
	}
	if n := v.elements(); n != len(dst) {
		return fmt.Errorf("%s: tensor %s holds %d numbers, %d were asked for", v.file.path, name, n, len(dst))
	}
	return v.read(dst)
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
		t, err := m.stored(name)
		if err != nil {
			return err
		}
		if err := t.finite(m.spell(name), firstNonFinite(t.dtype, t.data)); err != nil {
			return err
		}
		rec.Progress("verify", i+1, len(names))
	}
	return nil
}

// used lists the tensors of the files that the model is made of, in checkpoint order; those of a replaced linear stand in its place.
// Where a checkpoint may leave out a prefix, the names have it.
func (m *Model) used() []string {
	var names []string
	for _, t := range m.config.storedTensors() {
		switch {
		case !m.config.anyApart(t):
			names = append(names, t.Name)
		case t.isWeights():
			for _, l := range t.linears {
				for _, p := range m.forms[l.Name].Parts() {
					names = append(names, l.Name+"."+p.Suffix)
				}
			}
		}
	}
	return names
}

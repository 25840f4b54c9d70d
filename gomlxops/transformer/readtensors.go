package transformer

import (
	"errors"
	"fmt"
	"slices"
)

// ReadTensors reads a safetensors file that is not a model's, an adapter's for example: the shape of each tensor, and its numbers widened to
// float32. A tensor that holds no F32, F16 or BF16, and a number that is not finite, are errors that name file and tensor.
func ReadTensors(path string) (shapes map[string][]int, values map[string][]float32, err error) {
	f, err := openMapped(path)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	shapes, values = map[string][]int{}, map[string][]float32{}
	for name, t := range f.tensors {
		if !widens(t.dtype) {
			return nil, nil, fmt.Errorf("%s: tensor %s: expected dtype F32, F16 or BF16, found %s", path, name, t.dtype)
		}
		wide := make([]float32, Part{Shape: t.shape}.Elements())
		if err := t.finite(name, widen(t.dtype, wide, t.data)); err != nil {
			return nil, nil, err
		}
		shapes[name], values[name] = slices.Clone(t.shape), wide
	}
	return shapes, values, nil
}

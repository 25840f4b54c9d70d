// Package tensorfile keeps an operation's results (moments, spectra) in a safetensors file of its own.
//
// [Write] saves named arrays and text; [Open] reads one back, one array at a time. A file is either absent, the old one, or
// whole: it is written beside its place, flushed and renamed. A reader refuses whatever [Write] would not have written, and
// says which file and which array disagrees.
//
// [NewDraft] and [OpenMapped] do the same for arrays that are together larger than memory: they lie in the page cache.
//
// It holds float64, float32 and int64 arrays. It is not the reader of models, which must cope with other people's files.
package tensorfile

import "fmt"

// Tensor is one array to write. Data is a []float64, []float32 or []int64 in row-major order.
type Tensor struct {
	Name  string
	Shape []int
	Data  any
}

// Types of elements as the format spells them.
const (
	typeF64 = "F64"
	typeF32 = "F32"
	typeI64 = "I64"
)

// metadataKey is the format's own key for text; no array may have it.
const metadataKey = "__metadata__"

// entry is an array's description in the header.
type entry struct {
	DType   string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"` // within the data that follows the header: from, to
}

// elementSize returns the bytes of one element, 0 for a type that this package does not hold.
func elementSize(dtype string) int64 {
	switch dtype {
	case typeF64, typeI64:
		return 8
	case typeF32:
		return 4
	}
	return 0
}

// elements multiplies out a shape; an error on a negative dimension or more elements than a file could hold.
func elements(shape []int) (int64, error) {
	const most = 1 << 48
	n := int64(1)
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("shape %v has a negative dimension", shape)
		}
		if d != 0 && n > most/int64(d) {
			return 0, fmt.Errorf("shape %v has too many elements", shape)
		}
		n *= int64(d)
	}
	return n, nil
}

// describe returns the type of a Tensor's elements and how many its shape has.
func (t Tensor) describe() (dtype string, n int64, err error) {
	switch t.Data.(type) {
	case []float64:
		dtype = typeF64
	case []float32:
		dtype = typeF32
	case []int64:
		dtype = typeI64
	default:
		return "", 0, fmt.Errorf("tensor %q: cannot store a %T; []float64, []float32 and []int64 can be", t.Name, t.Data)
	}
	if n, err = elements(t.Shape); err != nil {
		return "", 0, fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	return dtype, n, nil
}

// check says whether a Tensor's data fill its shape.
func (t Tensor) check() error {
	_, want, err := t.describe()
	if err != nil {
		return err
	}
	n := 0
	switch data := t.Data.(type) {
	case []float64:
		n = len(data)
	case []float32:
		n = len(data)
	case []int64:
		n = len(data)
	}
	if want != int64(n) {
		return fmt.Errorf("tensor %q: shape %v has %d elements, its data %d", t.Name, t.Shape, want, n)
	}
	return nil
}

package tensorfile

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
)

// File is an open file of arrays. Close it after use.
type File struct {
	path     string
	f        *os.File
	start    int64 // where the data begins
	entries  map[string]entry
	metadata map[string]string
	mapped   []byte // the whole file, where it was opened by OpenMapped
}

// OpenMapped is [Open] for arrays larger than memory: what [File.Float64] returns lies in the page cache, must not be written to, and may be used
// until the process ends, after Close too. The file must stay as it is; one that takes its name does no harm. Where files cannot be mapped it is
// Open.
func OpenMapped(path string) (*File, error) {
	file, err := Open(path)
	if err != nil || !mappable {
		return file, err
	}
	info, err := file.f.Stat()
	if err == nil {
		file.mapped, err = mapFile(file.f, info.Size(), false)
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return file, nil
}

// Open reads and checks the header of path: every array has a known type, a shape that its bytes fill, and the arrays fill
// the file without gap or overlap. An error names path, the array, what was expected and what was found.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	file := &File{path: path, f: f}
	if err := file.readHeader(); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return file, nil
}

// Close closes the file.
func (f *File) Close() error { return f.f.Close() }

// Metadata returns the text stored under key, and "" where there is none.
func (f *File) Metadata(key string) string { return f.metadata[key] }

// Has says whether there is an array of that name.
func (f *File) Has(name string) bool { _, ok := f.entries[name]; return ok }

// Names lists the arrays, sorted.
func (f *File) Names() []string { return slices.Sorted(maps.Keys(f.entries)) }

// Shape returns the dimensions of the named array, nil where there is none.
func (f *File) Shape(name string) []int { return slices.Clone(f.entries[name].Shape) }

// Float64 reads the named array, which must hold float64 and have the given shape. A NaN or infinity in it is an error.
func (f *File) Float64(name string, shape ...int) ([]float64, error) {
	raw, err := f.read(name, typeF64, shape)
	if err != nil {
		return nil, err
	}
	out := f.wide(raw)
	for i, v := range out {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, f.notFinite(name, i, v)
		}
	}
	return out, nil
}

// wide returns the numbers of raw, in place where they are mapped and aligned.
func (f *File) wide(raw []byte) []float64 {
	if f.mapped != nil && f.start%8 == 0 {
		return view[float64](raw)
	}
	out := make([]float64, len(raw)/8)
	for i := range out {
		out[i] = math.Float64frombits(binary.LittleEndian.Uint64(raw[i*8:]))
	}
	return out
}

// Float32 is [File.Float64] for an array of float32.
func (f *File) Float32(name string, shape ...int) ([]float32, error) {
	raw, err := f.read(name, typeF32, shape)
	if err != nil {
		return nil, err
	}
	out := make([]float32, len(raw)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[i*4:]))
		if v := float64(out[i]); math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, f.notFinite(name, i, v)
		}
	}
	return out, nil
}

// Int64 reads the named array of int64.
func (f *File) Int64(name string, shape ...int) ([]int64, error) {
	raw, err := f.read(name, typeI64, shape)
	if err != nil {
		return nil, err
	}
	out := make([]int64, len(raw)/8)
	for i := range out {
		out[i] = int64(binary.LittleEndian.Uint64(raw[i*8:]))
	}
	return out, nil
}

func (f *File) notFinite(name string, i int, v float64) error {
	return fmt.Errorf("%s: tensor %q: expected finite values, found %v at index %d; make the file again", f.path, name, v, i)
}

func (f *File) read(name, dtype string, shape []int) ([]byte, error) {
	e, ok := f.entries[name]
	if !ok {
		return nil, fmt.Errorf("%s: tensor %q is missing", f.path, name)
	}
	if e.DType != dtype || !slices.Equal(e.Shape, shape) {
		return nil, fmt.Errorf("%s: tensor %q: expected %s %v, found %s %v", f.path, name, dtype, shape, e.DType, e.Shape)
	}
	if f.mapped != nil {
		return f.mapped[f.start+e.Offsets[0] : f.start+e.Offsets[1]], nil
	}
	raw := make([]byte, e.Offsets[1]-e.Offsets[0])
	if _, err := f.f.ReadAt(raw, f.start+e.Offsets[0]); err != nil {
		return nil, fmt.Errorf("%s: tensor %q: %w", f.path, name, err)
	}
	return raw, nil
}

func (f *File) readHeader() error {
	info, err := f.f.Stat()
	if err != nil {
		return err
	}
	var first [8]byte
	if _, err := io.ReadFull(f.f, first[:]); err != nil {
		return fmt.Errorf("expected a safetensors file, found %d bytes", info.Size())
	}
	n := binary.LittleEndian.Uint64(first[:])
	if n > uint64(info.Size())-8 {
		return fmt.Errorf("expected a header of %d bytes, found a file of %d: it is truncated, or no safetensors file", n, info.Size())
	}
	raw := make([]byte, n)
	if _, err := io.ReadFull(f.f, raw); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	f.start = 8 + int64(n)
	if err := f.parse(raw); err != nil {
		return err
	}
	return f.checkLayout(info.Size() - f.start)
}

func (f *File) parse(raw []byte) error {
	var head map[string]json.RawMessage
	if err := json.Unmarshal(raw, &head); err != nil {
		return fmt.Errorf("header is no JSON object: %w", err)
	}
	if text, ok := head[metadataKey]; ok {
		if err := json.Unmarshal(text, &f.metadata); err != nil {
			return fmt.Errorf("header: %s: %w", metadataKey, err)
		}
		delete(head, metadataKey)
	}
	f.entries = make(map[string]entry, len(head))
	for name, text := range head {
		var e entry
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&e); err != nil {
			return fmt.Errorf("header: tensor %q: %w", name, err)
		}
		if err := e.check(); err != nil {
			return fmt.Errorf("header: tensor %q: %w", name, err)
		}
		f.entries[name] = e
	}
	return nil
}

func (e entry) check() error {
	size := elementSize(e.DType)
	if size == 0 {
		return fmt.Errorf("expected type F64, F32 or I64, found %q", e.DType)
	}
	n, err := elements(e.Shape)
	if err != nil {
		return err
	}
	if e.Offsets[0] < 0 || e.Offsets[1]-e.Offsets[0] != n*size {
		return fmt.Errorf("expected %d bytes for %s %v, found offsets %v", n*size, e.DType, e.Shape, e.Offsets)
	}
	return nil
}

// checkLayout says whether the arrays fill the size bytes of data, each exactly once.
func (f *File) checkLayout(size int64) error {
	names := f.Names()
	slices.SortStableFunc(names, func(a, b string) int {
		x, y := f.entries[a].Offsets, f.entries[b].Offsets
		return slices.Compare(x[:], y[:])
	})
	end := int64(0)
	for _, name := range names {
		if from := f.entries[name].Offsets[0]; from != end {
			return fmt.Errorf("tensor %q: expected its data at offset %d, found %d", name, end, from)
		}
		end = f.entries[name].Offsets[1]
	}
	if end != size {
		return fmt.Errorf("expected %d bytes of data, found %d: the file is truncated or has something appended", end, size)
	}
	return nil
}

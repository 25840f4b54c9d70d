package gguf

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Limits of a believable file.
const (
	maxDimensions = 4
	maxNesting    = 4
	maxName       = 1 << 16
)

// File is an opened GGUF file. Its metadata is in memory, its numbers are read when they are asked for. It may be used from several goroutines.
type File struct {
	Version  uint32
	Metadata Metadata
	Tensors  []Info

	path   string
	r      io.ReaderAt
	close  func() error
	data   int64 // where the numbers begin
	byName map[string]int
}

// Open reads the header of the file at path.
func Open(path string) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	f, err := read(file, info.Size())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	f.path, f.close = path, file.Close
	return f, nil
}

// Close lets go of the file.
func (f *File) Close() error { return f.close() }

// Tensor finds a tensor by name.
func (f *File) Tensor(name string) (Info, bool) {
	i, ok := f.byName[name]
	if !ok {
		return Info{}, false
	}
	return f.Tensors[i], true
}

// Read widens the numbers of a tensor of the file into dst, row-major. A number that is not finite is an error.
func (f *File) Read(t Info, dst []float32) error {
	if len(dst) != t.Elements() {
		return fmt.Errorf("%s: tensor %s holds %d numbers, %d were asked for", f.path, t.Name, t.Elements(), len(dst))
	}
	size := t.bytes()
	if size < 0 {
		return fmt.Errorf("%s: tensor %s: expected F32, F16, BF16 or Q8_0, found %s, which is not read", f.path, t.Name, t.Type)
	}
	data := make([]byte, size)
	if _, err := f.r.ReadAt(data, f.data+t.offset); err != nil {
		return fmt.Errorf("%s: tensor %s: %w", f.path, t.Name, err)
	}
	if err := decode(dst, t.Type, data); err != nil {
		return fmt.Errorf("%s: tensor %s: %w", f.path, t.Name, err)
	}
	return nil
}

// read reads the header of a file of the given size.
func read(r io.ReaderAt, size int64) (*File, error) {
	c := newCursor(r, size)
	f := &File{r: r, byName: map[string]int{}}
	if got, err := c.bytes(4); err != nil || string(got) != magic {
		return nil, fmt.Errorf("expected a GGUF file, which begins with %q, found %q", magic, got)
	}
	f.Version = c.uint32()
	if f.Version != 2 && f.Version != version {
		hint := ""
		if f.Version > 1<<16 {
			hint = "; it may be a file for machines that store numbers the other way round"
		}
		return nil, fmt.Errorf("expected version 2 or 3, found %d%s", f.Version, hint)
	}
	tensors, pairs := c.uint64(), c.uint64()
	if err := c.room("tensors", tensors, 8+4+8+4+8); err != nil {
		return nil, err
	}
	if err := c.room("metadata", pairs, 8+4+1); err != nil {
		return nil, err
	}
	if err := f.readMetadata(c, pairs); err != nil {
		return nil, err
	}
	if err := f.readInfos(c, tensors); err != nil {
		return nil, err
	}
	if c.err != nil {
		return nil, c.err
	}
	return f, f.place(c.at, size)
}

func (f *File) readMetadata(c *cursor, n uint64) error {
	seen := map[string]bool{}
	for range n {
		key := c.string("a key", maxName)
		k := kind(c.uint32())
		if c.err != nil {
			return c.err
		}
		if seen[key] || key == "" {
			return fmt.Errorf("metadata %q is empty or there twice", key)
		}
		seen[key] = true
		value, err := c.value(k, 0)
		if err != nil {
			return fmt.Errorf("metadata %s: %w", key, err)
		}
		f.Metadata = append(f.Metadata, Pair{key, value})
	}
	return nil
}

func (f *File) readInfos(c *cursor, n uint64) error {
	for range n {
		t := Info{Name: c.string("a tensor's name", maxName)}
		dimensions := c.uint32()
		if c.err != nil {
			return c.err
		}
		if _, twice := f.byName[t.Name]; twice || t.Name == "" {
			return fmt.Errorf("tensor %q is without a name or there twice", t.Name)
		}
		if dimensions < 1 || dimensions > maxDimensions {
			return fmt.Errorf("tensor %s: expected 1 to %d dimensions, found %d", t.Name, maxDimensions, dimensions)
		}
		t.Shape = make([]int, dimensions)
		elements := uint64(1)
		for i := range t.Shape {
			d := c.uint64()
			if d < 1 || d > 1<<40 || elements > 1<<40/d {
				return errors.Join(c.err, fmt.Errorf("tensor %s: expected a size that a file can hold, found dimension %d", t.Name, d))
			}
			elements *= d
			t.Shape[len(t.Shape)-1-i] = int(d)
		}
		t.Type = Type(c.uint32())
		offset := c.uint64()
		if c.err != nil {
			return c.err
		}
		if offset > uint64(c.size) {
			return fmt.Errorf("tensor %s: expected it within the file's %d bytes, found it at %d of the data", t.Name, c.size, offset)
		}
		t.offset = int64(offset)
		f.byName[t.Name] = len(f.Tensors)
		f.Tensors = append(f.Tensors, t)
	}
	return nil
}

// place finds where the data begins, and checks that each tensor lies in it.
func (f *File) place(end, size int64) error {
	alignment := int64(defaultAlignment)
	if v := f.Metadata.Get(alignmentKey); v != nil {
		n, ok := v.(uint32)
		if !ok || n < 1 || n > 1<<20 || n&(n-1) != 0 {
			return fmt.Errorf("metadata %s: expected a power of two up to %d, found %v", alignmentKey, 1<<20, v)
		}
		alignment = int64(n)
	}
	f.data = aligned(end, alignment)
	for _, t := range f.Tensors {
		if t.offset%alignment != 0 {
			return fmt.Errorf("tensor %s: expected it at a multiple of %d, found it at %d of the data", t.Name, alignment, t.offset)
		}
		if _, known := quanta[t.Type]; !known {
			continue // its size is not known; it cannot be read
		}
		if !t.Type.Fits(t.Shape[len(t.Shape)-1]) {
			return fmt.Errorf("tensor %s: expected rows of a multiple of %d numbers as %s, found %d", t.Name, quanta[t.Type].numbers, t.Type, t.Shape[len(t.Shape)-1])
		}
		if f.data+t.offset+t.bytes() > size {
			return fmt.Errorf("tensor %s: expected %d bytes at %d, found the file to end at %d", t.Name, t.bytes(), f.data+t.offset, size)
		}
	}
	return nil
}

package transformer

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json/jsontext"
	"fmt"
	"math/bits"
	"os"
	"slices"
	"strconv"
)

// A safetensors file is a little-endian u64 header length, that many bytes of JSON, and the tensors' bytes. The header maps
// each name to dtype, shape and data_offsets [begin, end) behind the header; offsets must cover the data without gap or overlap.
// Source: https://github.com/huggingface/safetensors, section "Format".

// mostHeader is the longest header that the format's reference implementation reads.
const mostHeader = 100_000_000

// dtypeSizes holds the bytes per number of every dtype that the format knows, whether we can compute with it or not.
var dtypeSizes = map[string]int{
	"BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1,
	"U16": 2, "I16": 2, "F16": 2, "BF16": 2,
	"U32": 4, "I32": 4, "F32": 4,
	"U64": 8, "I64": 8, "F64": 8, "C64": 8,
}

// mapped is one safetensors file in memory.
type mapped struct {
	path    string
	bytes   []byte // the whole file
	unmap   func() error
	tensors map[string]tensor
}

// tensor is one array of a mapped file.
type tensor struct {
	file       *mapped
	dtype      string
	shape      []int
	begin, end uint64 // in the data section
	data       []byte
}

// openMapped maps a safetensors file and checks its header.
func openMapped(path string) (*mapped, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: expected a file of weights, found a directory or device", path)
	}
	f := &mapped{path: path}
	if f.bytes, f.unmap, err = mapFile(path, info.Size()); err != nil {
		return nil, fmt.Errorf("cannot map the weights: %w", err)
	}
	if err := f.parse(); err != nil {
		_ = f.close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

func (f *mapped) close() error {
	f.bytes, f.tensors = nil, nil
	return f.unmap()
}

// parse reads the header and cuts the data into tensors.
func (f *mapped) parse() error {
	header, data, err := splitHeader(f.bytes)
	if err != nil {
		return err
	}
	members, err := readObject(header, "the header")
	if err != nil {
		return err
	}
	f.tensors = make(map[string]tensor, len(members))
	for _, m := range members {
		if m.name == "__metadata__" {
			continue
		}
		t, err := parseTensor(m.value, data)
		if err != nil {
			return fmt.Errorf("header: tensor %s: %w", m.name, err)
		}
		t.file = f
		f.tensors[m.name] = t
	}
	return checkCover(f.tensors, uint64(len(data)))
}

// splitHeader separates the header's JSON from the data behind it.
func splitHeader(file []byte) (header, data []byte, err error) {
	if len(file) < 8 {
		return nil, nil, fmt.Errorf("file is truncated or empty: expected at least the 8 bytes of the header length, found %d", len(file))
	}
	if bytes.HasPrefix(file, []byte("version https://git-lfs")) {
		return nil, nil, fmt.Errorf("expected a safetensors header, found a Git LFS pointer; fetch the weights themselves with `git lfs pull`")
	}
	n := binary.LittleEndian.Uint64(file)
	rest := uint64(len(file) - 8)
	if n > rest || n > mostHeader {
		return nil, nil, fmt.Errorf("header length %d is too large: it exceeds the %d bytes that follow or the limit of %d; the file is truncated or not safetensors", n, rest, mostHeader)
	}
	return file[8 : 8+n], file[8+n:], nil
}

// parseTensor reads one entry of the header.
func parseTensor(entry jsontext.Value, data []byte) (tensor, error) {
	members, err := readObject(entry, "the entry")
	if err != nil {
		return tensor{}, err
	}
	var t tensor
	var shape, offsets []uint64
	for _, m := range members {
		switch m.name {
		case "dtype":
			t.dtype, err = stringOf(m.value)
		case "shape":
			shape, err = naturals(m.value)
		case "data_offsets":
			offsets, err = naturals(m.value)
		}
		if err != nil {
			return tensor{}, fmt.Errorf("invalid %s: %w", m.name, err)
		}
	}
	return t, t.fill(shape, offsets, data)
}

// fill checks shape and offsets against each other and against the data.
func (t *tensor) fill(shape, offsets []uint64, data []byte) error {
	size := dtypeSizes[t.dtype]
	switch {
	case t.dtype == "":
		return fmt.Errorf("dtype is missing")
	case size == 0:
		return fmt.Errorf("unknown dtype %q", t.dtype)
	case shape == nil:
		return fmt.Errorf("shape is missing")
	case len(offsets) != 2:
		return fmt.Errorf("data_offsets: expected two offsets, begin and end, found %d", len(offsets))
	}
	t.begin, t.end = offsets[0], offsets[1]
	if t.begin > t.end || t.end > uint64(len(data)) {
		return fmt.Errorf("data_offsets [%d %d]: expected begin ≤ end ≤ %d, the bytes of data; the end lies beyond the file where it is truncated", t.begin, t.end, len(data))
	}
	bytes, ok := product(shape, uint64(size))
	if !ok || bytes != t.end-t.begin {
		return fmt.Errorf("size mismatch: expected the bytes of shape %v and dtype %s, found %d", shape, t.dtype, t.end-t.begin)
	}
	t.shape = make([]int, len(shape))
	for i, d := range shape {
		t.shape[i] = int(d) // at most the file's size, or beside a zero dimension
		if t.shape[i] < 0 {
			return fmt.Errorf("shape %v is too large", shape)
		}
	}
	t.data = data[t.begin:t.end:t.end]
	return nil
}

// product multiplies the dimensions, and says whether that stayed within 64 bits.
func product(shape []uint64, size uint64) (uint64, bool) {
	for _, d := range shape {
		high, low := bits.Mul64(size, d)
		if high != 0 {
			return 0, false
		}
		size = low
	}
	return size, true
}

// checkCover checks that the tensors cover the data from first to last byte, each byte once.
func checkCover(tensors map[string]tensor, size uint64) error {
	type span struct {
		name       string
		begin, end uint64
	}
	spans := make([]span, 0, len(tensors))
	for name, t := range tensors {
		spans = append(spans, span{name, t.begin, t.end})
	}
	slices.SortFunc(spans, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end), cmp.Compare(a.name, b.name))
	})
	at := uint64(0)
	for _, s := range spans {
		if s.begin < at {
			return fmt.Errorf("header: tensor %s: its offsets [%d %d] overlap with those of the tensor before it, which end at %d", s.name, s.begin, s.end, at)
		}
		if s.begin > at {
			return fmt.Errorf("header: tensor %s: gap in the data: expected its offset to be %d, where the tensor before it ends, found %d", s.name, at, s.begin)
		}
		at = s.end
	}
	if at != size {
		return fmt.Errorf("expected %d bytes of data, as the offsets in the header say, found %d: extra bytes after the last tensor", at, size)
	}
	return nil
}

// naturals reads a list of non-negative integers.
func naturals(v jsontext.Value) ([]uint64, error) {
	if v.Kind() != jsontext.KindBeginArray {
		return nil, fmt.Errorf("expected a list of integers, found %s", kindName(v.Kind()))
	}
	d := jsontext.NewDecoder(bytes.NewReader(v))
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	list := []uint64{}
	for d.PeekKind() != jsontext.KindEndArray {
		element, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		n, err := strconv.ParseUint(string(element), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("expected an integer number in the range from 0 to 2^64-1, found %s", excerpt(element))
		}
		list = append(list, n)
	}
	return list, nil
}

func stringOf(v jsontext.Value) (string, error) {
	if v.Kind() != jsontext.KindString {
		return "", fmt.Errorf("expected a string, found %s", kindName(v.Kind()))
	}
	text, err := jsontext.AppendUnquote(nil, v)
	return string(text), err
}

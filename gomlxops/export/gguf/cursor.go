package gguf

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// cursor reads a header from its beginning on. The first error stays; numbers are 0 after it.
type cursor struct {
	r        *bufio.Reader
	at, size int64
	err      error
}

func newCursor(r io.ReaderAt, size int64) *cursor {
	return &cursor{r: bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 1<<16), size: size}
}

// room says whether the rest of the file can hold n things of at least so many bytes each.
func (c *cursor) room(what string, n uint64, each int64) error {
	if c.err != nil {
		return c.err
	}
	if left := uint64(c.size - c.at); n > left/uint64(each) {
		return fmt.Errorf("expected %d %s, found only %d bytes left at byte %d", n, what, left, c.at)
	}
	return nil
}

// bytes reads n bytes, which the caller has seen to be there or are few.
func (c *cursor) bytes(n int64) ([]byte, error) {
	if c.err != nil {
		return nil, c.err
	}
	if n > c.size-c.at {
		c.err = fmt.Errorf("the file is cut off: expected %d bytes at byte %d, found %d", n, c.at, c.size-c.at)
		return nil, c.err
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(c.r, b); err != nil {
		c.err = fmt.Errorf("byte %d: %w", c.at, err)
		return nil, c.err
	}
	c.at += n
	return b, nil
}

func (c *cursor) uint32() uint32 {
	b, err := c.bytes(4)
	if err != nil {
		return 0
	}
	return binary.LittleEndian.Uint32(b)
}

func (c *cursor) uint64() uint64 {
	b, err := c.bytes(8)
	if err != nil {
		return 0
	}
	return binary.LittleEndian.Uint64(b)
}

// string reads a length and as many bytes. most is the longest that is believable, 0 for what the file holds.
func (c *cursor) string(what string, most uint64) string {
	n := c.uint64()
	if most > 0 && n > most && c.err == nil {
		c.err = fmt.Errorf("expected %s of at most %d bytes, found %d at byte %d", what, most, n, c.at)
	}
	if err := c.room("bytes of "+what, n, 1); err != nil {
		c.err = err
		return ""
	}
	b, _ := c.bytes(int64(n))
	return string(b)
}

// value reads a value of kind k.
func (c *cursor) value(k kind, depth int) (any, error) {
	switch k {
	case kindString:
		s := c.string("text", 0)
		return s, c.err
	case kindArray:
		return c.array(depth)
	}
	if _, known := kindBytes[k]; !known {
		return nil, fmt.Errorf("expected a kind of value from 0 to %d, found %d", kindFloat64, k)
	}
	all, err := c.numbers(k, 1)
	if err != nil {
		return nil, err
	}
	return first(all), nil
}

// array reads the kind and the number of values, and the values.
func (c *cursor) array(depth int) (any, error) {
	k, n := kind(c.uint32()), c.uint64()
	if c.err != nil {
		return nil, c.err
	}
	each, known := kindBytes[k]
	if !known {
		return nil, fmt.Errorf("expected a kind of value from 0 to %d, found %d", kindFloat64, k)
	}
	if err := c.room("values", n, each); err != nil {
		return nil, err
	}
	switch k {
	case kindString:
		all := []string{}
		for range n {
			all = append(all, c.string("text", 0))
			if c.err != nil {
				return nil, c.err
			}
		}
		return all, nil
	case kindArray:
		return c.nested(n, depth+1)
	}
	return c.numbers(k, int64(n))
}

func (c *cursor) nested(n uint64, depth int) (any, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("expected arrays nested at most %d deep", maxNesting)
	}
	all := []any{}
	for range n {
		inner, err := c.array(depth)
		if err != nil {
			return nil, err
		}
		all = append(all, inner)
	}
	return all, nil
}

// numbers reads n numbers or truth values, whose bytes are in the file.
func (c *cursor) numbers(k kind, n int64) (any, error) {
	b, err := c.bytes(n * kindBytes[k])
	if err != nil {
		return nil, err
	}
	all := slice(k, n)
	if k == kindBool {
		for i, v := range b {
			if v > 1 {
				return nil, fmt.Errorf("expected a truth value, 0 or 1, found %d", v)
			}
			all.([]bool)[i] = v == 1
		}
		return all, nil
	}
	return all, binary.Read(bytes.NewReader(b), binary.LittleEndian, all)
}

// slice makes one of a kind.
func slice(k kind, n int64) any {
	switch k {
	case kindUint8:
		return make([]uint8, n)
	case kindInt8:
		return make([]int8, n)
	case kindUint16:
		return make([]uint16, n)
	case kindInt16:
		return make([]int16, n)
	case kindUint32:
		return make([]uint32, n)
	case kindInt32:
		return make([]int32, n)
	case kindFloat32:
		return make([]float32, n)
	case kindBool:
		return make([]bool, n)
	case kindUint64:
		return make([]uint64, n)
	case kindInt64:
		return make([]int64, n)
	}
	return make([]float64, n)
}

// first is the only value of a slice.
func first(all any) any {
	switch v := all.(type) {
	case []uint8:
		return v[0]
	case []int8:
		return v[0]
	case []uint16:
		return v[0]
	case []int16:
		return v[0]
	case []uint32:
		return v[0]
	case []int32:
		return v[0]
	case []float32:
		return v[0]
	case []bool:
		return v[0]
	case []uint64:
		return v[0]
	case []int64:
		return v[0]
	}
	return all.([]float64)[0]
}

package gguf

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/parelab/pare/internal/durable"
)

// Tensor is one to be written.
type Tensor struct {
	Info
	// Values fills dst with the numbers, row-major; called once, when the tensor's turn comes.
	Values func(dst []float32) error
}

// Write makes a file of metadata and tensors, in their order, with one tensor in memory at a time. The file appears when all of it is on disk;
// on an error, and when ctx ends, what was at path before is still there. written, where it is not nil, is called after each tensor.
func Write(ctx context.Context, path string, metadata Metadata, tensors []Tensor, written func()) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("cannot write %s: %w", path, err)
		}
	}()
	header, err := header(metadata, tensors)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return durable.Write(path, func(w io.Writer) error { return writeAll(ctx, w, header, tensors, written) })
}

func writeAll(ctx context.Context, w io.Writer, header []byte, tensors []Tensor, written func()) error {
	if _, err := w.Write(header); err != nil {
		return err
	}
	for _, t := range tensors {
		if err := ctx.Err(); err != nil {
			return err
		}
		values := make([]float32, t.Elements())
		if err := t.Values(values); err != nil {
			return fmt.Errorf("tensor %s: %w", t.Name, err)
		}
		size := t.bytes()
		data, err := encode(make([]byte, 0, aligned(size, defaultAlignment)), t.Type, values)
		if err != nil {
			return fmt.Errorf("tensor %s: %w", t.Name, err)
		}
		if _, err := w.Write(data[:aligned(size, defaultAlignment)]); err != nil {
			return err
		}
		if written != nil {
			written()
		}
	}
	return nil
}

// header is everything before the data, padded.
func header(metadata Metadata, tensors []Tensor) ([]byte, error) {
	b := []byte(magic)
	b = binary.LittleEndian.AppendUint32(b, version)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(tensors)))
	b = binary.LittleEndian.AppendUint64(b, uint64(len(metadata)))
	seen := map[string]bool{}
	for _, p := range metadata {
		if seen[p.Key] || p.Key == "" || p.Key == alignmentKey {
			return nil, fmt.Errorf("metadata %q is empty, reserved or there twice", p.Key)
		}
		seen[p.Key] = true
		k, err := kindOf(p.Value)
		if err != nil {
			return nil, fmt.Errorf("metadata %s: %w", p.Key, err)
		}
		b = binary.LittleEndian.AppendUint32(appendString(b, p.Key), uint32(k))
		if b, err = appendValue(b, p.Value); err != nil {
			return nil, fmt.Errorf("metadata %s: %w", p.Key, err)
		}
	}
	offset, names := int64(0), map[string]bool{}
	for _, t := range tensors {
		if names[t.Name] || t.Name == "" || len(t.Shape) == 0 || len(t.Shape) > maxDimensions || !t.Type.Fits(t.Shape[len(t.Shape)-1]) {
			return nil, fmt.Errorf("tensor %q of shape %v cannot be written as %s, or is there twice", t.Name, t.Shape, t.Type)
		}
		names[t.Name] = true
		b = binary.LittleEndian.AppendUint32(appendString(b, t.Name), uint32(len(t.Shape)))
		for i := range t.Shape {
			b = binary.LittleEndian.AppendUint64(b, uint64(t.Shape[len(t.Shape)-1-i]))
		}
		b = binary.LittleEndian.AppendUint32(b, uint32(t.Type))
		b = binary.LittleEndian.AppendUint64(b, uint64(offset))
		offset += aligned(t.bytes(), defaultAlignment)
	}
	return append(b, make([]byte, aligned(int64(len(b)), defaultAlignment)-int64(len(b)))...), nil
}

func appendString(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint64(b, uint64(len(s))), s...)
}

// kindOf is the kind of a value.
func kindOf(value any) (kind, error) {
	switch value.(type) {
	case uint8:
		return kindUint8, nil
	case int8:
		return kindInt8, nil
	case uint16:
		return kindUint16, nil
	case int16:
		return kindInt16, nil
	case uint32:
		return kindUint32, nil
	case int32:
		return kindInt32, nil
	case float32:
		return kindFloat32, nil
	case bool:
		return kindBool, nil
	case string:
		return kindString, nil
	case uint64:
		return kindUint64, nil
	case int64:
		return kindInt64, nil
	case float64:
		return kindFloat64, nil
	case []uint8, []int8, []uint16, []int16, []uint32, []int32, []float32, []bool, []string, []uint64, []int64, []float64, []any:
		return kindArray, nil
	}
	return 0, fmt.Errorf("a value of type %T, which the format has not", value)
}

func appendValue(b []byte, value any) ([]byte, error) {
	switch v := value.(type) {
	case string:
		return appendString(b, v), nil
	case float32:
		return binary.LittleEndian.AppendUint32(b, math.Float32bits(v)), nil
	case uint8, int8, uint16, int16, uint32, int32, bool, uint64, int64, float64:
		var w bytes.Buffer
		err := binary.Write(&w, binary.LittleEndian, v)
		return append(b, w.Bytes()...), err
	case []string:
		b = appendArray(b, kindString, len(v))
		for _, s := range v {
			b = appendString(b, s)
		}
		return b, nil
	case []any:
		return appendNested(b, v)
	}
	return appendNumbers(b, value)
}

func appendArray(b []byte, k kind, n int) []byte {
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint32(b, uint32(k)), uint64(n))
}

// appendNumbers appends a slice of numbers or truth values.
func appendNumbers(b []byte, value any) ([]byte, error) {
	k, n := kind(0), 0
	switch v := value.(type) {
	case []uint8:
		k, n = kindUint8, len(v)
	case []int8:
		k, n = kindInt8, len(v)
	case []uint16:
		k, n = kindUint16, len(v)
	case []int16:
		k, n = kindInt16, len(v)
	case []uint32:
		k, n = kindUint32, len(v)
	case []int32:
		k, n = kindInt32, len(v)
	case []float32:
		k, n = kindFloat32, len(v)
	case []bool:
		k, n = kindBool, len(v)
	case []uint64:
		k, n = kindUint64, len(v)
	case []int64:
		k, n = kindInt64, len(v)
	case []float64:
		k, n = kindFloat64, len(v)
	default:
		return nil, fmt.Errorf("a value of type %T, which the format has not", value)
	}
	var w bytes.Buffer
	err := binary.Write(&w, binary.LittleEndian, value)
	return append(appendArray(b, k, n), w.Bytes()...), err
}

// appendNested appends an array of arrays.
func appendNested(b []byte, v []any) ([]byte, error) {
	b = appendArray(b, kindArray, len(v))
	for _, inner := range v {
		if k, err := kindOf(inner); err != nil || k != kindArray {
			return nil, fmt.Errorf("expected arrays in an array of them, found %T", inner)
		}
		var err error
		if b, err = appendValue(b, inner); err != nil {
			return nil, err
		}
	}
	return b, nil
}

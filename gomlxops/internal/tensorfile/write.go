package tensorfile

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"

	"github.com/parelab/pare/internal/durable"
)

// Write saves tensors, in the order given, and metadata to path. The file appears whole or not at all; one that was there
// before stays until then.
//
// Two tensors of one name, data that does not fill its shape, and a failing disk are errors that name path.
func Write(path string, tensors []Tensor, metadata map[string]string) error {
	header, err := encodeHeader(tensors, metadata)
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	if err := durable.Write(path, func(w io.Writer) error { return writeAll(w, header, tensors) }); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}

func encodeHeader(tensors []Tensor, metadata map[string]string) ([]byte, error) {
	for _, t := range tensors {
		if err := t.check(); err != nil {
			return nil, err
		}
	}
	return encodeShapes(tensors, metadata)
}

// encodeShapes is encodeHeader for tensors whose data need not be there yet.
func encodeShapes(tensors []Tensor, metadata map[string]string) ([]byte, error) {
	head := make(map[string]any, len(tensors)+1)
	if len(metadata) > 0 {
		head[metadataKey] = metadata
	}
	offset := int64(0)
	for _, t := range tensors {
		dtype, n, err := t.describe()
		if err != nil {
			return nil, err
		}
		if _, twice := head[t.Name]; twice || t.Name == metadataKey || t.Name == "" {
			return nil, fmt.Errorf("tensor name %q is empty, reserved or used twice", t.Name)
		}
		end := offset + n*elementSize(dtype)
		head[t.Name] = entry{dtype, append([]int{}, t.Shape...), [2]int64{offset, end}}
		offset = end
	}
	data, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	for len(data)%8 != 0 { // so that the arrays start aligned
		data = append(data, ' ')
	}
	return data, nil
}

func writeAll(w io.Writer, header []byte, tensors []Tensor) error {
	if err := binary.Write(w, binary.LittleEndian, uint64(len(header))); err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	for _, t := range tensors {
		if err := writeData(w, t.Data); err != nil {
			return err
		}
	}
	return nil
}

// writeData encodes data in pieces, so that a large array is never held twice.
func writeData(w io.Writer, data any) error {
	switch data := data.(type) {
	case []float64:
		return inPieces(w, data, 8, func(p []byte, v float64) { binary.LittleEndian.PutUint64(p, math.Float64bits(v)) })
	case []float32:
		return inPieces(w, data, 4, func(p []byte, v float32) { binary.LittleEndian.PutUint32(p, math.Float32bits(v)) })
	case []int64:
		return inPieces(w, data, 8, func(p []byte, v int64) { binary.LittleEndian.PutUint64(p, uint64(v)) })
	}
	panic(fmt.Sprintf("tensorfile: %T was not refused by describe", data))
}

func inPieces[T any](w io.Writer, data []T, size int, put func([]byte, T)) error {
	const piece = 1 << 13
	buffer := make([]byte, min(piece, len(data))*size)
	for len(data) > 0 {
		n := min(piece, len(data))
		for i, v := range data[:n] {
			put(buffer[i*size:], v)
		}
		if _, err := w.Write(buffer[:n*size]); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

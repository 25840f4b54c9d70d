package transformer

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"os"
)

// output is one tensor to be written.
type output struct {
	name  string
	dtype string
	shape []int
	// values returns the numbers as bytes of the dtype; called once, when the tensor's turn comes.
	values func() ([]byte, error)
}

func (o output) bytes() int64 {
	return int64(Part{Shape: o.shape}.Elements()) * int64(dtypeSizes[o.dtype])
}

// writeBuffer is what is handed to the system at once; at less, calls cost more than copying.
const writeBuffer = 1 << 20

// writeSafetensors writes a new file of tensors, in the order given, and has the system put it on disk.
func writeSafetensors(ctx context.Context, path string, tensors []output, written func()) (err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	header, err := header(tensors)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(file, writeBuffer)
	if _, err := w.Write(header); err != nil {
		return err
	}
	for _, t := range tensors {
		if err := ctx.Err(); err != nil {
			return err
		}
		data, err := t.values()
		if err != nil {
			return fmt.Errorf("tensor %s: %w", t.name, err)
		}
		if int64(len(data)) != t.bytes() {
			return fmt.Errorf("tensor %s: expected %d bytes for shape %v, found %d", t.name, t.bytes(), t.shape, len(data))
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
		written()
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return file.Sync()
}

// header returns the length and the JSON of a file's header, padded with spaces so that the data begins at a multiple of 8.
func header(tensors []output) ([]byte, error) {
	var text bytes.Buffer
	text.Write(make([]byte, 8))
	text.WriteString(`{"__metadata__":{"format":"pt"}`)
	at := int64(0)
	for _, t := range tensors {
		name, err := jsontext.AppendQuote(nil, t.name)
		if err != nil {
			return nil, fmt.Errorf("tensor name %q: %w", t.name, err)
		}
		fmt.Fprintf(&text, `,%s:{"dtype":"%s","shape":%s,"data_offsets":[%d,%d]}`, name, t.dtype, mustJSON(t.shape), at, at+t.bytes())
		at += t.bytes()
	}
	text.WriteByte('}')
	for text.Len()%8 != 0 {
		text.WriteByte(' ')
	}
	binary.LittleEndian.PutUint64(text.Bytes(), uint64(text.Len()-8))
	return text.Bytes(), nil
}

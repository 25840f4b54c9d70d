package transformer

import (
	"bytes"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// member is one name and value of a JSON object, in file order.
type member struct {
	name  string
	value jsontext.Value
}

// mostJSON bounds a configuration or an index: that of the largest models has some 10 MB.
const mostJSON = 256 << 20

// readJSON reads a file of JSON that may come from anywhere: one that never ends, such as a device, or that waits for somebody to write is refused.
func readJSON(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: expected a file, found a directory or device", path)
	case info.Size() > mostJSON:
		return nil, fmt.Errorf("%s: expected at most %d bytes, found %d", path, mostJSON, info.Size())
	}
	return os.ReadFile(path)
}

// readObject splits a JSON object into its members. Anything else is an error, also a name that occurs twice, invalid UTF-8,
// nesting deeper than 10000, and text after the object. what names the thing in errors: "the header".
func readObject(data []byte, what string) ([]member, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, fmt.Errorf("expected %s to be a JSON object, found it empty", what)
	}
	d := jsontext.NewDecoder(bytes.NewReader(data))
	if kind := d.PeekKind(); kind != jsontext.KindBeginObject && kind != jsontext.KindInvalid {
		return nil, fmt.Errorf("expected %s to be a JSON object, found %s", what, kindName(kind))
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, jsonError(what, err)
	}
	var members []member
	for d.PeekKind() != jsontext.KindEndObject {
		name, err := d.ReadToken()
		if err != nil {
			return nil, jsonError(what, err)
		}
		key := name.String()
		value, err := d.ReadValue()
		if err != nil {
			return nil, jsonError(what, err)
		}
		members = append(members, member{key, value.Clone()})
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, jsonError(what, err)
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("expected %s to end with its JSON object, found more text after it", what)
	}
	return members, nil
}

func jsonError(what string, err error) error {
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return fmt.Errorf("%s names something twice (duplicate JSON name): %w", what, err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%s is cut off: unexpected end of JSON", what)
	}
	return fmt.Errorf("%s is not valid JSON: %w", what, err)
}

// kindName says in words which kind of JSON value it is.
func kindName(k jsontext.Kind) string {
	switch k {
	case jsontext.KindNull:
		return "null"
	case jsontext.KindTrue, jsontext.KindFalse:
		return "a boolean"
	case jsontext.KindString:
		return "a string"
	case jsontext.KindNumber:
		return "a number"
	case jsontext.KindBeginObject:
		return "an object"
	case jsontext.KindBeginArray:
		return "an array"
	}
	return "something that is not JSON"
}

// excerpt returns a value as text for an error, on one line and cut to a readable length.
func excerpt(v jsontext.Value) string {
	const most = 60
	text := strings.Join(strings.Fields(string(v[:min(len(v), 10*most)])), " ")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

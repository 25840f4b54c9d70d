package records

import (
	"bytes"
	"compress/gzip"
	json "encoding/json/v2"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// byteOrderMark begins some UTF-8 files; it is not text.
var byteOrderMark = []byte("\uFEFF")

func readJSON(path string) ([]Row, error) {
	data, err := contents(path)
	if err != nil {
		return nil, err
	}
	data = bytes.TrimPrefix(data, byteOrderMark)
	if list := bytes.TrimSpace(data); len(list) > 0 && list[0] == '[' {
		return readList(path, list)
	}
	var rows []Row
	number := 0
	for line := range bytes.Lines(data) {
		number++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		where := fmt.Sprintf("%s: line %d", path, number)
		var object map[string]any
		if err := unmarshal(line, &object); err != nil {
			return nil, fmt.Errorf("line %d: expected a JSON object: %w", number, err)
		}
		rows = append(rows, Row{where, flatten(object)})
	}
	return rows, nil
}

// mostBytes bounds what a compressed file is unpacked to: a small one may hold any amount.
const mostBytes = 8 << 30

// contents reads a file, unpacked where its name ends in .gz.
func contents(path string) ([]byte, error) {
	if !strings.HasSuffix(strings.ToLower(path), ".gz") {
		return os.ReadFile(path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	unpacked, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("not a readable gzip file: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(unpacked, mostBytes+1))
	if err != nil {
		return nil, fmt.Errorf("not a readable gzip file: %w; fetch it again", err)
	}
	if len(data) > mostBytes {
		return nil, fmt.Errorf("expected at most %d bytes unpacked, found more; cut it into several files", int64(mostBytes))
	}
	return data, nil
}

// readList reads a file that is one list of objects.
func readList(path string, data []byte) ([]Row, error) {
	var objects []map[string]any
	if err := unmarshal(data, &objects); err != nil {
		return nil, fmt.Errorf("expected a list of JSON objects: %w", err)
	}
	rows := make([]Row, len(objects))
	for i, object := range objects {
		rows[i] = Row{fmt.Sprintf("%s: row %d", path, i+1), flatten(object)}
	}
	return rows, nil
}

func unmarshal(data []byte, to any) error {
	if !utf8.Valid(data) {
		return fmt.Errorf("it is not UTF-8")
	}
	return json.Unmarshal(data, to)
}

// flatten gives all values inside an object names of their own.
func flatten(object map[string]any) map[string]any {
	values := make(map[string]any, len(object))
	put(values, "", object)
	return values
}

// put puts a value, or what is inside it, under a name.
func put(values map[string]any, name string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			if name != "" {
				key = name + "." + key
			}
			put(values, key, inner)
		}
	case []any:
		if len(v) == 0 || !anyObject(v) {
			values[name] = v
			return
		}
		for i, element := range v {
			object, _ := element.(map[string]any)
			for key, inner := range flatten(object) {
				column, _ := values[name+"."+key].([]any)
				for len(column) < len(v) { // an object that lacks the field has null
					column = append(column, nil)
				}
				column[i] = inner
				values[name+"."+key] = column
			}
		}
	default:
		values[name] = v
	}
}

func anyObject(list []any) bool {
	for _, v := range list {
		if _, ok := v.(map[string]any); ok {
			return true
		}
	}
	return false
}

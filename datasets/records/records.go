// Package records reads rows of data sets as they are distributed: JSON, JSON lines, and Parquet in a program that has
//
//	import _ "github.com/parelab/pare/datasets/records/parquet"
//
// A first call:
//
//	rows, err := records.Read("validation-00000-of-00001.parquet")
//	question, err := rows[0].Text("question.stem")
//	choices, err := rows[0].Texts("choices.text")
//
// # One form for all
//
// A row is its values by name. A value inside another has the names of both with a dot between them; of a list of objects each
// field is a list. So {"choices": [{"text": "a"}, {"text": "b"}]} in JSON and a Parquet column choices.list.element.text are both "choices.text", a
// list of two texts.
//
// # Files that cannot be trusted
//
// Files may come from anywhere. Whatever is wrong with one is an error that names the file, the row, the field, what was expected and
// what was found. Lists inside of lists are passed over.
package records

import (
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
)

// Row is one row. Its methods return an error that names file, row and field where a value is missing or of another kind.
type Row struct {
	Where  string         // "FILE: line 7" or "FILE: row 7", counted from 1
	Values map[string]any // nil, bool, int64, float64, string, or []any of these
}

// Read reads the rows of a file that ends in .jsonl, .json or .parquet, the first two with .gz behind it where they are compressed. A .json file is
// one list of objects or, as many are, lines of them. For Parquet the program must import the package of that name, too.
func Read(path string) ([]Row, error) {
	ext, _ := endingOf(path)
	read := readers[ext]
	if read == nil {
		return nil, fmt.Errorf("records: %s: %w", path, unread(ext))
	}
	rows, err := read(path)
	if err != nil {
		return nil, fmt.Errorf("records: %s: %w", path, err)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("records: %s: expected rows, found none", path)
	}
	return rows, nil
}

// endings are those that IsData knows, in words.
const endings = ".parquet, .jsonl, .json, .jsonl.gz or .json.gz"

// endingOf returns how the name of a file ends, in lower case and without .gz behind .json and .jsonl, and whether data sets' files end so.
func endingOf(name string) (ext string, known bool) {
	name = strings.ToLower(name)
	ext = filepath.Ext(name)
	if plain := strings.TrimSuffix(name, ".gz"); ext == ".gz" && strings.HasPrefix(filepath.Ext(plain), ".json") {
		ext = filepath.Ext(plain)
	}
	return ext, ext == ".json" || ext == ".jsonl" || ext == ".parquet"
}

// readers read files by how their names end.
var readers = map[string]func(path string) ([]Row, error){".json": readJSON, ".jsonl": readJSON}

// Register has Read read files whose names end in ext. It is called while a program starts.
func Register(ext string, read func(path string) ([]Row, error)) { readers[ext] = read }

// unread says what to do about a file that nothing reads.
func unread(ext string) error {
	if ext == ".parquet" {
		return fmt.Errorf("this program was built without Parquet: add the line import _ %q, to a notebook's cell too, or convert the file to JSON lines",
			"github.com/parelab/pare/datasets/records/parquet")
	}
	return fmt.Errorf("expected a file that ends in %s, found %q", endings, ext)
}

// New makes a row of values by name, which are bool, int64, float64, string, or []any of these.
func New(where string, values map[string]any) Row { return Row{where, values} }

// With returns the row with more values, in place of those of the same names.
func (r Row) With(values map[string]any) Row {
	all := maps.Clone(r.Values)
	maps.Copy(all, values)
	return Row{r.Where, all}
}

// Error says that a field is not what was expected.
func (r Row) Error(field, want string) error { return r.unexpected(field, want) }

// Has says whether the row has a value of that name that is not null.
func (r Row) Has(field string) bool { return r.Values[field] != nil }

// Fields lists the names of the row's values.
func (r Row) Fields() []string { return slices.Sorted(maps.Keys(r.Values)) }

// Text returns a text.
func (r Row) Text(field string) (string, error) {
	text, ok := r.Values[field].(string)
	if !ok {
		return "", r.unexpected(field, "a text")
	}
	return text, nil
}

// Texts returns a list of texts.
func (r Row) Texts(field string) ([]string, error) {
	list, ok := r.Values[field].([]any)
	if !ok {
		return nil, r.unexpected(field, "a list of texts")
	}
	texts := make([]string, len(list))
	for i, v := range list {
		if texts[i], ok = v.(string); !ok {
			return nil, fmt.Errorf("%s: field %s: expected a list of texts, found %s at %d", r.Where, field, describe(v), i)
		}
	}
	return texts, nil
}

// Int returns a whole number.
func (r Row) Int(field string) (int, error) {
	switch n := r.Values[field].(type) {
	case int64:
		return int(n), nil
	case float64:
		if n == math.Trunc(n) && math.Abs(n) < 1<<53 {
			return int(n), nil
		}
	}
	return 0, r.unexpected(field, "a whole number")
}

// Bool returns a truth value.
func (r Row) Bool(field string) (bool, error) {
	b, ok := r.Values[field].(bool)
	if !ok {
		return false, r.unexpected(field, "true or false")
	}
	return b, nil
}

func (r Row) unexpected(field, want string) error {
	v, there := r.Values[field]
	if there {
		return fmt.Errorf("%s: field %s: expected %s, found %s", r.Where, field, want, describe(v))
	}
	return fmt.Errorf("%s: expected a field %s with %s, found the fields %s", r.Where, field, want, strings.Join(r.Fields(), ", "))
}

// describe says what a value is.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return fmt.Sprintf("the text %.40q", v)
	case []any:
		return fmt.Sprintf("a list of %d", len(v))
	case map[string]any:
		return "an object"
	}
	return fmt.Sprint(v)
}

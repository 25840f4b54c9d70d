package parquet

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/parelab/pare/datasets/records"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// arc is a row as Parquet files of the hub have it: a group of two lists, and single values.
type arc struct {
	ID      string  `parquet:"id"`
	Choices choices `parquet:"choices"`
	Label   int64   `parquet:"label"`
	Yes     bool    `parquet:"yes"`
	Score   *float64
}

type choices struct {
	Text  []string `parquet:"text,list"`
	Label []string `parquet:"label,list"`
}

// writeParquet writes rows in groups of two.
func writeParquet[T any](t *testing.T, rows []T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rows.parquet")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := parquet.NewGenericWriter[T](f, parquet.Compression(&parquet.Snappy), parquet.MaxRowsPerRowGroup(2))
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestSameRows has the same rows in all forms, and expects the same values of each.
func TestSameRows(t *testing.T) {
	half := 0.5
	parquetPath := writeParquet(t, []arc{
		{"a", choices{[]string{"x", "y\n"}, []string{"A", "B"}}, 3, true, &half},
		{"ü", choices{[]string{}, []string{}}, -1, false, nil},
		{"c", choices{[]string{"", "", "z"}, []string{"1", "2", "3"}}, 0, false, nil},
	})
	lines := `{"id": "a", "choices": [{"text": "x", "label": "A"}, {"text": "y\n", "label": "B"}], "label": 3, "yes": true, "Score": 0.5}

{"id": "ü", "choices": {"text": [], "label": []}, "label": -1, "yes": false, "Score": null}` + "\r\n" +
		`{"id": "c", "choices": {"text": ["", "", "z"], "label": ["1", "2", "3"]}, "label": 0, "yes": false, "Score": null}`
	var objects []string
	for line := range strings.Lines(lines) {
		if line = strings.TrimSpace(line); line != "" {
			objects = append(objects, line)
		}
	}
	list := "[" + strings.Join(objects, ", ") + "]"
	for _, path := range []string{parquetPath, write(t, "rows.jsonl", "\uFEFF"+lines), write(t, "rows.json", lines), write(t, "rows.json", list)} {
		rows, err := records.Read(path)
		if err != nil || len(rows) != 3 {
			t.Fatalf("%s: %d rows, %v", path, len(rows), err)
		}
		ids, texts, labels, yes := "", [][]string{}, []int{}, []bool{}
		for _, r := range rows {
			id, err1 := r.Text("id")
			text, err2 := r.Texts("choices.text")
			label, err3 := r.Int("label")
			y, err4 := r.Bool("yes")
			if err1 != nil || err2 != nil || err3 != nil || err4 != nil {
				t.Fatal(path, err1, err2, err3, err4)
			}
			ids, texts, labels, yes = ids+id, append(texts, text), append(labels, label), append(yes, y)
		}
		if ids != "aüc" || !reflect.DeepEqual(texts, [][]string{{"x", "y\n"}, {}, {"", "", "z"}}) || !reflect.DeepEqual(labels, []int{3, -1, 0}) || !reflect.DeepEqual(yes, []bool{true, false, false}) {
			t.Errorf("%s: %s %q %v %v", path, ids, texts, labels, yes)
		}
		if got := fmt.Sprint(rows[2].Fields()); got != "[Score choices.label choices.text id label yes]" || rows[2].Has("Score") || !rows[0].Has("Score") {
			t.Errorf("%s: fields %s", path, got)
		}
		if !strings.HasPrefix(rows[2].Where, path+": ") || !strings.HasSuffix(rows[2].Where, "3") && !strings.HasSuffix(rows[2].Where, "line 4") {
			t.Errorf("%s: the last row is %s", path, rows[2].Where)
		}
	}
}

// TestParquetLists is about the ways in which Parquet files have lists: with optional elements under another name, as a repeated
// column, of objects, and inside of lists.
func TestParquetLists(t *testing.T) {
	element := parquet.Optional(parquet.String())
	schema := parquet.NewSchema("rows", parquet.Group{
		"old":  parquet.Optional(parquet.Group{"bag": parquet.Repeated(parquet.Group{"item": element})}),
		"flat": parquet.Repeated(parquet.String()),
		"objects": parquet.Optional(parquet.Group{"list": parquet.Repeated(parquet.Group{"element": parquet.Optional(parquet.Group{
			"text": element, "score": parquet.Optional(parquet.Leaf(parquet.DoubleType)),
		})})}),
		"deep": parquet.Group{"list": parquet.Repeated(parquet.Group{"element": parquet.Group{"list": parquet.Repeated(parquet.Group{"element": element})}})},
	})
	path := filepath.Join(t.TempDir(), "lists.parquet")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := parquet.NewGenericWriter[any](f, schema)
	texts := func(s ...any) []any { return s }
	for _, row := range []map[string]any{
		{"old": map[string]any{"bag": texts(map[string]any{"item": "a"}, map[string]any{"item": nil}, map[string]any{"item": "b"})},
			"flat":    texts("p", "q"),
			"objects": map[string]any{"list": texts(map[string]any{"element": map[string]any{"text": "x", "score": 1.5}}, map[string]any{"element": map[string]any{"text": "y"}})}},
		{},
	} {
		if _, err := w.Write([]any{row}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	rows, err := records.Read(path)
	if err != nil || len(rows) != 2 {
		t.Fatal(rows, err)
	}
	want := map[string]any{"old": []any{"a", nil, "b"}, "flat": []any{"p", "q"}, "objects.text": []any{"x", "y"}, "objects.score": []any{1.5, nil}}
	if !reflect.DeepEqual(rows[0].Values, want) {
		t.Errorf("found %#v, expected %#v", rows[0].Values, want)
	}
	for field := range want {
		if got := rows[1].Values[field]; !reflect.DeepEqual(got, []any{}) {
			t.Errorf("%s of the empty row: %#v, expected an empty list", field, got)
		}
	}
	if _, err := rows[0].Texts("old"); err == nil || !strings.Contains(err.Error(), "found null at 1") {
		t.Errorf("a list with a null: %v", err)
	}
}

func TestReadRefuses(t *testing.T) {
	good, err := os.ReadFile(writeParquet(t, []arc{{ID: "a"}}))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, text, want string }{
		{"x.csv", "a,b", `found ".csv"`},
		{"x.jsonl", "", "found none"},
		{"x.jsonl", "{}\n{\"a\": }", "line 2: expected a JSON object"},
		{"x.jsonl", "{}\n3", "line 2: expected a JSON object"},
		{"x.jsonl", "{\"a\": 1, \"a\": 2}", "line 1"},
		{"x.jsonl", "{\"a\": \"\xff\"}", "not UTF-8"},
		{"x.json", "[1]", "list of JSON objects"},
		{"x.json", "[{}", "list of JSON objects"},
		{"x.parquet", "PAR1", "not a readable Parquet file"},
		{"x.parquet", string(good[:len(good)/2]), "not a readable Parquet file"},
		{"x.parquet", string(good[4:]), ""},
		{"x.parquet", "", "not a readable Parquet file"},
	} {
		path := write(t, c.name, c.text)
		if _, err := records.Read(path); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s %.20q: error %v, want %q", c.name, c.text, err, c.want)
		}
	}
	r := records.New("f: row 1", map[string]any{"n": 1.5, "t": "x", "l": []any{"a", int64(3)}})
	for want, err := range map[string]error{
		"f: row 1: field n: expected a whole number, found 1.5":                     second(r.Int("n")),
		`f: row 1: field t: expected a whole number, found the text "x"`:            second(r.Int("t")),
		"f: row 1: expected a field u with true or false, found the fields l, n, t": second(r.Bool("u")),
		"f: row 1: field l: expected a text, found a list of 2":                     second(r.Text("l")),
		"f: row 1: field l: expected a list of texts, found 3 at 1":                 second(r.Texts("l")),
	} {
		if err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// FuzzParquet damages a file in one place.
func FuzzParquet(f *testing.F) {
	dir := f.TempDir()
	good := parquetBytes(f)
	for at := 0; at < len(good); at += 13 {
		f.Add(at, byte(0xff))
	}
	f.Fuzz(func(t *testing.T, at int, mask byte) {
		if at < 0 || at >= len(good) {
			return
		}
		bad := append([]byte(nil), good...)
		bad[at] ^= mask
		path := filepath.Join(dir, "bad.parquet")
		if err := os.WriteFile(path, bad, 0o644); err != nil {
			t.Fatal(err)
		}
		_, _ = records.Read(path) // may be an error, must not panic or take all memory
	})
}

func parquetBytes(f *testing.F) []byte {
	path := filepath.Join(f.TempDir(), "good.parquet")
	if err := parquet.WriteFile(path, []arc{{ID: "a", Choices: choices{Text: []string{"x", "y"}}}, {ID: "b"}}); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	return good
}

package datasets

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	_ "github.com/parelab/pare/datasets/records/parquet"
)

// line is a row of WikiText, as it lies on the hub.
type line struct {
	Text string `parquet:"text"`
}

func putLines(t *testing.T, path string, texts ...string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	var rows []line
	for _, text := range texts {
		rows = append(rows, line{text})
	}
	if err := parquet.WriteFile(path, rows); err != nil {
		t.Fatal(err)
	}
	return path
}

func zipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.String()
}

// TestReadRows reads the same texts from every kind of file. Empty rows are rows.
func TestReadRows(t *testing.T) {
	dir := t.TempDir()
	rows := `{"text": ""}` + "\n" + `{"text": " = Boats = \n", "id": 1}` + "\n" + `{"text": "red ones"}` + "\n"
	want, checked := "\n\n = Boats = \n\n\nred ones", 0
	for _, path := range []string{
		putLines(t, filepath.Join(dir, "a.parquet"), "", " = Boats = \n", "red ones"),
		put(t, filepath.Join(dir, "b.jsonl"), rows),
		put(t, filepath.Join(dir, "c.json"), `[`+strings.TrimSuffix(strings.ReplaceAll(rows, "}\n", "},"), ",")+`]`),
		put(t, filepath.Join(dir, "d.json.gz"), zipped(rows)),
		put(t, filepath.Join(dir, "e.JSONL.GZ"), zipped(rows)),
		put(t, filepath.Join(dir, "f.jsonl"), strings.ReplaceAll(rows, `"text"`, `"sentence"`)),
		put(t, filepath.Join(dir, "g.jsonl"), strings.ReplaceAll(rows, `"text"`, `"content"`)),
	} {
		c, err := Open(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if checked++; len(c.Documents) != 1 || c.Documents[0].Text != want || len(c.Digest) != 64 {
			t.Errorf("%s: read %+v, expected %q", path, c, want)
		}
	}
	if checked != 7 {
		t.Errorf("read %d of 7 files", checked)
	}
}

// TestBadRows has rows that are refused, by name of file, row and field.
func TestBadRows(t *testing.T) {
	dir := t.TempDir()
	cut := zipped(strings.Repeat(`{"text": "a"}`+"\n", 1000))
	for path, want := range map[string]string{
		put(t, filepath.Join(dir, "a.jsonl"), `{"text": "a"}`+"\n"+`{"text": 7}`):    "a.jsonl: line 2: field text: expected a text, found 7",
		put(t, filepath.Join(dir, "b.jsonl"), `{"text": "a"}`+"\n"+`{"text": null}`): "b.jsonl: line 2: field text: expected a text, found null",
		put(t, filepath.Join(dir, "c.jsonl"), `{"question": "a"}`):                   "c.jsonl: line 1: expected a field text with a text, found the fields question",
		put(t, filepath.Join(dir, "d.jsonl"), `{"text": " "}`+"\n"+`{"text": ""}`):   "expected text, found 3 bytes of white space",
		put(t, filepath.Join(dir, "e.json.gz"), "no"):                                "e.json.gz: not a readable gzip file",
		put(t, filepath.Join(dir, "f.json.gz"), cut[:len(cut)-10]):                   "f.json.gz: not a readable gzip file",
		put(t, filepath.Join(dir, "g.parquet"), "PAR1"):                              "g.parquet: not a readable Parquet file",
		put(t, filepath.Join(dir, "h.jsonl"), "\n"):                                  "h.jsonl: expected rows, found none",
		put(t, filepath.Join(dir, "a.txt"), "text") + ":train":                       "is a file and has no part",
		filepath.Join(dir, "absent.parquet"):                                         "absent.parquet",
	} {
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, expected one with %q", path, err, want)
		}
	}
}

// inCache puts files of a data set where huggingface_hub keeps them.
func inCache(t *testing.T, repo string, files map[string][]string) {
	t.Helper()
	cache := t.TempDir()
	t.Setenv("HF_HUB_CACHE", cache)
	root := filepath.Join(cache, "datasets--"+strings.ReplaceAll(repo, "/", "--"))
	commit := strings.Repeat("0123456789", 4)
	for name, texts := range files {
		putLines(t, filepath.Join(root, "snapshots", commit, name), texts...)
	}
	if err := os.MkdirAll(filepath.Join(root, "refs"), 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(root, "refs", "main"), commit)
}

// TestOpenByName reads a data set of the hub's cache as WikiText lies there: two configurations, each in three splits.
func TestOpenByName(t *testing.T) {
	files := map[string][]string{}
	for _, config := range []string{"small", "large"} {
		for _, split := range []string{"test", "train", "validation"} {
			files[config+"/"+split+"-00000-of-00001.parquet"] = []string{config + " " + split}
		}
	}
	inCache(t, "org/wiki", files)
	for name, want := range map[string]string{
		"org/wiki:small": "small train", "org/wiki:large/test*": "large test", "org/wiki@main:large/validation-00000-of-00001.parquet": "large validation",
	} {
		c, err := Open(name)
		if err != nil || len(c.Documents) != 1 || c.Documents[0].Text != want || c.Name != name {
			t.Errorf("%s: read %+v, %v, expected %q", name, c, err, want)
		}
	}
	splits, err := Splits("org/wiki:small")
	if err != nil || len(splits) != 3 {
		t.Fatalf("splits %v, %v, expected three", splits, err)
	}
	for _, split := range []string{"test", "train", "validation"} {
		c, err := OpenSplit("org/wiki:small", split)
		if err != nil || c.Documents[0].Text != "small "+split {
			t.Errorf("split %s: read %+v, %v", split, c, err)
		}
	}
	if _, err := OpenSplit("org/wiki:small/test*", "train"); err == nil || !strings.Contains(err.Error(), `split "train", found none`) {
		t.Errorf("a split that the part leaves out: %v", err)
	}
	for name, want := range map[string]string{
		"org/wiki": `found them in ["large" "small"]`, "org/wiki:tiny": `files of the part "tiny"`, "org/other": "datasets--org--other", "a b": `"a b" is no file or directory`,
	} {
		if _, err := Open(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, expected one with %q", name, err, want)
		}
	}
}

// TestSplitsOfDirectory tells a data set in a local directory from texts, which have no splits.
func TestSplitsOfDirectory(t *testing.T) {
	dir := t.TempDir()
	putLines(t, filepath.Join(dir, "train.parquet"), "a")
	test := putLines(t, filepath.Join(dir, "test.parquet"), "b")
	splits, err := Splits(dir)
	if err != nil || !slices.Equal(splits["test"], []string{test}) || len(splits) != 2 {
		t.Errorf("splits %v, %v", splits, err)
	}
	text := put(t, filepath.Join(dir, "a.txt"), "text")
	for _, name := range []string{dir, text, "pocket", "pocket:train"} {
		if splits, err := Splits(name); err != nil || len(splits) != 0 {
			t.Errorf("%s: splits %v, %v, expected none", name, splits, err)
		}
	}
	if c, err := Open(dir); err != nil || c.Documents[0].Text != "text" {
		t.Errorf("texts beside data: read %+v, %v", c, err)
	}
	if c, err := Open(dir + ":test"); err != nil || c.Documents[0].Text != "b" {
		t.Errorf("a split beside texts: read %+v, %v", c, err)
	}
}

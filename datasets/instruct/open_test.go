package instruct

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	_ "github.com/parelab/pare/datasets/records/parquet"
)

func put(t testing.TB, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

type turn struct {
	Role    string `parquet:"role"`
	Content string `parquet:"content"`
}

// putParquet writes one row.
func putParquet[T any](t *testing.T, path string, row T) string {
	t.Helper()
	if err := parquet.WriteFile(path, []T{row}); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestForms reads each form of a row from each form of a file.
func TestForms(t *testing.T) {
	dir := t.TempDir()
	type alpaca struct {
		Instruction string  `parquet:"instruction"`
		Input       *string `parquet:"input,optional"`
		Output      string  `parquet:"output"`
	}
	type chat struct {
		Messages []turn `parquet:"messages,list"`
	}
	in := "it"
	for path, want := range map[string]string{
		put(t, filepath.Join(dir, "a.json"), `[{"instruction": "Do", "input": "it", "output": "Done", "text": "ignored"}]`):                                                      `Do|it||Done|[]`,
		put(t, filepath.Join(dir, "b.jsonl"), `{"instruction": "Do", "context": "it", "response": "Done", "category": "x"}`+"\n"):                                                `Do|it||Done|[]`,
		put(t, filepath.Join(dir, "c.jsonl"), `{"instruction": "Do", "input": null, "output": "Done"}`):                                                                          `Do|||Done|[]`,
		put(t, filepath.Join(dir, "d.jsonl"), `{"prompt": "Do: ", "completion": "Done"}`):                                                                                        `||Do: |Done|[]`,
		put(t, filepath.Join(dir, "e.jsonl"), `{"messages": [{"role": "user", "content": "Do"}, {"role": "assistant", "content": "Done"}, {"role": "user", "content": "So?"}]}`): `||||[{user Do} {assistant Done}]`,
		put(t, filepath.Join(dir, "f.json"), `[{"conversations": [{"from": "human", "value": "Do"}, {"from": "gpt", "value": "Done"}]}]`):                                        `||||[{user Do} {assistant Done}]`,
		putParquet(t, filepath.Join(dir, "g.parquet"), alpaca{"Do", &in, "Done"}):                                                                                                `Do|it||Done|[]`,
		putParquet(t, filepath.Join(dir, "h.parquet"), alpaca{"Do", nil, "Done"}):                                                                                                `Do|||Done|[]`,
		putParquet(t, filepath.Join(dir, "i.parquet"), chat{[]turn{{"user", "Do"}, {"assistant", "Done"}}}):                                                                      `||||[{user Do} {assistant Done}]`,
	} {
		set, err := Open(path, OpenOptions{})
		if err != nil {
			t.Error(err)
			continue
		}
		e := set.Examples[0]
		if got := join(e); got != want || len(set.Examples) != 1 || set.Template != "alpaca" || len(set.Digest) != 64 {
			t.Errorf("%s: read %s, expected %s; %+v", path, got, want, set)
		}
	}
}

// TestBadRows has rows that are refused, each with file, row and field; rows without an answer can be left out.
func TestBadRows(t *testing.T) {
	good := `{"instruction": "Do", "output": "Done"}` + "\n"
	for row, want := range map[string][]string{
		`{"instruction": "Do", "input": "it"}`:                                                     {"field output", "the fields input, instruction"},
		`{"instruction": "Do", "output": 7}`:                                                       {"field output: expected a text, found 7"},
		`{"instruction": "Do", "output": null}`:                                                    {"field output: expected a text, found null"},
		`{"instruction": "Do", "output": " \n"}`:                                                   {"field output", "the answer is empty"},
		`{"instruction": "Do", "output": ["a"]}`:                                                   {"field output: expected a text, found a list of 1"},
		`{"instruction": " ", "output": "a"}`:                                                      {"field instruction: expected a task"},
		`{"instruction": 1, "output": "a"}`:                                                        {"field instruction: expected a text, found 1"},
		`{"instruction": "Do", "input": {"a": 1}, "output": "a"}`:                                  {},
		`{"instruction": "Do", "input": 3, "output": "a"}`:                                         {"field input: expected a text, found 3"},
		`{"prompt": "Do"}`:                                                                         {"field completion"},
		`{"prompt": "", "completion": "a"}`:                                                        {"field prompt"},
		`{"question": "Who?", "answer": "Ada"}`:                                                    {"expected the fields instruction, input and output", "answer, question"},
		`{"messages": "hello"}`:                                                                    {"field messages.role"},
		`{"messages": []}`:                                                                         {"field messages.role"},
		`{"messages": [{"role": "user", "content": "Do"}]}`:                                        {"field messages.role: expected an answer of assistant"},
		`{"messages": [{"role": "assistant", "content": "Do"}]}`:                                   {"field messages.role: expected an answer of assistant"},
		`{"messages": [{"role": "user", "content": "a"}, {"role": "assistant"}]}`:                  {"field messages.content: expected a list of texts, found null at 1"},
		`{"messages": {"role": ["user", "assistant"], "content": ["a"]}}`:                          {"field messages.content: expected as many texts as roles, 2"},
		`{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": null}]}`: {"messages.content: expected a list of texts, found null at 1"},
		`{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": ""}]}`:   {"turn 2", "the answer is empty"},
		`[1]`: {"expected a JSON object"},
	} {
		path := put(t, filepath.Join(t.TempDir(), "rows.jsonl"), good+good+row+"\n"+good)
		_, err := Open(path, OpenOptions{})
		if len(want) == 0 { // an object under another name is no field that is read
			if err != nil {
				t.Error(err)
			}
			continue
		}
		for _, w := range append(want, path, "line 3") {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%s: error %v, expected one with %q", row, err, w)
			}
		}
	}
	path := put(t, filepath.Join(t.TempDir(), "rows.jsonl"), good+`{"instruction": "Do", "output": ""}`+"\n"+good)
	if set, err := Open(path, OpenOptions{SkipEmpty: true}); err != nil || len(set.Examples) != 2 || set.Empty != 1 {
		t.Errorf("SkipEmpty: %+v, %v", set, err)
	}
	if set, err := Open(path, OpenOptions{Limit: 1}); err != nil || len(set.Examples) != 1 {
		t.Errorf("Limit: %+v, %v; expected one example, and what is behind it not read", set, err)
	}
	for name, want := range map[string]string{
		filepath.Join(t.TempDir(), "none"): "is no file or directory", path + ":train": "is a file and has no part", t.TempDir(): "expected files that end in",
		"org/none": "pare data pull org/none", "org/none:train": "pare data pull org/none",
	} {
		t.Setenv("HF_HOME", t.TempDir())
		if _, err := Open(name, OpenOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, expected %q", name, err, want)
		}
	}
}

// TestPartsOfDirectory reads parts of a directory, and refuses what lies in two folders.
func TestPartsOfDirectory(t *testing.T) {
	folders := []string{"easy/dev.jsonl", "easy/train.jsonl", "hard/train.jsonl"}
	dir := t.TempDir()
	for _, name := range append(folders, "dataset_info.json", ".hidden.json", ".cache/x.json") {
		put(t, filepath.Join(dir, name), `{"instruction": "Do", "output": "`+name+`"}`)
	}
	if _, err := Open(dir, OpenOptions{}); err == nil || !strings.Contains(err.Error(), `["easy" "hard"]`) {
		t.Errorf("two folders: error %v, expected their names", err)
	}
	if set, err := Open(dir+":hard", OpenOptions{}); err != nil || len(set.Examples) != 1 || set.Examples[0].Output != "hard/train.jsonl" {
		t.Errorf("one of two folders: %+v, %v", set, err)
	}
	if set, err := Open(dir+":*/train.jsonl", OpenOptions{}); err != nil || len(set.Examples) != 2 {
		t.Errorf("a pattern: %+v, %v", set, err)
	}
}

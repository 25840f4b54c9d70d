package tasks

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	_ "github.com/parelab/pare/datasets/records/parquet"
)

// put writes a file below a directory.
func put(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// putRows writes a Parquet file as the hub has them.
func putRows[T any](t *testing.T, dir, name string, rows ...T) {
	t.Helper()
	put(t, dir, name, "")
	if err := parquet.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), rows, parquet.Compression(&parquet.Snappy)); err != nil {
		t.Fatal(err)
	}
}

type textLabels struct {
	Text  []string `parquet:"text,list"`
	Label []string `parquet:"label,list"`
}

// The rows of the hub's Parquet files, with all fields that these have.
type (
	boolqRow struct {
		Question string `parquet:"question"`
		Passage  string `parquet:"passage"`
		Idx      int32  `parquet:"idx"`
		Label    int64  `parquet:"label"`
	}
	piqaRow struct {
		Goal  string `parquet:"goal"`
		Sol1  string `parquet:"sol1"`
		Sol2  string `parquet:"sol2"`
		Label int64  `parquet:"label"`
	}
	hellaswagRow struct {
		Ind           int32    `parquet:"ind"`
		ActivityLabel string   `parquet:"activity_label"`
		CtxA          string   `parquet:"ctx_a"`
		CtxB          string   `parquet:"ctx_b"`
		Ctx           string   `parquet:"ctx"`
		Endings       []string `parquet:"endings,list"`
		SourceID      string   `parquet:"source_id"`
		Split         string   `parquet:"split"`
		SplitType     string   `parquet:"split_type"`
		Label         string   `parquet:"label"`
	}
	winograndeRow struct {
		Sentence string `parquet:"sentence"`
		Option1  string `parquet:"option1"`
		Option2  string `parquet:"option2"`
		Answer   string `parquet:"answer"`
	}
	arcRow struct {
		ID        string     `parquet:"id"`
		Question  string     `parquet:"question"`
		Choices   textLabels `parquet:"choices"`
		AnswerKey string     `parquet:"answerKey"`
	}
	openbookRow struct {
		ID           string     `parquet:"id"`
		QuestionStem string     `parquet:"question_stem"`
		Choices      textLabels `parquet:"choices"`
		AnswerKey    string     `parquet:"answerKey"`
	}
)

// want is a question as the harness asks it.
type want struct {
	contexts, continuations []string
	answer                  int
}

func same(context string, continuations []string, answer int) want {
	contexts := make([]string, len(continuations))
	for i := range contexts {
		contexts[i] = context
	}
	return want{contexts, continuations, answer}
}

var (
	boolqWant = same("Rain is wet.\nQuestion: is rain wet?\nAnswer:", []string{" no", " yes"}, 1)
	piqaWant  = same("Question: Open a jar\nAnswer:", []string{" Turn the lid.", " Hit the lid  twice."}, 0)
	hellaWant = same("Baking: A woman stands. She is in a kitchen.", []string{" How to bake. Mix. Take eggs", "  runs away", " a  b", " sleeps"}, 3)
	winoWant  = want{[]string{"The cup did not fit into the bag because the cup", "The cup did not fit into the bag because the bag"},
		[]string{" was too big.", " was too big."}, 0}
	arcWant  = same("Question: What is hot?\nAnswer:", []string{" ice", " fire", " snow"}, 1)
	openWant = same("A thing that burns is", []string{" ice", " fire", " snow", " rain"}, 1)
)

// layouts puts the same question into a directory, as it is distributed here and there.
var layouts = map[string]struct {
	task string
	want want
	put  func(t *testing.T, dir string)
}{
	"boolq, original": {"boolq", boolqWant, func(t *testing.T, dir string) {
		put(t, dir, "boolq/dev.jsonl", `{"question": "is rain wet", "title": "Rain", "answer": true, "passage": "Rain is wet."}`)
	}},
	"boolq, SuperGLUE": {"boolq", boolqWant, func(t *testing.T, dir string) {
		put(t, dir, "BoolQ/val.jsonl", `{"question": "is rain wet", "passage": "Rain is wet.", "idx": 0, "label": true}`)
	}},
	"boolq, hub": {"boolq", boolqWant, func(t *testing.T, dir string) {
		putRows(t, dir, "super_glue/boolq/validation-00000-of-00001.parquet", boolqRow{"is rain wet", "Rain is wet.", 0, 1})
	}},
	"piqa, original": {"piqa", piqaWant, func(t *testing.T, dir string) {
		put(t, dir, "piqa/valid.jsonl", `{"goal": "Open a jar", "sol1": "Turn the lid.", "sol2": "Hit the lid  twice."}`+"\n")
		put(t, dir, "piqa/valid-labels.lst", "0\n")
	}},
	"piqa, hub": {"piqa", piqaWant, func(t *testing.T, dir string) {
		putRows(t, dir, "piqa/data/validation-00000-of-00001.parquet", piqaRow{"Open a jar", "Turn the lid.", "Hit the lid  twice.", 0})
	}},
	"hellaswag, original": {"hellaswag", hellaWant, func(t *testing.T, dir string) {
		put(t, dir, "hellaswag_val.jsonl", `{"ind": 24, "activity_label": "Baking", "ctx_a": "A woman stands.", "ctx_b": "she is IN a kitchen.", "ctx": "…", `+
			`"split": "val", "split_type": "indomain", "label": 3, "endings": ["How to bake [title] Mix. [step] Take eggs", "[step] runs away", "a [x]  b", "sleeps "], "source_id": "activitynet~v_1"}`)
	}},
	"hellaswag, hub": {"hellaswag", hellaWant, func(t *testing.T, dir string) {
		putRows(t, dir, "hellaswag/data/validation-00000-of-00001.parquet", hellaswagRow{Ind: 24, ActivityLabel: "Baking", CtxA: "A woman stands.", CtxB: "she is IN a kitchen.",
			Endings: []string{"How to bake [title] Mix. [step] Take eggs", "[step] runs away", "a [x]  b", "sleeps "}, Label: "3"})
	}},
	"winogrande, original": {"winogrande", winoWant, func(t *testing.T, dir string) {
		put(t, dir, "winogrande_1.1/dev.jsonl", `{"qID": "A-1", "sentence": "The cup did not fit into the bag because the _ was too big.", "option1": "cup", "option2": "bag", "answer": "1"}`)
	}},
	"winogrande, hub": {"winogrande", winoWant, func(t *testing.T, dir string) {
		putRows(t, dir, "winogrande/winogrande_xl/validation-00000-of-00001.parquet", winograndeRow{"The cup did not fit into the bag because the _ was too big.", "cup", "bag", "1"})
	}},
	"arc_easy, original": {"arc_easy", arcWant, func(t *testing.T, dir string) {
		put(t, dir, "ARC-V1-Feb2018-2/ARC-Easy/ARC-Easy-Test.jsonl",
			`{"id":"M_1","question":{"stem":"What is hot?","choices":[{"text":"ice","label":"1"},{"text":"fire","label":"2"},{"text":"snow","label":"3"}]},"answerKey":"2"}`)
	}},
	"arc_challenge, hub, two shards": {"arc_challenge", arcWant, func(t *testing.T, dir string) {
		putRows(t, dir, "ai2_arc/ARC-Challenge/test-00000-of-00002.parquet", arcRow{"M_1", "What is hot?", textLabels{[]string{"ice", "fire", "snow"}, []string{"A", "B", "C"}}, "B"})
		putRows(t, dir, "ai2_arc/ARC-Challenge/test-00001-of-00002.parquet", arcRow{"M_2", "What is cold?", textLabels{[]string{"ice", "fire"}, []string{"A", "B"}}, "A"})
	}},
	"openbookqa, original": {"openbookqa", openWant, func(t *testing.T, dir string) {
		put(t, dir, "OpenBookQA-V1-Sep2018/Data/Main/test.jsonl",
			`{"id": "8-1", "question": {"stem": "A thing that burns is", "choices": [{"text": "ice", "label": "A"}, {"text": "fire", "label": "B"}, {"text": "snow", "label": "C"}, {"text": "rain", "label": "D"}]}, "answerKey": " B"}`)
	}},
	"openbookqa, hub": {"openbookqa", openWant, func(t *testing.T, dir string) {
		putRows(t, dir, "openbookqa/main/test-00000-of-00001.parquet", openbookRow{"8-1", "A thing that burns is", textLabels{[]string{"ice", "fire", "snow", "rain"}, strings.Split("ABCD", "")}, "B"})
	}},
}

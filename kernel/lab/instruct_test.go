package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parelab/pare/datasets/pocket"
)

// TestInstructionsOfPocket encodes the pocket world's instructions for its model: batches that are the same whenever they are asked for, and none of the
// world's multiple-choice stories among them.
func TestInstructionsOfPocket(t *testing.T) {
	l := newTestLab(t)
	m, err := l.Open(Pocket)
	if err != nil {
		t.Fatal(err)
	}
	data, err := l.Instructions(m, Instruct{Batch: 4})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for step := 1; step <= 1000; step++ {
		batch := data.Next(step)
		if len(batch.Tokens) != 4 || len(batch.Weights) != 4 || len(batch.Tokens[0]) != data.Length || len(batch.Weights[0]) != data.Length-1 {
			t.Fatalf("step %d: %d sequences of %d tokens, %d of %d weights", step, len(batch.Tokens), len(batch.Tokens[0]), len(batch.Weights), len(batch.Weights[0]))
		}
		for _, s := range batch.Tokens {
			all = append(all, m.Tokenizer.Decode(s))
		}
	}
	if again := data.Next(3); fmt.Sprint(again.Tokens) != fmt.Sprint(data.Next(3).Tokens) || fmt.Sprint(again.Tokens) == fmt.Sprint(data.Next(4).Tokens) {
		t.Error("the batch of a step is not its own")
	}
	slices.Sort(all)
	if distinct := len(slices.Compact(all)); distinct != 4000 {
		t.Errorf("%d sequences in a round, expected 4000", distinct)
	}
	for _, q := range pocket.Questions(300, 1) {
		story := q.Context[:len(q.Context)/2]
		if at, _ := slices.BinarySearch(all, "\n\n"+story); at < len(all) && strings.HasPrefix(all[at], "\n\n"+story) {
			t.Errorf("a multiple-choice question's story is trained on: %s", all[at])
		}
	}
	said := fmt.Sprint(data.Facts())
	for _, want := range []string{"4000", "400", "template pocket"} {
		if !strings.Contains(said, want) {
			t.Errorf("%s: expected %q", said, want)
		}
	}
}

// TestInstructionsOfFile reads a file with Alpaca's template for a model that has few positions, and refuses what it must.
func TestInstructionsOfFile(t *testing.T) {
	l := newTestLab(t)
	m, err := l.Open(Pocket)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "rows.jsonl")
	if err := os.WriteFile(path, []byte(strings.Repeat(`{"instruction": "Say one.", "output": "One."}`+"\n", 12)+`{"instruction": "Say two.", "output": ""}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Instructions(m, Instruct{Data: path}); err == nil || !strings.Contains(err.Error(), path+": line 13: field output") {
		t.Errorf("an empty answer: error %v, expected file and line", err)
	}
	data, err := l.Instructions(m, Instruct{Data: path, SkipEmpty: true, Length: 5000, Held: -1})
	if err != nil {
		t.Fatal(err)
	}
	text := m.Tokenizer.Decode(data.Next(1).Tokens[0])
	if data.Empty != 1 || data.Template != "alpaca" || len(data.HeldTokens) != 0 || !strings.HasPrefix(text, "Below is an instruction that describes a task. Write") || !strings.Contains(text, "### Response:One.") {
		t.Errorf("%+v: %q", data, text)
	}
	if _, err := l.Instructions(m, Instruct{Data: path, SkipEmpty: true, Template: "vicuna"}); err == nil || !strings.Contains(err.Error(), "vicuna") {
		t.Errorf("an unknown template: error %v", err)
	}
	study, m := studyOf(t, l)
	few := filepath.Join(t.TempDir(), "few.jsonl")
	if err := os.WriteFile(few, []byte(`{"instruction": "Say one.", "output": "One."}`+"\n"+`{"instruction": "Say two.", "output": "Two."}`), 0o644); err != nil {
		t.Fatal(err)
	}
	r := Recovery{Instructions: &Instruct{Data: few}, Steps: 1, Batch: 1, EvalEvery: 1}
	if _, err := study.Recover(t.Context(), m, Attempt{Method: Dense}, r); err == nil || !strings.Contains(err.Error(), "kept for measuring") {
		t.Errorf("two rows, of which some should be kept: error %v", err)
	}
	one, two := Instruct{Data: path}, Instruct{Data: path, Whole: true}
	if one.String() == two.String() || !strings.Contains(one.String(), path) {
		t.Errorf("%s and %s are not told apart", one, two)
	}
}

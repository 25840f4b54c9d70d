package tasks

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/parelab/pare/datasets/pocket"
)

// TestLayouts reads the same questions as they are distributed in different places.
func TestLayouts(t *testing.T) {
	seen := map[string]int{}
	for about, l := range layouts {
		task, err := Find(l.task)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		l.put(t, dir)
		set, err := task.Load(dir, Options{})
		if err != nil {
			t.Errorf("%s: %v", about, err)
			continue
		}
		q := set.Questions[0]
		if !slices.Equal(q.Contexts, l.want.contexts) || !slices.Equal(q.Continuations, l.want.continuations) || q.Answer != l.want.answer {
			t.Errorf("%s:\n%q %q %d, expected\n%q %q %d", about, q.Contexts, q.Continuations, q.Answer, l.want.contexts, l.want.continuations, l.want.answer)
		}
		if n := strings.Count(about, "two shards") + 1; len(set.Questions) != n || len(set.Files) != n || len(set.Digest) != 64 || q.ID == "" || set.Examples != "" {
			t.Errorf("%s: %d questions of %v, %+v", about, len(set.Questions), set.Files, q)
		}
		seen[l.task]++
	}
	if len(seen) != len(All)-1 {
		t.Errorf("layouts of %v were read, expected all but pocket of %v", seen, Names())
	}
}

func TestCards(t *testing.T) {
	for _, task := range All {
		c := task.Card
		for field, text := range map[string]string{"version": task.Version, "title": c.Title, "source": c.Source, "split": c.Split, "licence": c.Licence, "prompt": c.Prompt, "citation": c.Citation} {
			if text == "" {
				t.Errorf("%s: the card has no %s", task.Name, field)
			}
		}
		if len(task.Metrics) == 0 {
			t.Errorf("%s has no metric", task.Name)
		}
	}
	if _, err := Find("mmlu"); err == nil || !strings.Contains(err.Error(), "boolq, piqa") {
		t.Errorf("an unknown task: %v", err)
	}
}

// lines are questions of PIQA about things number from to to.
func lines(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, `{"goal": "g%d", "sol1": "right%d", "sol2": "wrong%d", "label": 0}`+"\n", i, i, i)
	}
	return b.String()
}

func TestShots(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "piqa/valid.jsonl", lines(0, 8))
	for _, trained := range []bool{false, true} {
		if trained {
			put(t, dir, "piqa/train.jsonl", lines(100, 106))
		}
		set, err := piqa.Load(dir, Options{Shots: 3, Limit: 5})
		if err != nil {
			t.Fatal(err)
		}
		again, err := piqa.Load(dir, Options{Shots: 3, Limit: 5})
		if err != nil {
			t.Fatal(err)
		}
		if len(set.Questions) != 5 || (set.Examples == "the training part") != trained {
			t.Errorf("trained %v: %d questions, examples from %s", trained, len(set.Questions), set.Examples)
		}
		for i, q := range set.Questions {
			parts := strings.Split(q.Contexts[1], "\n\n")
			if len(parts) != 4 || parts[3] != fmt.Sprintf("Question: g%d\nAnswer:", i) || q.Contexts[0] != q.Contexts[1] || q.Continuations[0] != fmt.Sprintf(" right%d", i) {
				t.Errorf("question %d: %q %q", i, q.Contexts, q.Continuations)
			}
			for j, example := range parts[:3] {
				var n, m int
				if _, err := fmt.Sscanf(example, "Question: g%d\nAnswer: right%d", &n, &m); err != nil || n != m || n == i || (n >= 100) != trained || slices.Contains(parts[:j], example) {
					t.Errorf("question %d, example %q: %v", i, example, err)
				}
			}
			if again.Questions[i].Contexts[0] != q.Contexts[0] {
				t.Errorf("question %d has other examples with the same seed", i)
			}
		}
		other, err := piqa.Load(dir, Options{Shots: 3, Limit: 5, Seed: 2})
		if err != nil || slices.EqualFunc(other.Questions, set.Questions, func(a, b Question) bool { return a.Contexts[0] == b.Contexts[0] }) {
			t.Errorf("another seed has the same examples (%v)", err)
		}
	}
	// The example of WinoGrande is the sentence with the right option in it.
	q := Question{Answer: 1, Contexts: []string{"a X", "a Y"}, Continuations: []string{" b", " b"}}
	if got := q.after([]Question{q}).Contexts[0]; got != "a Y b\n\na X" {
		t.Errorf("an example before its own question: %q", got)
	}
}

func TestLoadRefuses(t *testing.T) {
	for _, c := range []struct{ task, name, text, want string }{
		{"boolq", "other/dev.jsonl", "{}", "expected one of boolq/validation"},
		{"boolq", "boolq/dev.jsonl", `{"question": "a", "answer": true}`, "line 1: expected a field passage"},
		{"boolq", "boolq/dev.jsonl", `{"question": "a", "passage": "b", "answer": "yes"}`, "true or false, found the text"},
		{"boolq", "boolq/dev.jsonl", `{"question": "a", "passage": "b", "label": -1}`, "expected an answer from 0 to 1, found -1"},
		{"piqa", "piqa/valid.jsonl", `{"goal": "a", "sol1": "b", "sol2": "c"}`, "field label"},
		{"piqa", "piqa/valid.jsonl", `{"goal": "a", "sol1": "b", "sol2": " ", "label": 1}`, "line 1: choice 1 is empty"},
		{"hellaswag", "hellaswag_val.jsonl", `{"activity_label": "a", "ctx_a": "b", "ctx_b": "c", "endings": ["d", "e"], "label": ""}`, "parts without answers"},
		{"winogrande", "winogrande/dev.jsonl", `{"sentence": "no gap", "option1": "b", "option2": "c", "answer": "1"}`, "a sentence with a gap"},
		{"winogrande", "winogrande/dev.jsonl", `{"sentence": "a _ b", "option1": "b", "option2": "c", "answer": "3"}`, "found 2"},
		{"arc_easy", "arc_easy/ARC-Easy-Test.jsonl", `{"id": "x", "question": {"stem": "a", "choices": [{"text": "b", "label": "A"}, {"text": "c", "label": "B"}]}, "answerKey": "E"}`, `one of the labels ["A" "B"], found "E"`},
		{"openbookqa", "openbookqa/test.jsonl", `{"id": "x", "question": {"stem": "a", "choices": [{"text": "b", "label": "A"}]}, "answerKey": "A"}`, "at least two choices"},
	} {
		dir := t.TempDir()
		put(t, dir, c.name, c.text)
		task, err := Find(c.task)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := task.Load(dir, Options{}); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.task) {
			t.Errorf("%s in %s: error %v, want %q", c.text, c.name, err, c.want)
		}
	}
	dir := t.TempDir()
	put(t, dir, "piqa/valid.jsonl", lines(0, 3))
	put(t, dir, "piqa/valid-labels.lst", "0\n1\n")
	if _, err := piqa.Load(dir, Options{}); err == nil || !strings.Contains(err.Error(), "expected 3 answers, one for each question, found 2") {
		t.Errorf("too few labels: %v", err)
	}
	put(t, dir, "piqa/valid-labels.lst", "0\n1\n0\n")
	if _, err := piqa.Load(dir, Options{Shots: 3}); err == nil || !strings.Contains(err.Error(), "only 3 questions to draw from") {
		t.Errorf("too many shots: %v", err)
	}
	if _, err := piqa.Load("", Options{}); !errors.Is(err, ErrNoData) || !strings.Contains(err.Error(), "yonatanbisk.com") {
		t.Errorf("no directory: %v", err)
	}
	if _, err := piqa.Load(dir, Options{Shots: -1}); err == nil {
		t.Error("-1 shots were accepted")
	}
}

// words is a tokenizer of words with the spaces before them, of which every text that ends in a space has one more; 1 stands for the start.
func words(text string) (ids []int32) {
	for text != "" {
		n := strings.IndexByte(text[1:], ' ') + 1
		if n == 0 {
			n = len(text)
		}
		ids = append(ids, 2+int32(len(text[:n]))*100+int32(text[n-1]))
		text = text[n:]
	}
	return ids
}

func TestEncode(t *testing.T) {
	withStart := func(text string) []int32 { return append([]int32{1}, words(text)...) }
	for _, c := range []struct {
		about                 string
		context, continuation string
		tokens                Tokens
		want                  []int32
		from                  int
	}{
		{"a space between", "ab cd", " ef g", Tokens{words, words, 1}, words("ab cd ef g"), 2},
		{"spaces at the end of the context are the continuation's", "ab cd  \n", "ef", Tokens{words, words, 1}, words("ab cd  \nef"), 2},
		{"a start token", "ab", " cd", Tokens{withStart, words, 1}, withStart("ab cd"), 2},
		{"no context", "", "ab cd", Tokens{withStart, words, 1}, withStart("ab cd"), 1},
		{"no context, and the continuation begins with the token", "", "ab", Tokens{words, func(string) []int32 { return []int32{1, 7} }, 1}, []int32{1, 7}, 1},
	} {
		q := Question{ID: "q", Choices: []string{"größe"}, Contexts: []string{c.context}, Continuations: []string{c.continuation}}
		got, err := q.Encode(c.tokens)
		if err != nil || !slices.Equal(got[0].Tokens, c.want) || got[0].From != c.from || got[0].Chars != 5 || got[0].Bytes != 7 {
			t.Errorf("%s: %+v, %v; expected %v from %d", c.about, got, err, c.want, c.from)
		}
	}
	for want, q := range map[string]Question{
		"no token that could stand":  {ID: "q", Choices: []string{"a"}, Contexts: []string{""}, Continuations: []string{"a"}},
		"question q, choice 0: the ": {ID: "q", Choices: []string{"a"}, Contexts: []string{"  "}, Continuations: []string{"a"}},
	} {
		if _, err := q.Encode(Tokens{words, words, -1}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// TestPocketTask looks at the questions of the embedded world, and at what their tokens are.
func TestPocketTask(t *testing.T) {
	set, err := pocketTask.Load("", Options{Shots: 2, Limit: 30, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := pocket.Tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	made := pocket.Questions(30, 3)
	for i, q := range set.Questions {
		if !strings.HasSuffix(q.Contexts[0], "\n\n"+made[i].Context) || strings.Count(q.Contexts[0], "\n\n") != 2 || !slices.Equal(q.Choices, made[i].Choices) || q.Answer != made[i].Answer {
			t.Fatalf("question %d: %+v, expected %+v", i, q, made[i])
		}
		encoded, err := q.Encode(Tokens{tok.EncodeSpecial, tok.Encode, tok.BOS()})
		if err != nil {
			t.Fatal(err)
		}
		for j, e := range encoded {
			if got := tok.Decode(e.Tokens[e.From:]); got != q.Continuations[j] {
				t.Errorf("question %d, choice %d: the continuation is %q, expected %q", i, j, got, q.Continuations[j])
			}
		}
	}
	if len(set.Questions) != 30 || set.Digest == "" {
		t.Errorf("%d questions, digest %s", len(set.Questions), set.Digest)
	}
}

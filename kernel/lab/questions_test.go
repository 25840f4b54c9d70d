package lab

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parelab/pare/datasets"
	"github.com/parelab/pare/datasets/pocket"
	"github.com/parelab/pare/gomlxops/transformer"
)

// fewQuestions are few enough for a test.
var fewQuestions = Questions{Tasks: []string{"pocket"}, Limit: 12, Seed: 4}

// TestPocketAnswers asks the embedded model, and compares with a plain loop over its logits.
func TestPocketAnswers(t *testing.T) {
	l := newTestLab(t)
	m, err := l.Open(Pocket)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	got, err := l.Tasks(t.Context(), m, nil, fewQuestions)
	if err != nil {
		t.Fatal(err)
	}
	right, worst, vocab := 0, 0.0, m.Config().VocabSize
	for i, q := range pocket.Questions(fewQuestions.Limit, fewQuestions.Seed) {
		best, pick := math.Inf(-1), 0
		for j, choice := range q.Choices {
			ids, context := m.Tokenizer.Encode(q.Context+" "+choice), len(m.Tokenizer.Encode(q.Context))
			logits, err := m.Dense().Logits(t.Context(), [][]int32{ids})
			if err != nil {
				t.Fatal(err)
			}
			ll := 0.0
			for at := context; at < len(ids); at++ {
				row, sum := logits[(at-1)*vocab:at*vocab], 0.0
				for _, x := range row {
					sum += math.Exp(float64(x))
				}
				ll += float64(row[ids[at]]) - math.Log(sum)
			}
			worst = max(worst, math.Abs(ll-got.Results[0].Answers[i].LogLikelihoods[j]))
			if ll > best {
				best, pick = ll, j
			}
		}
		if pick == q.Answer {
			right++
		}
		if pick != got.Results[0].Answers[i].Pick {
			t.Errorf("question %d: picked %d, expected %d", i, got.Results[0].Answers[i].Pick, pick)
		}
	}
	if !(worst <= 1e-4) { // measured 3.3e-6
		t.Errorf("log-likelihoods are off by %v", worst)
	}
	t.Logf("log-likelihoods are off by at most %.2g", worst)
	r := got.Results[0]
	if r.Acc.Value != float64(right)/12 || r.N != 12 || r.Chance != 0.25 || r.Version != "1" || got.Mean != nil {
		t.Errorf("%+v, expected %d right of 12", r, right)
	}
}

// TestStudyAsks records questions with a trial, and keeps trials of other questions out of the table.
func TestStudyAsks(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	s, err := l.NewStudy(t.Context(), "asked", Measure{Blocks: 4, Length: 32, Questions: fewQuestions})
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.Try(t.Context(), m, Attempt{Method: "svd", Ratio: 0.3})
	if err != nil {
		t.Fatal(err)
	}
	if out.Answers == nil || out.Answers.Results[0].N != 12 {
		t.Fatalf("answers %+v", out.Answers)
	}
	trial, err := l.Store.Trial(t.Context(), "asked", out.Trial)
	if err != nil {
		t.Fatal(err)
	}
	acc, _ := trial.Value("pocket_acc")
	if _, ok := trial.Value("pocket_acc_norm_stderr"); !ok || acc != out.Answers.Results[0].Acc.Value {
		t.Errorf("pocket_acc is %v on record, expected %v", acc, out.Answers.Results[0].Acc)
	}
	var names []string
	for _, f := range trial.Files {
		names = append(names, f.Name)
	}
	if !slices.Contains(names, "samples_pocket.jsonl") || !slices.Contains(names, "questions.json") {
		t.Errorf("the trial's files are %v", names)
	}
	table, err := s.Table(t.Context())
	if err != nil || len(table.Rows) != 1 || table.Columns[6].Name != "pocket_acc" || !strings.Contains(table.Caption, "Asked: pocket 1; 0 shots, seed 4, the first 12.") {
		t.Errorf("table %+v, %v", table, err)
	}
	other, err := l.NewStudy(t.Context(), "asked", Measure{Blocks: 4, Length: 32})
	if err != nil {
		t.Fatal(err)
	}
	if table, err := other.Table(t.Context()); err != nil || len(table.Rows) != 0 {
		t.Errorf("a trial that was asked is in the table of those that were not: %v, %v", table.Rows, err)
	}
}

func TestSamples(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, "valid.jsonl"), []byte(`{"goal": "a", "sol1": "b", "sol2": "c d", "label": 1}`+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	a, err := l.Tasks(t.Context(), m, nil, Questions{Tasks: []string{"piqa", "pocket", "piqa"}, Data: data, Limit: 3})
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Results) != 2 || a.Mean == nil || *a.Mean != (a.Results[0].Acc.Value+a.Results[1].Acc.Value)/2 || a.Results[0].Files[0] != "valid.jsonl" {
		t.Errorf("%+v", a)
	}
	dir := filepath.Join(t.TempDir(), "samples")
	if err := a.SaveSamples(dir); err != nil {
		t.Fatal(err)
	}
	for task, n := range map[string]int{"piqa": 1, "pocket": 3} {
		raw, err := os.ReadFile(filepath.Join(dir, "samples_"+task+".jsonl"))
		lines := strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n")
		var one map[string]any
		if err != nil || len(lines) != n || json.Unmarshal([]byte(lines[0]), &one) != nil || one["pick_norm"] == nil || one["log_likelihoods"] == nil {
			t.Errorf("%s: %d lines, %v: %.200s", task, len(lines), err, raw)
		}
	}
	for want, q := range map[string]Questions{
		"expected tasks":       {},
		`"mmlu": expected one`: {Tasks: []string{"mmlu"}},
		"task's files are not": {Tasks: []string{"boolq"}, Data: data},
		"pare data pull Rowan": {Tasks: []string{"pocket", "hellaswag"}},
	} {
		t.Setenv("HF_HUB_CACHE", t.TempDir())
		if _, err := l.Tasks(t.Context(), m, nil, q); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", q, err, want)
		}
	}
}

// TestPaperProtocol measures as a paper does and as a plain loop over the same text does.
func TestPaperProtocol(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	path := filepath.Join(t.TempDir(), "text.txt")
	text := pocket.Text(pocket.Test, 6000, 9)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := l.Perplexity(t.Context(), m, Measure{Text: path, Protocol: "llm-pruner"})
	if err != nil {
		t.Fatal(err)
	}
	blocks := datasets.Blocks(m.Tokenizer.EncodeSpecial(text), 128)
	losses, err := m.Dense().TokenLosses(t.Context(), blocks, transformer.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	sum, n := 0.0, 0
	for _, block := range losses {
		for _, loss := range block {
			sum, n = sum+float64(loss), n+1
		}
	}
	if len(blocks) < 5 || got.Blocks != len(blocks) || got.Predictions != n || n != 127*len(blocks) || math.Abs(got.Loss-sum/float64(n)) > 1e-5 || got.Paper != "llm-pruner" || got.Split != "all" {
		t.Errorf("%+v, expected %d blocks with the loss %v", got, len(blocks), sum/float64(n))
	}
	for want, measure := range map[string]Measure{
		"but the model has 512 positions": {Text: path, Protocol: "svd-llm"},
		"but the text has":                {Text: short(t), Protocol: "llm-pruner"},
		"leave these out":                 {Text: path, Protocol: "llm-pruner", Blocks: 3},
		"llm-pruner, svd-llm, bolaco":     {Text: path, Protocol: "mine"},
	} {
		if _, err := l.Perplexity(t.Context(), m, measure); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", measure, err, want)
		}
	}
	s, err := l.NewStudy(t.Context(), "paper", Measure{Text: path, Protocol: "llm-pruner"})
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.Try(t.Context(), m, Attempt{Method: Dense})
	if err != nil || out.Measured[0].Loss != got.Loss {
		t.Fatalf("in a study %+v, %v; expected the loss %v", out, err, got.Loss)
	}
	if table, err := s.Table(t.Context()); err != nil || len(table.Rows) != 1 || !strings.Contains(table.Caption, "all blocks of 128 tokens. The protocol is that of llm-pruner.") {
		t.Errorf("table %+v, %v", table, err)
	}
}

func short(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "short.txt")
	if err := os.WriteFile(path, []byte("a few words"), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCost(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	c, err := l.Cost(t.Context(), m, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Params != m.Params() || c.Operations.Length != 64 || len(c.Latency) != 2 || !(c.Throughput.TokensPerSecond > 0) || c.Facts() == nil {
		t.Errorf("%+v", c)
	}
}

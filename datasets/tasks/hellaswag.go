package tasks

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/parelab/pare/datasets/records"
)

var hellaswag = &Task{
	Name: "hellaswag", Version: "1.0", Metrics: []string{"acc_norm", "acc"},
	Card: Card{
		Title:    "HellaSwag: how a scene goes on, with wrong endings written by machines",
		Source:   "https://github.com/rowanz/hellaswag (hellaswag_val.jsonl), or Parquet at https://huggingface.co/datasets/Rowan/hellaswag",
		Repo:     "Rowan/hellaswag",
		Split:    "validation, 10,042 questions",
		Licence:  "MIT",
		Prompt:   "{activity_label}: {ctx_a} {ctx_b, its first letter large and the others small}, both it and the endings without what stands in brackets",
		Citation: "Zellers et al., HellaSwag: Can a Machine Really Finish Your Sentence?, ACL 2019, arXiv 1905.07830",
	},
	test:  []string{"data/validation-*.parquet", "validation-*.parquet", "hellaswag_val.jsonl", "data/hellaswag_val.jsonl"},
	train: []string{"data/train-*.parquet", "train-*.parquet", "hellaswag_train.jsonl", "data/hellaswag_train.jsonl"},
	read:  readHellaSwag,
}

// readHellaSwag reads activity_label, ctx_a, ctx_b, endings, and the label, which is a number in the JSON lines and a text in Parquet.
func readHellaSwag(r records.Row) (Question, error) {
	var texts [3]string
	for i, field := range []string{"activity_label", "ctx_a", "ctx_b"} {
		var err error
		if texts[i], err = r.Text(field); err != nil {
			return Question{}, err
		}
	}
	endings, err := r.Texts("endings")
	if err != nil {
		return Question{}, err
	}
	for i, e := range endings {
		endings[i] = withoutBrackets(e)
	}
	answer, err := whole(r, "label")
	if err != nil {
		return Question{}, err
	}
	id := ""
	if n, err := r.Int("ind"); err == nil {
		id = strconv.Itoa(n)
	}
	return ask(id, withoutBrackets(texts[0]+": "+texts[1]+" "+capitalized(texts[2])), endings, answer), nil
}

var bracketed = regexp.MustCompile(`\[[^\n]*?\]`)

// withoutBrackets takes out the marks of WikiHow's texts, such as [header] and [step]; a [title] ends a sentence.
func withoutBrackets(text string) string {
	text = strings.TrimSpace(text)
	text = strings.ReplaceAll(text, " [title]", ". ")
	text = bracketed.ReplaceAllString(text, "")
	return strings.ReplaceAll(text, "  ", " ")
}

// capitalized makes the first letter large and the others small, as Python's capitalize does.
func capitalized(text string) string {
	if text == "" {
		return ""
	}
	first, n := utf8.DecodeRuneInString(text)
	return string(unicode.ToTitle(first)) + strings.ToLower(text[n:])
}

// whole returns a whole number that may be spelt as a text.
func whole(r records.Row, field string) (int, error) {
	text, err := r.Text(field)
	if err != nil {
		return r.Int(field)
	}
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return 0, fmt.Errorf("%s: field %s: expected a whole number, found the text %.40q; parts without answers cannot be measured on", r.Where, field, text)
	}
	return n, nil
}

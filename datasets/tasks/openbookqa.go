package tasks

import (
	"strings"
	"unicode"

	"github.com/parelab/pare/datasets/records"
)

var openbookqa = &Task{
	Name: "openbookqa", Version: "1.0", Metrics: []string{"acc_norm", "acc"},
	Card: Card{
		Title:    "OpenBookQA: questions that want a fact of elementary science and some common sense; the facts are not shown",
		Source:   "https://allenai.org/data/open-book-qa (Data/Main/test.jsonl), or Parquet at https://huggingface.co/datasets/allenai/openbookqa",
		Repo:     "allenai/openbookqa",
		Split:    "test, 500 questions",
		Licence:  "not stated with the data; Apache 2.0 for the authors' repository",
		Prompt:   "{question_stem}",
		Citation: "Mihaylov et al., Can a Suit of Armor Conduct Electricity? A New Dataset for Open Book Question Answering, EMNLP 2018, arXiv 1809.02789",
	},
	dirs:  []string{"OpenBookQA-V1-Sep2018"},
	test:  []string{"main/test-*.parquet", "test-*.parquet", "Data/Main/test.jsonl", "Main/test.jsonl", "test.jsonl"},
	train: []string{"main/train-*.parquet", "train-*.parquet", "Data/Main/train.jsonl", "Main/train.jsonl", "train.jsonl"},
	read:  readOpenBookQA,
}

// readOpenBookQA reads the hub's rows (question_stem) and the original's, which are like ARC's.
func readOpenBookQA(r records.Row) (Question, error) {
	stem, err := firstOf(r, "question_stem", "question.stem")
	if err != nil {
		return Question{}, err
	}
	return readLabelled(r, stem)
}

func trimLeft(text string) string { return strings.TrimLeftFunc(text, unicode.IsSpace) }

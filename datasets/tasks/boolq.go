package tasks

import (
	"fmt"

	"github.com/parelab/pare/datasets/records"
)

var boolq = &Task{
	Name: "boolq", Version: "2.0", Metrics: []string{"acc"},
	Card: Card{
		Title:   "BoolQ: questions of yes or no that people asked, with the paragraph that answers them",
		Source:  "https://github.com/google-research-datasets/boolean-questions (dev.jsonl), or BoolQ of SuperGLUE (val.jsonl, or Parquet at https://huggingface.co/datasets/aps/super_glue)",
		Repo:    "aps/super_glue",
		Split:   "validation, 3,270 questions",
		Licence: "CC BY-SA 3.0",
		Prompt:  "{passage}\\nQuestion: {question}?\\nAnswer:",
		Citation: "Clark et al., BoolQ: Exploring the Surprising Difficulty of Natural Yes/No Questions, NAACL 2019, arXiv 1905.10044; " +
			"Wang et al., SuperGLUE, NeurIPS 2019, arXiv 1905.00537",
	},
	dirs:  []string{"super_glue", "BoolQ"},
	test:  []string{"boolq/validation-*.parquet", "data/validation-*.parquet", "validation-*.parquet", "val.jsonl", "dev.jsonl", "BoolQ/val.jsonl"},
	train: []string{"boolq/train-*.parquet", "data/train-*.parquet", "train-*.parquet", "train.jsonl", "BoolQ/train.jsonl"},
	read:  readBoolQ,
}

// readBoolQ reads the original's rows, with a truth value as answer, and SuperGLUE's, where it is the label: 1 or true for yes.
func readBoolQ(r records.Row) (Question, error) {
	passage, err := r.Text("passage")
	if err != nil {
		return Question{}, err
	}
	question, err := r.Text("question")
	if err != nil {
		return Question{}, err
	}
	field := "answer"
	if r.Has("label") {
		field = "label"
	}
	answer, err := r.Int(field)
	if err != nil {
		yes, isBool := r.Bool(field)
		if isBool != nil {
			return Question{}, fmt.Errorf("%w, or 0 or 1", isBool)
		}
		answer = map[bool]int{true: 1}[yes]
	}
	return ask("", passage+"\nQuestion: "+question+"?\nAnswer:", []string{"no", "yes"}, answer), nil
}

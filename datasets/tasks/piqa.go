package tasks

import "github.com/parelab/pare/datasets/records"

var piqa = &Task{
	Name: "piqa", Version: "1.0", Metrics: []string{"acc", "acc_norm"},
	Card: Card{
		Title:    "PIQA: which of two ways to do a thing with one's hands works",
		Source:   "https://yonatanbisk.com/piqa (valid.jsonl and valid-labels.lst), or Parquet at https://huggingface.co/datasets/baber/piqa",
		Repo:     "baber/piqa",
		Split:    "validation, 1,838 questions",
		Licence:  "AFL 3.0",
		Prompt:   "Question: {goal}\\nAnswer:",
		Citation: "Bisk et al., PIQA: Reasoning about Physical Commonsense in Natural Language, AAAI 2020, arXiv 1911.11641",
	},
	dirs:  []string{"physicaliqa-train-dev"},
	test:  []string{"data/validation-*.parquet", "plain_text/validation-*.parquet", "validation-*.parquet", "valid.jsonl", "dev.jsonl"},
	train: []string{"data/train-*.parquet", "plain_text/train-*.parquet", "train-*.parquet", "train.jsonl"},
	read:  readPIQA,
}

// readPIQA reads goal, sol1 and sol2, and the label 0 or 1.
func readPIQA(r records.Row) (Question, error) {
	goal, err := r.Text("goal")
	if err != nil {
		return Question{}, err
	}
	choices := make([]string, 2)
	for i, field := range []string{"sol1", "sol2"} {
		if choices[i], err = r.Text(field); err != nil {
			return Question{}, err
		}
	}
	answer, err := whole(r, "label")
	return ask("", "Question: "+goal+"\nAnswer:", choices, answer), err
}

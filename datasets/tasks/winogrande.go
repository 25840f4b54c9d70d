package tasks

import (
	"fmt"
	"strings"

	"github.com/parelab/pare/datasets/records"
)

var winogrande = &Task{
	Name: "winogrande", Version: "1.0", Metrics: []string{"acc"},
	Card: Card{
		Title:    "WinoGrande: which of two a pronoun means",
		Source:   "https://winogrande.allenai.org (winogrande_1.1/dev.jsonl), or Parquet at https://huggingface.co/datasets/allenai/winogrande",
		Repo:     "allenai/winogrande",
		Split:    "validation, 1,267 questions; examples from the training part XL",
		Licence:  "CC BY 4.0",
		Prompt:   "{sentence up to _}{option}, and the rest of the sentence is what is compared (partial evaluation)",
		Citation: "Sakaguchi et al., WinoGrande: An Adversarial Winograd Schema Challenge at Scale, AAAI 2020, arXiv 1907.10641; Trinh and Le, arXiv 1806.02847",
	},
	dirs:  []string{"winogrande_1.1", "winogrande_xl"},
	test:  []string{"winogrande_xl/validation-*.parquet", "validation-*.parquet", "dev.jsonl", "winogrande_1.1/dev.jsonl"},
	train: []string{"winogrande_xl/train-*.parquet", "train-*.parquet", "train_xl.jsonl", "winogrande_1.1/train_xl.jsonl"},
	read:  readWinoGrande,
}

// readWinoGrande reads sentence, option1, option2, and the answer, "1" or "2". What is divided by in acc_norm, which nobody reports here, is the
// beginning of the sentence with the option.
func readWinoGrande(r records.Row) (Question, error) {
	sentence, err := r.Text("sentence")
	if err != nil {
		return Question{}, err
	}
	before, rest, found := strings.Cut(sentence, "_")
	if !found {
		return Question{}, fmt.Errorf("%s: field sentence: expected a sentence with a gap, _, found %.60q", r.Where, sentence)
	}
	answer, err := whole(r, "answer")
	if err != nil {
		return Question{}, err
	}
	q := Question{Answer: answer - 1}
	if r.Has("qID") {
		q.ID, _ = r.Text("qID")
	}
	for _, field := range []string{"option1", "option2"} {
		option, err := r.Text(field)
		if err != nil {
			return Question{}, err
		}
		q.Choices = append(q.Choices, before+option)
		q.Contexts = append(q.Contexts, before+option)
		q.Continuations = append(q.Continuations, " "+strings.TrimSpace(rest))
	}
	return q, nil
}

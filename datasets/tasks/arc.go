package tasks

import "github.com/parelab/pare/datasets/records"

var (
	arcEasy      = arc("arc_easy", "ARC-Easy", "2,376", []string{"acc", "acc_norm"})
	arcChallenge = arc("arc_challenge", "ARC-Challenge", "1,172", []string{"acc_norm", "acc"})
)

func arc(name, set, questions string, metrics []string) *Task {
	files := func(part, capital string) []string {
		file := set + "-" + capital + ".jsonl"
		return []string{set + "/" + part + "-*.parquet", file, set + "/" + file, part + "-*.parquet"}
	}
	return &Task{
		Name: name, Version: "1.0", Metrics: metrics,
		Card: Card{
			Title:    set + ": questions of science from school, of which the challenge has those that simple methods get wrong",
			Source:   "https://allenai.org/data/arc (" + set + "-Test.jsonl), or Parquet at https://huggingface.co/datasets/allenai/ai2_arc",
			Repo:     "allenai/ai2_arc",
			Split:    "test, " + questions + " questions",
			Licence:  "CC BY-SA 4.0",
			Prompt:   "Question: {question}\\nAnswer:",
			Citation: "Clark et al., Think you have Solved Question Answering? Try ARC, the AI2 Reasoning Challenge, 2018, arXiv 1803.05457",
		},
		dirs: []string{"ai2_arc", "ARC-V1-Feb2018-2", "ARC-V1-Feb2018", set},
		test: files("test", "Test"), train: files("train", "Train"),
		read: readARC,
	}
}

// readARC reads the hub's rows (question, choices.text, choices.label) and the original's, where all that is inside question and
// the question itself is its stem.
func readARC(r records.Row) (Question, error) {
	question, err := firstOf(r, "question", "question.stem")
	if err != nil {
		return Question{}, err
	}
	return readLabelled(r, "Question: "+question+"\nAnswer:")
}

// readLabelled reads choices with labels, the label of the right one in answerKey, and the id.
func readLabelled(r records.Row, prompt string) (Question, error) {
	prefix := ""
	if !r.Has("choices.text") {
		prefix = "question."
	}
	choices, err := r.Texts(prefix + "choices.text")
	if err != nil {
		return Question{}, err
	}
	labels, err := r.Texts(prefix + "choices.label")
	if err != nil {
		return Question{}, err
	}
	if len(labels) != len(choices) {
		return Question{}, r.Error("choices.label", "as many labels as choices")
	}
	key, err := r.Text("answerKey")
	if err != nil {
		return Question{}, err
	}
	answer, err := labelled(r, labels, trimLeft(key))
	if err != nil {
		return Question{}, err
	}
	id, _ := r.Text("id")
	return ask(id, prompt, choices, answer), nil
}

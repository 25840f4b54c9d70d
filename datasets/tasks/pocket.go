package tasks

import (
	"strconv"

	"github.com/parelab/pare/datasets/pocket"
)

var pocketTask = &Task{
	Name: "pocket", Version: "1", Metrics: []string{"acc", "acc_norm"},
	Card: Card{
		Title:    "pocket: questions about the stories of the embedded world, four answers each",
		Source:   "made by this program: datasets/pocket, CARD.md",
		Split:    "the Test side of the world, 500 questions or as many as are asked for",
		Licence:  "that of this project",
		Prompt:   "{story} {question}",
		Citation: "none",
	},
	made: func(n int, seed uint64) []Question {
		questions := make([]Question, n)
		for i, q := range pocket.Questions(n, seed) {
			questions[i] = ask(strconv.Itoa(i), q.Context, q.Choices, q.Answer)
		}
		return questions
	},
}

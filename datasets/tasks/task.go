package tasks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/parelab/pare/datasets/records"
)

// Task is a set of multiple-choice questions and how they are asked.
type Task struct {
	Name    string
	Version string   // changes whenever a result would
	Metrics []string // what the harness reports, by the names of evaluate.Choices; the papers' own comes first
	Card    Card

	dirs  []string // names of folders that hold the files, below the one that is given
	test  []string // patterns of the files asked about, by preference
	train []string // and of those that solved examples come from
	read  func(r records.Row) (Question, error)
	made  func(n int, seed uint64) []Question // where there are no files
}

// Card tells where a task comes from and what it asks.
type Card struct {
	Title    string
	Source   string // address of the files
	Repo     string // name on the Hugging Face hub
	Split    string // which part is asked about
	Licence  string
	Prompt   string // the template; the choice follows it after a space
	Citation string
}

// All lists the tasks, in the order of the papers' tables.
var All = []*Task{boolq, piqa, hellaswag, winogrande, arcEasy, arcChallenge, openbookqa, pocketTask}

// Names lists the tasks' names.
func Names() []string {
	names := make([]string, len(All))
	for i, t := range All {
		names[i] = t.Name
	}
	return names
}

// Find returns the task called name.
func Find(name string) (*Task, error) {
	i := slices.IndexFunc(All, func(t *Task) bool { return t.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("tasks: %q: expected one of %s", name, strings.Join(Names(), ", "))
	}
	return All[i], nil
}

// Question is a question with its choices, ready to be asked.
type Question struct {
	ID      string
	Choices []string // the texts by whose length a likelihood is divided
	Answer  int

	// The likelihood of a choice is that of its continuation behind its context. In most tasks the contexts are equal and the continuation is the choice
	// after a space; in WinoGrande the choice stands in the context and the continuations are equal.
	Contexts, Continuations []string
}

// ask makes a question of a prompt and choices that follow it after a space.
func ask(id, prompt string, choices []string, answer int) Question {
	q := Question{ID: id, Choices: choices, Answer: answer}
	for _, c := range choices {
		q.Contexts = append(q.Contexts, prompt)
		q.Continuations = append(q.Continuations, " "+c)
	}
	return q
}

// solved is the question with its answer, as an example.
func (q Question) solved() string { return q.Contexts[q.Answer] + q.Continuations[q.Answer] }

// between stands between examples.
const between = "\n\n"

// after puts solved examples before the question.
func (q Question) after(examples []Question) Question {
	var text strings.Builder
	for _, e := range examples {
		text.WriteString(e.solved() + between)
	}
	contexts := make([]string, len(q.Contexts))
	for i, c := range q.Contexts {
		contexts[i] = text.String() + c
	}
	q.Contexts = contexts
	return q
}

// check refuses what cannot be asked.
func (q Question) check() error {
	switch {
	case len(q.Choices) < 2:
		return fmt.Errorf("expected at least two choices, found %d", len(q.Choices))
	case q.Answer < 0 || q.Answer >= len(q.Choices):
		return fmt.Errorf("expected an answer from 0 to %d, found %d", len(q.Choices)-1, q.Answer)
	}
	for i, c := range q.Continuations {
		if strings.TrimSpace(c) == "" {
			return fmt.Errorf("choice %d is empty", i)
		}
	}
	return nil
}

// labelled returns the index of the choice with a label, such as "B".
func labelled(r records.Row, labels []string, answer string) (int, error) {
	i := slices.Index(labels, answer)
	if i < 0 {
		return 0, fmt.Errorf("%s: field answerKey: expected one of the labels %q, found %q", r.Where, labels, answer)
	}
	return i, nil
}

// firstOf returns the text of the first of some fields that the row has.
func firstOf(r records.Row, fields ...string) (string, error) {
	for _, f := range fields {
		if r.Has(f) {
			return r.Text(f)
		}
	}
	return r.Text(fields[0])
}

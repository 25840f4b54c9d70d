package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/parelab/pare/datasets/hub"
	"github.com/parelab/pare/datasets/tasks"
	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/evaluate"
	"github.com/parelab/pare/gomlxops/transformer"
)

// Questions says which multiple-choice questions a model is asked. Without tasks it is asked none.
type Questions struct {
	Tasks []string // by name: "pocket", "piqa", …; "papers" stands for the seven of the papers. See tasks.All
	Data  string   // directory with a folder for each task; "" looks for the data sets in the local Hugging Face cache
	Shots int      // solved examples before each question; default none
	Limit int      // only the first so many questions of each task; default all, and 500 of pocket
	Seed  uint64   // of the examples, and of pocket's questions; default 1

	// Bare leaves out the special tokens that the tokenizer puts around a text, as the harness of the papers did; it keeps them now.
	Bare bool
}

// papersTasks is the name that stands for the tasks of the papers' tables.
const papersTasks = "papers"

// find returns the tasks.
func (q Questions) find() (found []*tasks.Task, err error) {
	add := func(t *tasks.Task) {
		if !slices.Contains(found, t) {
			found = append(found, t)
		}
	}
	for _, name := range q.Tasks {
		if name == papersTasks {
			for _, t := range tasks.All[:len(tasks.All)-1] { // all but pocket
				add(t)
			}
			continue
		}
		t, err := tasks.Find(name)
		if err != nil {
			return nil, fmt.Errorf("%w, or %q for the seven of the papers", err, papersTasks)
		}
		add(t)
	}
	return found, nil
}

// String says what was asked, as a trial keeps it: "pocket 1, piqa 1.0; 5 shots, seed 1". Without tasks it is "".
func (q Questions) String() string {
	found, err := q.find()
	if err != nil || len(found) == 0 {
		return strings.Join(q.Tasks, ", ")
	}
	var names []string
	for _, t := range found {
		names = append(names, t.Name+" "+t.Version)
	}
	text := strings.Join(names, ", ") + fmt.Sprintf("; %d shots, seed %d", q.Shots, cmp.Or(q.Seed, 1))
	if q.Limit > 0 {
		text += fmt.Sprintf(", the first %d", q.Limit)
	}
	if q.Bare {
		text += ", no special tokens"
	}
	return text
}

// TaskResult is what came of one task, with what it takes to compare it.
type TaskResult struct {
	Task     string   `json:"task"`
	Version  string   `json:"version"`
	Metrics  []string `json:"metrics"` // that the task is reported by; the papers' own first
	Shots    int      `json:"shots"`
	Examples string   `json:"examples,omitempty"` // where the solved examples come from
	Seed     uint64   `json:"seed"`
	Limit    int      `json:"limit"` // 0 for none
	Bare     bool     `json:"bare"`
	Split    string   `json:"split"`
	Files    []string `json:"files"`
	Digest   string   `json:"digest"`
	*evaluate.Choices
}

// Metric returns a metric of the result by name.
func (r TaskResult) Metric(name string) (evaluate.Accuracy, error) {
	switch name {
	case "acc":
		return r.Acc, nil
	case "acc_norm":
		return r.AccNorm, nil
	case "acc_bytes":
		return r.AccBytes, nil
	}
	return evaluate.Accuracy{}, fmt.Errorf("metric %q: expected acc, acc_norm or acc_bytes", name)
}

// Answers is what a model made of its questions.
type Answers struct {
	Model   string       `json:"model"`
	Results []TaskResult `json:"tasks"`
	// Mean is over the tasks, of each one's first metric; null for one task. Papers print it.
	Mean *float64 `json:"mean"`
}

// Tasks asks a variant of the model the questions; nil is the model as it is.
func (l *Lab) Tasks(ctx context.Context, m *Model, v *transformer.Variant, q Questions) (*Answers, error) {
	watch := l.watch("Questions to " + m.Name)
	defer watch.Close()
	if v == nil {
		v = m.Dense()
	}
	return l.ask(ctx, m, v, q, watch)
}

func (l *Lab) ask(ctx context.Context, m *Model, v *transformer.Variant, q Questions, rec gomlxops.Recorder) (*Answers, error) {
	found, err := q.find()
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("expected tasks, found none; choose of %s, or %s", strings.Join(tasks.Names(), ", "), papersTasks)
	}
	sets := make([]*tasks.Set, len(found)) // all are read before any is asked: a file that is missing is not found out after an hour
	for i, t := range found {
		if sets[i], err = q.load(t); err != nil {
			return nil, err
		}
	}
	a := &Answers{Model: m.Name}
	sum := 0.0
	for _, set := range sets {
		r, err := q.measure(ctx, m, v, set, rec)
		if err != nil {
			return nil, fmt.Errorf("task %s: %w", set.Task.Name, err)
		}
		main, err := r.Metric(r.Metrics[0])
		if err != nil {
			return nil, err
		}
		sum += main.Value
		a.Results = append(a.Results, *r)
	}
	if n := len(a.Results); n > 1 {
		mean := sum / float64(n)
		a.Mean = &mean
	}
	return a, nil
}

// load reads a task's questions, from the directory or from the data set's folder in the cache.
func (q Questions) load(t *tasks.Task) (*tasks.Set, error) {
	dir, opt := q.Data, tasks.Options{Shots: q.Shots, Limit: q.Limit, Seed: q.Seed}
	if dir != "" || t.Card.Repo == "" {
		return t.Load(dir, opt)
	}
	dir, err := hub.Resolve(hub.Dataset, t.Card.Repo)
	if err != nil {
		return nil, fmt.Errorf("task %s: no directory of data was given, and: %w; the files are at %s", t.Name, err, t.Card.Source)
	}
	set, err := t.Load(dir, opt)
	if errors.Is(err, tasks.ErrNoData) {
		err = fmt.Errorf("%w (found in the cache, in another form)", err)
	}
	return set, err
}

func (q Questions) measure(ctx context.Context, m *Model, v *transformer.Variant, set *tasks.Set, rec gomlxops.Recorder) (*TaskResult, error) {
	items, err := q.encode(m, set)
	if err != nil {
		return nil, err
	}
	choices, err := evaluate.MeasureChoices(ctx, v, items, stageOf{gomlxops.OrDiscard(rec), set.Task.Name})
	if err != nil {
		return nil, err
	}
	r := &TaskResult{
		Task: set.Task.Name, Version: set.Task.Version, Metrics: set.Task.Metrics, Shots: q.Shots, Examples: set.Examples, Seed: cmp.Or(q.Seed, 1),
		Limit: q.Limit, Bare: q.Bare, Split: set.Task.Card.Split, Digest: set.Digest, Files: []string{}, Choices: choices,
	}
	for _, f := range set.Files {
		r.Files = append(r.Files, filepath.Base(f))
	}
	return r, nil
}

// encode turns a set into what evaluate asks.
func (q Questions) encode(m *Model, set *tasks.Set) ([]evaluate.Item, error) {
	if err := m.NeedTokenizer(); err != nil {
		return nil, err
	}
	t := tasks.Tokens{Encode: m.Tokenizer.EncodeSpecial, Plain: m.Tokenizer.Encode, Prefix: m.Tokenizer.BOS()}
	if q.Bare {
		t.Encode = m.Tokenizer.Encode
	}
	if t.Prefix < 0 {
		t.Prefix = m.Tokenizer.EOS()
	}
	items := make([]evaluate.Item, len(set.Questions))
	for i, question := range set.Questions {
		encoded, err := question.Encode(t)
		if err != nil {
			return nil, err
		}
		items[i] = evaluate.Item{ID: question.ID, Answer: question.Answer}
		for _, e := range encoded {
			items[i].Options = append(items[i].Options, evaluate.Option(e))
		}
	}
	return items, nil
}

// stageOf names the progress of an operation after what it works on.
type stageOf struct {
	gomlxops.Recorder
	stage string
}

func (s stageOf) Progress(_ string, done, total int) { s.Recorder.Progress(s.stage, done, total) }

// Tasks asks a variant of the model questions in a cell; nil is the model as it is. See [Lab.Tasks].
func Tasks(m *Model, v *transformer.Variant, q Questions) *Answers {
	return must(here().Tasks(interruptible(), m, v, q))
}

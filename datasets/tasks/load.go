package tasks

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/parelab/pare/datasets/records"
)

// Options are the choices of [Task.Load]. The zero value works.
type Options struct {
	Shots int    // solved examples before each question; default none
	Limit int    // only the first so many questions; default all, and 500 of pocket's, which have no end
	Seed  uint64 // of the examples, and of pocket's questions; default 1
}

// defaultQuestions is how many questions are made where there is no end of them.
const defaultQuestions = 500

// Set is the questions of a task.
type Set struct {
	Task      *Task
	Files     []string // that were read
	Digest    string   // of these files; of the questions where there are none
	Examples  string   // where solved examples come from, "" where there are none
	Questions []Question
}

// Errors of [Task.Load], to be told apart with errors.Is.
var ErrNoData = errors.New("the task's files are not there")

// Load reads the task's questions from its files below dir: in a folder of the task's name, or of the name that its files are distributed
// in, or in dir itself. Solved examples come from the task's training part where that is there, otherwise from the other questions.
func (t *Task) Load(dir string, opt Options) (*Set, error) {
	if opt.Shots < 0 || opt.Limit < 0 {
		return nil, fmt.Errorf("tasks: %s: expected shots and limit of at least 0, found %d and %d", t.Name, opt.Shots, opt.Limit)
	}
	if opt.Seed == 0 {
		opt.Seed = 1
	}
	set, examples, err := t.load(dir, opt)
	if err != nil {
		return nil, fmt.Errorf("tasks: %s: %w", t.Name, err)
	}
	if err := set.show(examples, opt); err != nil {
		return nil, fmt.Errorf("tasks: %s: %w", t.Name, err)
	}
	return set, nil
}

// load returns the questions, and what examples are drawn from: nil for the questions themselves.
func (t *Task) load(dir string, opt Options) (set *Set, examples []Question, err error) {
	if t.made != nil {
		n := opt.Limit
		if n == 0 {
			n = defaultQuestions
		}
		set = &Set{Task: t, Questions: t.made(n, opt.Seed)}
		set.Digest = digestOf(set.Questions)
		return set, t.made(opt.Shots*8, opt.Seed+1), nil
	}
	set = &Set{Task: t}
	if set.Files, err = t.find(dir, t.test); err != nil {
		return nil, nil, err
	}
	if set.Questions, err = t.questions(set.Files); err != nil {
		return nil, nil, err
	}
	if set.Digest, err = digestFiles(set.Files); err != nil {
		return nil, nil, err
	}
	if opt.Shots == 0 {
		return set, nil, nil
	}
	train, err := t.find(dir, t.train)
	if errors.Is(err, ErrNoData) {
		return set, nil, nil
	}
	if err == nil {
		examples, err = t.questions(train)
	}
	return set, examples, err
}

// find returns the files of the first pattern that matches any.
func (t *Task) find(dir string, patterns []string) ([]string, error) {
	if dir == "" {
		return nil, fmt.Errorf("%w: no directory of data was given; get them from %s", ErrNoData, t.Card.Source)
	}
	for _, sub := range append(append([]string{t.Name}, t.dirs...), "") {
		for _, pattern := range patterns {
			found, err := filepath.Glob(filepath.Join(escape(dir), sub, filepath.FromSlash(pattern)))
			if err != nil {
				return nil, err
			}
			if len(found) > 0 {
				return found, nil
			}
		}
	}
	return nil, fmt.Errorf("%w: expected one of %s below %s, in a folder %s; get them from %s", ErrNoData,
		strings.Join(patterns, ", "), dir, strings.Join(append([]string{t.Name}, t.dirs...), " or "), t.Card.Source)
}

// escape takes the meaning from what is a pattern's in the name of a directory.
func escape(dir string) string {
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// questions reads files.
func (t *Task) questions(files []string) ([]Question, error) {
	var all []Question
	for _, path := range files {
		rows, err := records.Read(path)
		if err != nil {
			return nil, err
		}
		labels, err := labelsBeside(path, len(rows))
		if err != nil {
			return nil, err
		}
		for i, r := range rows {
			if labels != nil && !r.Has("label") && !r.Has("answer") {
				r = r.With(map[string]any{"label": labels[i], "answer": labels[i]})
			}
			q, err := t.read(r)
			if err != nil {
				return nil, err
			}
			if q.ID == "" {
				q.ID = fmt.Sprint(len(all))
			}
			if err := q.check(); err != nil {
				return nil, fmt.Errorf("%s: %w", r.Where, err)
			}
			all = append(all, q)
		}
	}
	return all, nil
}

// labelsBeside reads the answers that some tasks keep apart from the questions: for valid.jsonl one on each line of
// valid-labels.lst. It is nil where there is no such file.
func labelsBeside(path string, rows int) ([]string, error) {
	path = strings.TrimSuffix(path, filepath.Ext(path)) + "-labels.lst"
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	labels := strings.Fields(string(raw))
	if len(labels) != rows {
		return nil, fmt.Errorf("%s: expected %d answers, one for each question, found %d", path, rows, len(labels))
	}
	return labels, nil
}

// show cuts the questions to the limit and puts examples before each, drawn for it alone.
func (s *Set) show(examples []Question, opt Options) error {
	pool, from := examples, "the training part"
	if pool == nil {
		pool, from = s.Questions, "the other questions, as there is no training part"
	}
	if opt.Shots > 0 && len(pool) <= opt.Shots {
		return fmt.Errorf("%d solved examples are wanted before each question, but there are only %d questions to draw from", opt.Shots, len(pool))
	}
	if s.Task.made != nil {
		from = "other questions of the same world"
	}
	if opt.Shots > 0 {
		s.Examples = from
	}
	asked := s.Questions
	if opt.Limit > 0 {
		asked = asked[:min(opt.Limit, len(asked))]
	}
	shown := make([]Question, len(asked))
	for i, q := range asked {
		var drawn []Question
		rng := rand.New(rand.NewPCG(opt.Seed, uint64(i)))
		for taken := map[int]bool{}; len(drawn) < opt.Shots; {
			if at := rng.IntN(len(pool)); !taken[at] && (examples != nil || at != i) {
				taken[at] = true
				drawn = append(drawn, pool[at])
			}
		}
		shown[i] = q.after(drawn)
	}
	s.Questions = shown
	return nil
}

// digestFiles is the SHA-256, in hexadecimal, over the files' contents in order.
func digestFiles(files []string) (string, error) {
	h := sha256.New()
	for _, path := range files {
		f, err := os.Open(path)
		if err != nil {
			return "", err
		}
		_, err = io.Copy(h, f)
		if err := errors.Join(err, f.Close()); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func digestOf(questions []Question) string {
	h := sha256.New()
	for _, q := range questions {
		fmt.Fprintf(h, "%q %q %d\n", q.Contexts, q.Choices, q.Answer)
	}
	return hex.EncodeToString(h.Sum(nil))
}

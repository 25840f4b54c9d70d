package evaluate

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/transformer"
)

// Symbols of this file, as lm-evaluation-harness has them (EleutherAI, lm_eval/api/task.py, process_results of multiple_choice).
//
//	x      context, the tokens before a choice
//	y      continuation, the tokens of a choice
//	ll     ln p(y | x), summed over the tokens of y; one for each choice
//	chars  Unicode characters of a choice's text, without the space before it
//	bytes  its bytes in UTF-8

// Option is one choice of a question behind its context.
type Option struct {
	Tokens []int32 // x and y
	From   int     // where y begins, at least 1
	Chars  int     // of the choice's text
	Bytes  int     // of the choice's text
}

// Item is a question with its choices.
type Item struct {
	ID      string
	Options []Option
	Answer  int // index of the right one
}

// Accuracy is the fraction of questions answered right.
type Accuracy struct {
	Value  float64 `json:"value"`
	StdErr float64 `json:"std_err"` // √(p(1−p)/(n−1)); 0 for one question
}

// Answered is what a model made of one question.
type Answered struct {
	ID             string    `json:"id"`
	Answer         int       `json:"answer"`
	LogLikelihoods []float64 `json:"log_likelihoods"` // of each choice, in nats
	Tokens         []int     `json:"tokens"`          // of each choice's continuation
	Chars          []int     `json:"chars"`
	Bytes          []int     `json:"bytes"`
	Pick           int       `json:"pick"` // the choice that acc counts, and so on
	PickNorm       int       `json:"pick_norm"`
	PickBytes      int       `json:"pick_bytes"`
	Truncated      bool      `json:"truncated,omitempty"` // some context did not fit
}

// Choices is the outcome of [MeasureChoices].
type Choices struct {
	N        int      `json:"n"`
	Acc      Accuracy `json:"acc"`       // the choice with the largest ll
	AccNorm  Accuracy `json:"acc_norm"`  // with the largest ll/chars
	AccBytes Accuracy `json:"acc_bytes"` // with the largest ll/bytes
	Chance   float64  `json:"chance"`    // of a blind guess

	Truncated int     `json:"truncated"` // questions of which some context did not fit
	Tokens    int     `json:"tokens"`    // read, without what fills up
	DType     string  `json:"dtype"`
	Compute   string  `json:"compute"`
	Backend   string  `json:"backend"`
	Seconds   float64 `json:"seconds"`

	Warnings []string   `json:"warnings,omitempty"`
	Answers  []Answered `json:"-"`
}

// MeasureChoices asks v all questions: it picks the choice whose continuation it finds most likely, as it is, per character and per
// byte of the choice's text, the first of equals. acc and acc_norm are those of lm-evaluation-harness, whose acc_norm divides by characters although it
// is often said to divide by bytes; acc_bytes is its metric of that name.
//
// A question too long for the model loses the beginning of its context, one token more than in the harness, and is counted. Errors: no
// questions, an option without context or continuation or with a continuation that does not fit, an answer that is none of the
// options, and a loss that is not finite; all name the question.
func MeasureChoices(ctx context.Context, v *transformer.Variant, items []Item, rec gomlxops.Recorder) (*Choices, error) {
	began := time.Now()
	q, err := newQuestions(items, v.Model().Config().MaxPositions)
	if err != nil {
		return nil, fmt.Errorf("cannot ask questions: %w", err)
	}
	losses, err := v.TokenLosses(ctx, q.sequences, transformer.RunOptions{Recorder: rec, Stage: "choices"})
	if err != nil {
		return nil, fmt.Errorf("cannot ask questions: %w", err)
	}
	c := &Choices{
		N: len(items), Tokens: q.tokens, DType: storedType(v.Model()), Compute: "float32", Backend: gomlxops.BackendName(),
		Answers: make([]Answered, len(items)),
	}
	for i, item := range items {
		c.Answers[i] = q.answered(i, item, losses)
	}
	c.summarise(items)
	c.Seconds = time.Since(began).Seconds()
	return c, nil
}

// questions are items as sequences to run.
type questions struct {
	sequences [][]int32
	from      []int // of each sequence, where the continuation begins
	first     []int // of each item, its first sequence
	truncated []bool
	tokens    int
}

func newQuestions(items []Item, longest int) (*questions, error) {
	if len(items) == 0 {
		return nil, fmt.Errorf("expected at least one question, found none")
	}
	q := &questions{truncated: make([]bool, len(items))}
	for i, item := range items {
		if item.Answer < 0 || item.Answer >= len(item.Options) {
			return nil, fmt.Errorf("question %d (%s): the right answer is number %d of %d", i, item.ID, item.Answer, len(item.Options))
		}
		q.first = append(q.first, len(q.sequences))
		for j, o := range item.Options {
			continuation := len(o.Tokens) - o.From
			if o.From < 1 || continuation < 1 || continuation >= longest {
				return nil, fmt.Errorf("question %d (%s), choice %d: expected a context and a continuation that fit into %d tokens, found %d and %d tokens",
					i, item.ID, j, longest, o.From, continuation)
			}
			cut := max(len(o.Tokens)-longest, 0)
			q.truncated[i] = q.truncated[i] || cut > 0
			q.sequences = append(q.sequences, o.Tokens[cut:])
			q.from = append(q.from, o.From-cut)
			q.tokens += len(o.Tokens) - cut
		}
	}
	return q, nil
}

// answered adds up the losses of an item's choices and picks.
func (q *questions) answered(i int, item Item, losses [][]float32) Answered {
	a := Answered{ID: item.ID, Answer: item.Answer, Truncated: q.truncated[i]}
	perChar, perByte := make([]float64, len(item.Options)), make([]float64, len(item.Options))
	for j, o := range item.Options {
		at, ll := q.first[i]+j, 0.0
		for _, loss := range losses[at][q.from[at]-1:] {
			ll -= float64(loss)
		}
		a.LogLikelihoods = append(a.LogLikelihoods, ll)
		a.Tokens = append(a.Tokens, len(o.Tokens)-o.From)
		a.Chars, a.Bytes = append(a.Chars, o.Chars), append(a.Bytes, o.Bytes)
		perChar[j], perByte[j] = ll/float64(o.Chars), ll/float64(o.Bytes)
	}
	a.Pick, a.PickNorm, a.PickBytes = largest(a.LogLikelihoods), largest(perChar), largest(perByte)
	return a
}

// largest returns the index of the largest value, the first of equals.
func largest(values []float64) int {
	best := 0
	for i, v := range values {
		if v > values[best] {
			best = i
		}
	}
	return best
}

func (c *Choices) summarise(items []Item) {
	var right, norm, bytes int
	for i, a := range c.Answers {
		c.Chance += 1 / float64(len(items[i].Options))
		right += one(a.Pick == a.Answer)
		norm += one(a.PickNorm == a.Answer)
		bytes += one(a.PickBytes == a.Answer)
		c.Truncated += one(a.Truncated)
	}
	c.Chance /= float64(c.N)
	c.Acc, c.AccNorm, c.AccBytes = accuracy(right, c.N), accuracy(norm, c.N), accuracy(bytes, c.N)
	if c.N == 1 {
		c.Warnings = append(c.Warnings, "one question tells no standard error; two or more would")
	}
	if c.Truncated > 0 {
		c.Warnings = append(c.Warnings, fmt.Sprintf("%d of %d questions lost the beginning of their context: they have more tokens than the model has positions", c.Truncated, c.N))
	}
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// accuracy is the mean of n ones and zeros with its standard error, from the sample's standard deviation.
func accuracy(right, n int) Accuracy {
	a := Accuracy{Value: float64(right) / float64(n)}
	if n > 1 {
		a.StdErr = math.Sqrt(a.Value * (1 - a.Value) / float64(n-1))
	}
	return a
}

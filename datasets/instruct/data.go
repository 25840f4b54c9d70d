package instruct

import (
	"fmt"
	"math/rand/v2"

	"github.com/parelab/pare/datasets"
)

// Options are the choices of [Set.Encode]. The zero value works.
type Options struct {
	Template string // by name, see [Templates]; "" is what suits the set: pocket for pocket's, alpaca for all others
	Length   int    // most tokens of a sequence, at least 2; 0 is 256. What is longer is cut off
	Batch    int    // sequences of a step; 0 is 8
	Held     int    // examples kept for measuring; 0 is 2000, a tenth of all at most. Negative keeps none
	Whole    bool   // the prompt is learnt, too
	Seed     uint64 // of the order, and of which examples are kept for measuring; 0 is 1
}

// withDefaults fills in what was left zero.
func (o Options) withDefaults(s *Set) Options {
	for _, f := range []struct {
		field *int
		value int
	}{{&o.Length, 256}, {&o.Batch, 8}, {&o.Held, 2000}} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	if o.Template == "" {
		o.Template = s.Template
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	return o
}

// Counts says what became of examples.
type Counts struct {
	Examples     int   `json:"examples"`      // sequences made
	Cut          int   `json:"cut"`           // of these, were too long
	Dropped      int   `json:"dropped"`       // examples of whose answer nothing was left
	Tokens       int64 `json:"tokens"`        // in all sequences, what fills them up left out
	AnswerTokens int64 `json:"answer_tokens"` // predictions that count
}

// Data is what a model is tuned and measured on.
type Data struct {
	Train *datasets.Batches

	// HeldTokens and HeldWeights are the sequences kept for measuring. No task of theirs is among those trained on.
	HeldTokens  [][]int32
	HeldWeights [][]float32

	Length                  int // tokens of every sequence: of the longest, at most Options.Length
	TrainCounts, HeldCounts Counts
	Template                string
}

// Encode encodes the examples. Every sequence has Length tokens, and a weight for each prediction: 1 in an answer, 0 in a prompt and in what fills up.
func (s *Set) Encode(t Tokens, opt Options) (*Data, error) {
	opt = opt.withDefaults(s)
	if opt.Length < 2 || opt.Batch < 1 {
		return nil, fmt.Errorf("instruct: expected sequences of at least 2 tokens and batches of at least 1, found %d and %d", opt.Length, opt.Batch)
	}
	template, err := FindTemplate(opt.Template)
	if err != nil {
		return nil, err
	}
	d := &Data{Template: template.Name}
	train, held := s.split(opt)
	if len(train) == 0 {
		return nil, fmt.Errorf("instruct: %s: all of %d rows ask the same, and are kept for measuring: expected more than one question, or none kept", s.Name, len(s.Examples))
	}
	trained, err := t.encodeAll(train, template, opt, &d.TrainCounts)
	if err != nil {
		return nil, err
	}
	measured, err := t.encodeAll(held, template, opt, &d.HeldCounts)
	if err != nil {
		return nil, err
	}
	if len(trained) == 0 {
		return nil, fmt.Errorf("instruct: %s: nothing of any of %d answers is within %d tokens; a longer cut-off leaves more than the prompts", s.Name, len(train), opt.Length)
	}
	for _, one := range append(trained[:len(trained):len(trained)], measured...) {
		d.Length = max(d.Length, len(one.tokens))
	}
	d.HeldTokens, d.HeldWeights = t.fill(measured, d.Length)
	tokens, weights := t.fill(trained, d.Length)
	d.Train, err = datasets.NewBatches(tokens, weights, opt.Batch, opt.Seed)
	return d, err
}

// split returns what is trained and what is measured on.
func (s *Set) split(opt Options) (train, held []Example) {
	n := opt.Held
	if s.Held != nil {
		return s.Examples, s.Held[:max(0, min(n, len(s.Held)))]
	}
	asked := map[string]bool{}
	n = min(n, len(s.Examples)/10)
	for _, i := range rand.New(rand.NewPCG(opt.Seed, splitStream)).Perm(len(s.Examples)) {
		if len(asked) >= n {
			break
		}
		asked[s.Examples[i].ask()] = true
	}
	for _, e := range s.Examples {
		if asked[e.ask()] {
			held = append(held, e)
		} else {
			train = append(train, e)
		}
	}
	return train, held
}

// splitStream keeps the split's random numbers apart from those of the order.
const splitStream = 0x5917

// encodeAll encodes examples, and counts.
func (t Tokens) encodeAll(examples []Example, template Template, opt Options, counts *Counts) ([]sequence, error) {
	var all []sequence
	for _, e := range examples {
		s, err := t.encode(e, template, opt)
		if err != nil {
			return nil, fmt.Errorf("instruct: %w", err)
		}
		if opt.Whole {
			s.mark(0, len(s.learn))
		}
		answer := s.counted()
		if answer == 0 {
			counts.Dropped++
			continue
		}
		counts.Examples++
		if s.isCut {
			counts.Cut++
		}
		counts.Tokens += int64(len(s.tokens))
		counts.AnswerTokens += int64(answer)
		all = append(all, s)
	}
	return all, nil
}

// counted is how many predictions count: the first token is not predicted.
func (s *sequence) counted() (n int) {
	for i, learn := range s.learn {
		if learn && i > 0 {
			n++
		}
	}
	return n
}

// fill makes all sequences equally long.
func (t Tokens) fill(all []sequence, length int) (tokens [][]int32, weights [][]float32) {
	for _, s := range all {
		ids, w := make([]int32, length), make([]float32, length-1)
		for i := range ids {
			if ids[i] = t.Pad; i < len(s.tokens) {
				ids[i] = s.tokens[i]
			}
			if i > 0 && i < len(s.tokens) && s.learn[i] {
				w[i-1] = 1
			}
		}
		tokens, weights = append(tokens, ids), append(weights, w)
	}
	return tokens, weights
}

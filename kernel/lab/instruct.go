package lab

import (
	"fmt"
	"strings"

	"github.com/parelab/pare/datasets/instruct"
	"github.com/parelab/pare/gomlxops/recovery"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/kernel/show"
)

// Instruct says which instructions a model is tuned on, and how they are worded. The zero value is pocket's.
type Instruct struct {
	// Data is "pocket", which empty is too, a JSON, JSON lines or Parquet file, a directory of them, or org/name[@revision] in the Hugging Face hub's
	// cache ('pare data pull'). A split, a file or a folder may follow after a colon. See [instruct.Open].
	Data     string
	Template string // alpaca, alpaca-lora or pocket; "" is pocket for pocket's data and alpaca for all others
	Length   int    // most tokens of a sequence; default 256, and no more than the model has positions for
	Batch    int    // sequences of a step; default 8
	Held     int    // examples kept for measuring; default 2000, a tenth of all at most. Negative keeps none
	Limit    int    // only the first so many examples; default all
	Whole    bool   // the prompt is learnt, too
	Seed     uint64 // of the order, and of which examples are kept for measuring; default 1

	SkipEmpty bool // leaves out rows without an answer, which are an error otherwise
}

// String says what is trained on, as a trial and a saved state keep it.
func (q Instruct) String() string {
	q = q.withDefaults()
	text := fmt.Sprintf("%s, template %s, %d tokens, batch %d, held %d, seed %d", q.Data, q.Template, q.Length, q.Batch, q.Held, q.Seed)
	if q.Limit > 0 {
		text += fmt.Sprintf(", the first %d", q.Limit)
	}
	if q.Whole {
		text += ", prompts learnt"
	}
	return text
}

func (q Instruct) withDefaults() Instruct {
	if q.Data == "" {
		q.Data = Pocket
	}
	if q.Template == "" {
		q.Template = instruct.Templates[0].Name
		if q.Data == Pocket {
			q.Template = instruct.PocketTemplate
		}
	}
	for _, f := range []struct {
		field *int
		value int
	}{{&q.Length, 256}, {&q.Batch, 8}, {&q.Held, 2000}} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	if q.Seed == 0 {
		q.Seed = 1
	}
	return q
}

// InstructionData is instructions as a model is tuned and measured on them: HeldTokens and HeldWeights go into [recovery.TrainOptions], as
// does Name for its Data.
type InstructionData struct {
	*instruct.Data
	Name   string // what it is, with all that the batches depend on
	Digest string // of the examples
	Files  []string
	Empty  int // rows left out for want of an answer
}

// Next is the batch of a step, counted from 1: the same whenever it is asked for.
func (d *InstructionData) Next(step int) recovery.Batch {
	tokens, weights := d.Train.At(step)
	return recovery.Batch{Tokens: tokens, Weights: weights}
}

// Instructions reads instructions and encodes them for a model. Every sequence has as many tokens; the predictions of prompts weigh nothing.
func (l *Lab) Instructions(m *Model, q Instruct) (*InstructionData, error) {
	if err := m.NeedTokenizer(); err != nil {
		return nil, err
	}
	q = q.withDefaults()
	if most := m.Config().MaxPositions; most > 0 {
		q.Length = min(q.Length, most+1) // the last token is predicted, and takes no position
	}
	set, err := instruct.Open(q.Data, instruct.OpenOptions{Limit: q.Limit, SkipEmpty: q.SkipEmpty})
	if err != nil {
		return nil, err
	}
	data, err := set.Encode(instruct.Of(m.Tokenizer), instruct.Options{
		Template: q.Template, Length: q.Length, Batch: q.Batch, Held: q.Held, Whole: q.Whole, Seed: q.Seed,
	})
	if err != nil {
		return nil, err
	}
	for _, held := range data.HeldTokens { // those to train on are looked at by the training
		if err := transformer.CheckTokens([][]int32{held[:len(held)-1]}, m.Config()); err != nil {
			return nil, fmt.Errorf("instructions %s: %w", q.Data, err)
		}
	}
	return &InstructionData{Data: data, Name: q.String() + ", digest " + set.Digest, Digest: set.Digest, Files: set.Files, Empty: set.Empty}, nil
}

// Facts lays out for people what became of the examples.
func (d *InstructionData) Facts() show.Fragment {
	table := show.Table{
		Title: "Instructions: " + d.Name[:strings.LastIndexByte(d.Name, ',')],
		Columns: []show.Column{
			{Name: "part"}, {Name: "examples", Format: show.Integer}, {Name: "cut off", Format: show.Integer}, {Name: "dropped", Format: show.Integer},
			{Name: "tokens", Format: show.Integer}, {Name: "answer tokens", Format: show.Integer},
		},
		Caption: fmt.Sprintf("Sequences of %d tokens, template %s. Dropped are examples of whose answer nothing is within them.", d.Length, d.Template),
	}
	for _, part := range []struct {
		name string
		instruct.Counts
	}{{"to train on", d.TrainCounts}, {"held out", d.HeldCounts}} {
		table.Rows = append(table.Rows, []any{part.name, part.Examples, part.Cut, part.Dropped, part.Tokens, part.AnswerTokens})
	}
	if d.Empty > 0 {
		table.Caption += fmt.Sprintf(" %d rows without an answer were left out.", d.Empty)
	}
	return table
}

// Instructions reads instructions in a cell. See [Lab.Instructions].
func Instructions(m *Model, q Instruct) *InstructionData { return must(here().Instructions(m, q)) }

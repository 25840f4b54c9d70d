package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/parelab/pare/datasets/tokenizer"
	"github.com/parelab/pare/gomlxops/evaluate"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/kernel/show"
)

// Generation says how a text is continued. The zero value takes the most likely token, 128 times or until the text ends.
type Generation struct {
	transformer.Sampling
	MaxTokens int      // at most; default 128
	MinTokens int      // the text does not end by itself before these
	Stop      []string // texts that end the text and are no part of it

	Chat   bool   // the prompt is what a user says, and the model answers, by its chat template
	System string // in a chat, what comes before

	Variant *transformer.Variant // what continues, such as an outcome's; nil is the model as it is
}

// Continuation is how a text was continued.
type Continuation struct {
	Model        string               `json:"model"`
	Prompt       string               `json:"prompt"` // as the model read it
	PromptTokens int                  `json:"prompt_tokens"`
	Text         string               `json:"text"`
	Tokens       []int32              `json:"tokens"`
	Finish       transformer.Finish   `json:"finish"`
	Sampling     transformer.Sampling `json:"sampling"`

	PromptSeconds   float64 `json:"prompt_seconds"` // until the first token
	Seconds         float64 `json:"seconds"`        // from then on
	TokensPerSecond float64 `json:"tokens_per_second"`
	Full            bool    `json:"full"` // the model has no position left

	// How much the new tokens repeat themselves: see [evaluate.Distinct] for two, [evaluate.Repetition] for the last. Those of longer texts are less diverse.
	Distinct1   float64 `json:"distinct_1"`
	Distinct2   float64 `json:"distinct_2"`
	Repetition4 float64 `json:"repetition_4"`
}

// Generate continues a prompt and writes what is new to out, in whole characters, as it comes; a nil out is written nothing.
//
// With an error there is a result as well, of what was generated before; an interrupt is such an error.
func (l *Lab) Generate(ctx context.Context, m *Model, prompt string, opt Generation, out io.Writer) (*Continuation, error) {
	done := &Continuation{Model: m.Name, Prompt: prompt, Tokens: []int32{}, Finish: transformer.FinishBreak, Sampling: opt.Sampling}
	if err := m.NeedTokenizer(); err != nil {
		return done, err
	}
	ids, err := opt.read(m.Tokenizer, &done.Prompt)
	if err != nil {
		return done, fmt.Errorf("%s: %w", m.Name, err)
	}
	v := opt.Variant
	if v == nil {
		v = m.Dense()
	}
	w := &stopWriter{out: out, stops: opt.Stop}
	text := m.Tokenizer.Stream(false)
	for _, id := range ids {
		text.Next(id) // a word may be spelt otherwise at the beginning of a text
	}
	how := transformer.GenerateOptions{Sampling: opt.Sampling, MaxTokens: opt.MaxTokens, MinTokens: opt.MinTokens}
	if ends := m.Tokenizer.Ends(); len(ends) > 0 {
		how.Stops = ends // the configuration names one of them at most
	}
	generated, err := v.Generate(ctx, ids, how, func(id int32) bool { return w.write(text.Next(id)) })
	w.write(text.Flush())
	w.flush()
	done.take(generated, w.text.String())
	return done, errors.Join(err, w.err)
}

func (c *Continuation) take(g *transformer.Generated, text string) {
	c.PromptTokens, c.Text, c.Finish, c.Full = g.PromptTokens, text, g.Finish, g.Finish == transformer.FinishLength && g.Room == 0
	c.Tokens = append(c.Tokens, g.Tokens...)
	c.PromptSeconds, c.Seconds = g.PromptSeconds, g.Seconds
	said := [][]int32{c.Tokens}
	c.Distinct1, c.Distinct2, c.Repetition4 = evaluate.Distinct(said, 1), evaluate.Distinct(said, 2), evaluate.Repetition(said, 4)
	if g.Steps > 0 {
		c.TokensPerSecond = float64(g.Steps) / g.Seconds
	}
}

// read turns the prompt into tokens: a chat by the template, anything else as the beginning of a text.
func (o *Generation) read(t *tokenizer.Tokenizer, prompt *string) ([]int32, error) {
	if o.Chat {
		turns := []tokenizer.Message{{Role: "user", Content: *prompt}}
		if o.System != "" {
			turns = append([]tokenizer.Message{{Role: "system", Content: o.System}}, turns...)
		}
		text, err := t.ApplyChatTemplate(turns, tokenizer.ChatOptions{AddGenerationPrompt: true})
		if err != nil {
			return nil, err
		}
		*prompt = text
		return t.Encode(text), nil
	}
	if o.System != "" {
		return nil, fmt.Errorf("a system text is for chats only")
	}
	plain, ids := t.Encode(*prompt), t.EncodeSpecial(*prompt)
	if n := len(ids); n > len(plain) && n > 1 && slices.Contains(t.Ends(), ids[n-1]) {
		ids = ids[:n-1] // some families end every text, and this one goes on
	}
	if begin := t.BOS(); len(ids) == 0 && begin >= 0 {
		return []int32{begin}, nil // not put before every text, but before none
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("the prompt is empty, and the model has no token that begins a text: expected a text")
	}
	return ids, nil
}

// stopWriter writes text until one of its stops comes. It holds back what may become one.
type stopWriter struct {
	out   io.Writer
	stops []string
	held  string
	text  strings.Builder // all that was written
	ended bool
	err   error
}

// write takes the next piece and says whether more is wanted.
func (w *stopWriter) write(piece string) (more bool) {
	if w.ended {
		return false
	}
	w.held += strings.ToValidUTF8(piece, "\uFFFD")
	first := -1
	for _, stop := range w.stops {
		if at := strings.Index(w.held, stop); stop != "" && at >= 0 && (first < 0 || at < first) {
			first = at
		}
	}
	if first >= 0 {
		w.emit(first)
		w.held, w.ended = "", true
		return false
	}
	w.emit(len(w.held) - w.begun())
	return w.err == nil
}

// begun is the length of the longest beginning of a stop that the held text ends with.
func (w *stopWriter) begun() (longest int) {
	for _, stop := range w.stops {
		for n := min(len(stop)-1, len(w.held)); n > longest; n-- {
			if strings.HasSuffix(w.held, stop[:n]) {
				longest = n
			}
		}
	}
	return longest
}

// emit writes the first n bytes of the held text.
func (w *stopWriter) emit(n int) {
	piece := w.held[:n]
	w.held = w.held[n:]
	if piece == "" || w.err != nil {
		return
	}
	w.text.WriteString(piece)
	if w.out != nil {
		if _, err := io.WriteString(w.out, piece); err != nil {
			w.err, w.ended = fmt.Errorf("cannot write the text: %w", err), true
		}
	}
}

// flush writes what is held back: no stop came of it.
func (w *stopWriter) flush() { w.emit(len(w.held)) }

// Ended says in words why the text ended.
func (c *Continuation) Ended() string {
	switch {
	case c.Finish == transformer.FinishStop:
		return "it came to its end"
	case c.Full:
		return "the model has no position left"
	case c.Finish == transformer.FinishLength:
		return "that many were asked for"
	}
	return "it was broken off"
}

// Facts lays text and speed out for people.
func (c *Continuation) Facts() show.Fragment {
	return show.Facts{
		Title: "Text by " + c.Model,
		Items: []show.Fact{
			{Name: "prompt", Value: c.Prompt},
			{Name: "text", Value: c.Text},
			{Name: "prompt tokens", Value: c.PromptTokens},
			{Name: "new tokens", Value: len(c.Tokens)},
			{Name: "ended because", Value: c.Ended()},
			{Name: "until the first token", Value: c.PromptSeconds, Format: show.Seconds},
			{Name: "speed", Value: c.TokensPerSecond, Unit: "tokens/s", Format: "%.1f"},
		},
	}
}

package transformer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// GenerateOptions says how a text is continued. The zero value takes the most likely token, 128 times or until the text ends.
type GenerateOptions struct {
	Sampling
	MaxTokens int     // at most; 0 is 128
	MinTokens int     // before these no stop token is chosen
	Stops     []int32 // tokens that end the text and are no part of it; nil is the configuration's EOS where it has one
}

// defaultMaxTokens is MaxTokens where nothing is said: a paragraph.
const defaultMaxTokens = 128

// Finish says why a text ended.
type Finish string

// The reasons.
const (
	FinishStop   Finish = "stop"   // a stop token was chosen, or the caller had enough
	FinishLength Finish = "length" // MaxTokens, or the model has no position left
	FinishBreak  Finish = "break"  // an error, an interrupt among them
)

// Generated is how a text was continued.
type Generated struct {
	Tokens        []int32 // new ones, without a stop token
	Finish        Finish
	PromptTokens  int
	Steps         int     // tokens read behind the prompt; the last one chosen need not be
	Room          int     // tokens that the model could read still
	PromptSeconds float64 // until the first token could be chosen
	Seconds       float64 // from then on
}

// Generate continues a prompt, and shows each token to use as soon as it is chosen, until use returns false. A nil use sees
// none.
//
// Errors are those of [Variant.Generator], and options out of range. With an error there is a result as well, of what was
// generated before; a cancelled ctx is such an error.
func (v *Variant) Generate(ctx context.Context, prompt []int32, opt GenerateOptions, use func(token int32) bool) (*Generated, error) {
	done := &Generated{Finish: FinishBreak, PromptTokens: len(prompt)}
	if err := opt.settle(v.m.config); err != nil {
		return done, err
	}
	begin := time.Now()
	g, err := v.Generator(ctx, prompt)
	done.PromptSeconds = time.Since(begin).Seconds()
	if err != nil {
		return done, err
	}
	begin = time.Now()
	err = g.run(ctx, prompt, opt, use, done)
	done.Seconds, done.Steps, done.Room = time.Since(begin).Seconds(), g.Len()-len(prompt), g.Room()
	return done, err
}

// settle fills in defaults and refuses what makes no sense.
func (o *GenerateOptions) settle(c *Config) error {
	if o.MaxTokens == 0 {
		o.MaxTokens = defaultMaxTokens
	}
	if o.MaxTokens < 0 || o.MinTokens < 0 || o.MinTokens > o.MaxTokens {
		return fmt.Errorf("tokens to generate: expected at most a positive number, and at least as many as that or fewer; found at most %d, at least %d", o.MaxTokens, o.MinTokens)
	}
	if o.Stops == nil && c.EOS >= 0 {
		o.Stops = []int32{int32(c.EOS)}
	}
	return o.Check()
}

// run chooses and reads tokens, with the options settled.
func (g *Generator) run(ctx context.Context, prompt []int32, opt GenerateOptions, use func(int32) bool, done *Generated) error {
	s, text := newSampler(opt.Sampling), slices.Clone(prompt)
	for {
		logits, err := g.Logits()
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		var banned []int32
		if len(done.Tokens) < opt.MinTokens {
			banned = opt.Stops
		}
		token := s.next(logits, text, banned)
		if slices.Contains(opt.Stops, token) {
			done.Finish = FinishStop
			return nil
		}
		done.Tokens, text = append(done.Tokens, token), append(text, token)
		if use != nil && !use(token) {
			done.Finish = FinishStop
			return nil
		}
		if len(done.Tokens) == opt.MaxTokens || g.Room() == 0 {
			done.Finish = FinishLength
			return nil
		}
		if err := g.Step(ctx, token); err != nil {
			return err
		}
	}
}

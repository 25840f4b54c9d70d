package instruct

import (
	"fmt"
	"strings"
	"time"

	"github.com/parelab/pare/datasets/tokenizer"
)

// Tokens is what encoding needs of a tokenizer.
type Tokens struct {
	Encode func(text string) []int32 // a text from its beginning, with the special tokens that belong around it
	Plain  func(text string) []int32 // without any
	End    int32                     // stands after an answer; -1 for none
	Pad    int32                     // fills sequences up; its weight is 0
	// Chat words a conversation, with what begins an answer after it; nil where there is no chat template.
	Chat func(messages []tokenizer.Message, begin bool) (string, error)
}

// Of takes from a tokenizer what encoding needs. Sequences are filled up with the padding token, else the end token, else token 0.
func Of(t *tokenizer.Tokenizer) Tokens {
	pad := t.Pad()
	if pad < 0 {
		pad = max(t.EOS(), 0)
	}
	tokens := Tokens{Encode: t.EncodeSpecial, Plain: t.Encode, End: t.EOS(), Pad: pad}
	if len(t.ChatTemplates()) > 0 {
		tokens.Chat = func(messages []tokenizer.Message, begin bool) (string, error) {
			return t.ApplyChatTemplate(messages, tokenizer.ChatOptions{AddGenerationPrompt: begin, Now: chatDate})
		}
	}
	return tokens
}

// chatDate is the date that templates which ask for it are told: the same data give the same tokens on any day. It is the one that LLaMA 3's own
// template has where no date is known.
var chatDate = time.Date(2024, time.July, 26, 0, 0, 0, 0, time.UTC)

// sequence is an encoded example: learn says of each token whether its prediction counts.
type sequence struct {
	tokens []int32
	learn  []bool
	isCut  bool
}

// encode words an example and encodes it in at most length tokens.
func (t Tokens) encode(e Example, template Template, opt Options) (sequence, error) {
	if len(e.Messages) > 0 {
		return t.encodeChat(e, opt)
	}
	prompt := e.Prompt
	before := ""
	if prompt == "" {
		prompt, before = template.Prompt(e.Instruction, e.Input), template.Before
	}
	whole := t.Encode(prompt + before + e.Output)
	s := sequence{tokens: whole, learn: make([]bool, len(whole))}
	s.mark(common(whole, t.Encode(prompt)), len(whole))
	s.cut(opt.Length)
	if n := len(s.tokens); t.End >= 0 && n < opt.Length && s.tokens[n-1] != t.End {
		s.tokens, s.learn = append(s.tokens, t.End), append(s.learn, true)
	}
	return s, nil
}

// encodeChat encodes a conversation, in which all turns of the assistant are learnt, with what the template puts after each.
func (t Tokens) encodeChat(e Example, opt Options) (sequence, error) {
	if t.Chat == nil {
		return sequence{}, fmt.Errorf("%s: it is a conversation, and the tokenizer has no chat template to word it; take a model with one, or data with instruction and output", e.Where)
	}
	text, err := t.Chat(e.Messages, false)
	if err != nil {
		return sequence{}, fmt.Errorf("%s: %w", e.Where, err)
	}
	s := sequence{tokens: t.Plain(text)}
	s.learn = make([]bool, len(s.tokens))
	for i, m := range e.Messages {
		if m.Role != assistant {
			continue
		}
		from, err := t.upTo(text, s.tokens, e.Messages[:i], true)
		if err != nil {
			return sequence{}, fmt.Errorf("%s: turn %d: %w", e.Where, i+1, err)
		}
		to, err := t.upTo(text, s.tokens, e.Messages[:i+1], false)
		if err != nil {
			return sequence{}, fmt.Errorf("%s: turn %d: %w", e.Where, i+1, err)
		}
		s.mark(from, to)
	}
	s.cut(opt.Length)
	return s, nil
}

// upTo tells how many tokens of a conversation its first messages take.
func (t Tokens) upTo(text string, whole []int32, messages []tokenizer.Message, begin bool) (int, error) {
	part, err := t.Chat(messages, begin)
	if err != nil {
		return 0, err
	}
	if !strings.HasPrefix(text, part) {
		return 0, fmt.Errorf("the chat template words the turns before otherwise once others follow, so that what belongs to the answer cannot be told; cut the conversation after its first answer")
	}
	return common(whole, t.Plain(part)), nil
}

// common is how many tokens two sequences have in common from their beginnings. A token that joins the end of a prompt to the beginning of the answer
// belongs to the answer.
func common(a, b []int32) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

func (s *sequence) mark(from, to int) {
	for i := from; i < to; i++ {
		s.learn[i] = true
	}
}

func (s *sequence) cut(length int) {
	if len(s.tokens) > length {
		s.tokens, s.learn, s.isCut = s.tokens[:length:length], s.learn[:length:length], true
	}
}

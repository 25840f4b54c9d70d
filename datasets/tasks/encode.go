package tasks

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Tokens is what encoding needs of a tokenizer.
type Tokens struct {
	Encode func(text string) []int32 // a text from its beginning, with the special tokens that belong around it
	Plain  func(text string) []int32 // without any
	Prefix int32                     // stands before a continuation without a context: the start token, else the end token; -1 for none
}

// Encoded is one choice of a question.
type Encoded struct {
	Tokens []int32 // context and continuation
	From   int     // where the continuation begins
	Chars  int     // of the choice's text
	Bytes  int
}

// Encode encodes all choices.
func (q Question) Encode(t Tokens) ([]Encoded, error) {
	encoded := make([]Encoded, len(q.Choices))
	for i, c := range q.Choices {
		tokens, from, err := t.pair(q.Contexts[i], q.Continuations[i])
		if err != nil {
			return nil, fmt.Errorf("tasks: question %s, choice %d: %w", q.ID, i, err)
		}
		encoded[i] = Encoded{tokens, from, utf8.RuneCountInString(c), len(c)}
	}
	return encoded, nil
}

// pair encodes a context and its continuation as the harness does (EleutherAI, lm_eval/api/model.py, _encode_pair and loglikelihood): white space at the
// end of the context goes to the continuation; the whole is encoded, and cut after as many tokens as the context alone has.
func (t Tokens) pair(context, continuation string) (tokens []int32, from int, err error) {
	if context == "" {
		return t.withPrefix(t.Plain(continuation))
	}
	bare := strings.TrimRightFunc(context, unicode.IsSpace)
	whole := t.Encode(context + continuation)
	from = len(t.Encode(bare))
	if from < 1 || from >= len(whole) {
		return nil, 0, fmt.Errorf("the context has %d tokens and context and continuation together have %d: nothing to compare", from, len(whole))
	}
	return whole, from, nil
}

func (t Tokens) withPrefix(continuation []int32) (tokens []int32, from int, err error) {
	if len(continuation) > 1 && continuation[0] == t.Prefix {
		return continuation, 1, nil
	}
	if t.Prefix < 0 || len(continuation) == 0 {
		return nil, 0, fmt.Errorf("there is no context, and the tokenizer names no token that could stand for one (bos_token or eos_token)")
	}
	return append([]int32{t.Prefix}, continuation...), 1, nil
}

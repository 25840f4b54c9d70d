package instruct

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/parelab/pare/datasets/tokenizer"
)

// Example is a task with its answer, in one of three forms: Alpaca's, a worded prompt, or a conversation.
type Example struct {
	Where string // file and row, for errors

	Instruction string
	Input       string // may be empty
	Prompt      string // a prompt that no template words, in place of Instruction and Input
	Output      string // the answer

	Messages []tokenizer.Message // a conversation in place of all others; the turns of "assistant" are learnt
}

// Set is the examples of a data set.
type Set struct {
	Name     string
	Files    []string // that were read; none of pocket
	Examples []Example
	Held     []Example // for measuring; nil where they are to be taken from Examples
	Empty    int       // rows without an answer, which were left out
	Template string    // that suits the examples
	Digest   string    // of all examples: SHA-256, in hexadecimal
}

// finish computes the digest.
func (s *Set) finish() *Set {
	h := sha256.New()
	for _, part := range [][]Example{s.Examples, s.Held} {
		fmt.Fprintln(h, len(part))
		for _, e := range part {
			fmt.Fprintf(h, "%q\n", []string{e.Instruction, e.Input, e.Prompt, e.Output})
			for _, m := range e.Messages {
				fmt.Fprintf(h, "%q %q\n", m.Role, m.Content)
			}
		}
	}
	s.Digest = hex.EncodeToString(h.Sum(nil))
	return s
}

// ask is all of an example but its answer: what must not be on both sides of a split.
func (e *Example) ask() string {
	if len(e.Messages) > 0 {
		return fmt.Sprintf("%q", e.Messages[:len(e.Messages)-1])
	}
	return fmt.Sprintf("%q", []string{e.Instruction, e.Input, e.Prompt})
}

package instruct

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/parelab/pare/datasets/records"
	"github.com/parelab/pare/datasets/tokenizer"
)

// ErrEmpty is the error of a row without an answer.
var ErrEmpty = errors.New("the answer is empty; mend the row, or have rows without an answer left out")

// Row reads one example. Which form the row has follows from the names of its fields.
func Row(r records.Row) (Example, error) {
	has := func(field string) bool { _, ok := r.Values[field]; return ok }
	switch {
	case has("instruction"):
		return readAlpaca(r)
	case has("messages") || has("messages.content"):
		return readChat(r, "messages", "role", "content")
	case has("conversations") || has("conversations.value"):
		return readChat(r, "conversations", "from", "value")
	case has("prompt"):
		return readPrompt(r)
	}
	return Example{}, fmt.Errorf("%s: expected the fields instruction, input and output, or prompt and completion, or messages with role and content, found the fields %s",
		r.Where, strings.Join(r.Fields(), ", "))
}

func readAlpaca(r records.Row) (e Example, err error) {
	e = Example{Where: r.Where}
	if e.Instruction, err = r.Text("instruction"); err != nil {
		return e, err
	}
	if strings.TrimSpace(e.Instruction) == "" {
		return e, r.Error("instruction", "a task")
	}
	for _, field := range []string{"input", "context"} {
		if r.Has(field) && e.Input == "" {
			if e.Input, err = r.Text(field); err != nil {
				return e, err
			}
		}
	}
	e.Output, err = answer(r, "output", "response")
	return e, err
}

func readPrompt(r records.Row) (e Example, err error) {
	e = Example{Where: r.Where}
	if e.Prompt, err = r.Text("prompt"); err != nil {
		return e, err
	}
	if strings.TrimSpace(e.Prompt) == "" {
		return e, r.Error("prompt", "a text")
	}
	e.Output, err = answer(r, "completion", "response")
	return e, err
}

// answer reads the first of the fields that the row has.
func answer(r records.Row, fields ...string) (string, error) {
	field := fields[0]
	if i := slices.IndexFunc(fields, r.Has); i >= 0 {
		field = fields[i]
	}
	text, err := r.Text(field)
	if err == nil && strings.TrimSpace(text) == "" {
		err = fmt.Errorf("%s: field %s: %w", r.Where, field, ErrEmpty)
	}
	return text, err
}

// roles are the names that ShareGPT has for the parts in a conversation.
var roles = map[string]string{"human": "user", "gpt": "assistant"}

// readChat reads a conversation. What follows its last answer is left out.
func readChat(r records.Row, field, role, content string) (Example, error) {
	e := Example{Where: r.Where}
	who, err := r.Texts(field + "." + role)
	if err != nil {
		return e, err
	}
	said, err := r.Texts(field + "." + content)
	if err != nil {
		return e, err
	}
	if len(said) != len(who) {
		return e, r.Error(field+"."+content, fmt.Sprintf("as many texts as roles, %d", len(who)))
	}
	last := -1
	for i := range who {
		if known, ok := roles[who[i]]; ok {
			who[i] = known
		}
		e.Messages = append(e.Messages, tokenizer.Message{Role: who[i], Content: said[i]})
		if who[i] != assistant {
			continue
		}
		if last = i; strings.TrimSpace(said[i]) == "" {
			return e, fmt.Errorf("%s: field %s, turn %d: %w", r.Where, field, i+1, ErrEmpty)
		}
	}
	if last < 1 {
		return e, r.Error(field+"."+role, "an answer of "+assistant+" after what another says")
	}
	e.Messages = e.Messages[:last+1]
	return e, nil
}

// assistant is the role whose turns are learnt.
const assistant = "assistant"

package tokenizer

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/parelab/pare/datasets/tokenizer/jinja"
)

// Message is one turn of a conversation.
type Message struct {
	Role    string // "system", "user", "assistant", or what else the template knows
	Content string
}

// ChatOptions says how [Tokenizer.ApplyChatTemplate] renders. The zero value renders the default template.
type ChatOptions struct {
	AddGenerationPrompt bool           // end with what begins an answer
	Template            string         // the name of one of several templates; "" is "default"
	Variables           map[string]any // more variables for the template, such as "tools" or "enable_thinking"
	Now                 time.Time      // the time that the template may ask for; the zero time means now
}

// defaultTemplate is the name of a template that has none.
const defaultTemplate = "default"

// ChatTemplates returns the names of the chat templates, sorted; none where the model has no template.
func (t *Tokenizer) ChatTemplates() []string { return slices.Sorted(maps.Keys(t.templates)) }

// ApplyChatTemplate renders messages as the model's chat template says. The text holds the special tokens that begin and end
// it: encode it with Encode, not EncodeSpecial. An error tells what the template objects to, or what of the template is not
// understood.
func (t *Tokenizer) ApplyChatTemplate(messages []Message, o ChatOptions) (string, error) {
	name := o.Template
	if name == "" {
		name = defaultTemplate
	}
	source, ok := t.templates[name]
	if !ok {
		return "", fmt.Errorf("tokenizer: chat template %q: found none, there are %q: a base model has no chat template", name, t.ChatTemplates())
	}
	template, err := jinja.Parse(source)
	if err != nil {
		return "", fmt.Errorf("tokenizer: chat template %q: %w", name, err)
	}
	text, err := template.Render(t.chatVariables(messages, o))
	if err != nil {
		return "", fmt.Errorf("tokenizer: chat template %q: %w", name, err)
	}
	return text, nil
}

// chatVariables are those that transformers passes to a template.
func (t *Tokenizer) chatVariables(messages []Message, o ChatOptions) map[string]any {
	now := o.Now
	if now.IsZero() {
		now = time.Now()
	}
	turns := make([]any, len(messages))
	for i, m := range messages {
		turns[i] = jinja.NewDict("role", m.Role, "content", m.Content)
	}
	v := map[string]any{
		"messages": turns, "add_generation_prompt": o.AddGenerationPrompt, "tools": nil, "documents": nil,
		"strftime_now": jinja.Func(func(args []any, _ map[string]any) (any, error) {
			if len(args) != 1 {
				return nil, fmt.Errorf("strftime_now: expected a format, found %d arguments", len(args))
			}
			return strftime(now, fmt.Sprint(args[0])), nil
		}),
	}
	for name, id := range map[string]int32{"bos_token": t.bos, "eos_token": t.eos, "unk_token": t.unk, "pad_token": t.pad} {
		if token, ok := t.Token(id); ok {
			v[name] = token
		}
	}
	maps.Copy(v, o.Variables)
	return v
}

// readTemplates takes the chat templates of tokenizer_config.json, one or several with names, and of chat_template.jinja, which
// stands for the default one.
func (t *Tokenizer) readTemplates(c *config, jinja []byte) error {
	if !absent(c.Template) {
		var one string
		var several []struct{ Name, Template string }
		switch {
		case json.Unmarshal(c.Template, &one) == nil:
			t.templates[defaultTemplate] = one
		case json.Unmarshal(c.Template, &several) == nil:
			for _, s := range several {
				t.templates[s.Name] = s.Template
			}
		default:
			return fmt.Errorf("%s: chat_template: expected a string or a list of names and templates, found %.40s", ConfigFileName, c.Template)
		}
	}
	if len(jinja) > 0 {
		t.templates[defaultTemplate] = string(jinja)
	}
	return nil
}

// strftime formats a time by the directives of C that templates use; others stand as they are.
func strftime(now time.Time, format string) string {
	layouts := map[byte]string{'d': "02", 'b': "Jan", 'B': "January", 'Y': "2006", 'y': "06", 'm': "01", 'H': "15", 'M': "04",
		'S': "05", 'A': "Monday", 'a': "Mon", 'I': "03", 'p': "PM", 'j': "002", 'F': "2006-01-02", 'T': "15:04:05"}
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] == '%' && i+1 < len(format) {
			i++
			if layout, ok := layouts[format[i]]; ok {
				b.WriteString(now.Format(layout))
				continue
			}
			if format[i] != '%' {
				b.WriteByte('%')
			}
		}
		b.WriteByte(format[i])
	}
	return b.String()
}

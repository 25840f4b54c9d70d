package tokenizer

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The templates here are written after the documented formats, with what the published ones use of Jinja. What they render to
// is written out from the formats.
const (
	llama2Template = `{% if messages[0]['role'] == 'system' %}{% set turns = messages[1:] %}{% set system = messages[0]['content'] %}` +
		`{% else %}{% set turns = messages %}{% set system = false %}{% endif %}` +
		`{% for m in turns %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}` +
		`{{ raise_exception('roles must alternate user/assistant/user') }}{% endif %}` +
		`{% if loop.index0 == 0 and system != false %}{% set text = '<<SYS>>\n' + system + '\n<</SYS>>\n\n' + m['content'] %}` +
		`{% else %}{% set text = m['content'] %}{% endif %}` +
		`{% if m['role'] == 'user' %}{{ bos_token + '[INST] ' + text.strip() + ' [/INST]' }}` +
		`{% elif m['role'] == 'assistant' %}{{ ' ' + text.strip() + ' ' + eos_token }}{% endif %}{% endfor %}`

	llama3Template = `{{- bos_token }}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}

{#- The system message stands first, whether there is one or not. #}
{%- if messages[0]['role'] == 'system' %}
    {%- set system = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\n\n" }}
{%- if tools is not none %}
    {{- "Environment: ipython\n" }}
    {%- for t in tools %}
        {{- t | tojson(indent=4) }}
        {{- "\n\n" }}
    {%- endfor %}
{%- endif %}
{{- "Today Date: " + date_string + "\n\n" }}
{{- system }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}
{%- endif %}
`

	chatMLTemplate = `{%- if messages[0].role == 'system' %}
    {{- '<|im_start|>system\n' + messages[0].content + '<|im_end|>\n' }}
{%- else %}
    {{- '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' }}
{%- endif %}
{%- set ns = namespace(multi_step=true, last=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step and message.role == "user" and message.content is string and not (message.content.startswith('<tool>') and message.content.endswith('</tool>')) %}
        {%- set ns.multi_step = false %}
        {%- set ns.last = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>' + '\n' }}
    {%- elif message.role == "assistant" %}
        {%- set content = message.content %}
        {%- if '</think>' in content %}
            {%- set content = content.split('</think>')[-1].lstrip('\n') %}
        {%- endif %}
        {{- '<|im_start|>' + message.role + '\n' + content }}
        {{- '<|im_end|>\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\n\n</think>\n\n' }}
    {%- endif %}
{%- endif %}`

	mistralTemplate = `{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\n\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"]|trim + eos_token}}
    {%- else %}
        {{- raise_exception("only user and assistant roles, not " + message["role"]) }}
    {%- endif %}
{%- endfor %}
`

	zephyrTemplate = `{% for message in messages %}
{% if message['role'] == 'user' %}
{{ '<|user|>
' + message['content'] + eos_token }}
{% elif message['role'] == 'system' %}
{{ '<|system|>
' + message['content'] + eos_token }}
{% elif message['role'] == 'assistant' %}
{{ '<|assistant|>
'  + message['content'] + eos_token }}
{% endif %}
{% if loop.last and add_generation_prompt %}
{{ '<|assistant|>' }}
{% endif %}
{% endfor %}`
)

var conversation = []Message{
	{"system", "Be <kind> & brief."}, {"user", "Hi é"}, {"assistant", " <think>\nhm\n</think>\n\nHello. "}, {"user", "More\n  please"},
}

func chatTokenizer(t testing.TB, template string) *Tokenizer {
	tok := trained(t, someText(1, 500), 262)
	tok.templates = map[string]string{"default": template}
	return tok
}

func TestChatTemplates(t *testing.T) {
	cases := []struct {
		name, template, want string
	}{
		{"llama2", llama2Template, "<s>[INST] <<SYS>>\nBe <kind> & brief.\n<</SYS>>\n\nHi é [/INST] <think>\nhm\n</think>\n\nHello. </s>" +
			"<s>[INST] More\n  please [/INST]"},
		{"llama3", llama3Template, "<s><|start_header_id|>system<|end_header_id|>\n\nToday Date: 05 Mar 2026\n\nBe <kind> & brief.<|eot_id|>" +
			"<|start_header_id|>user<|end_header_id|>\n\nHi é<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n<think>\nhm\n</think>\n\nHello.<|eot_id|>" +
			"<|start_header_id|>user<|end_header_id|>\n\nMore\n  please<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"},
		{"chatml", chatMLTemplate, "<|im_start|>system\nBe <kind> & brief.<|im_end|>\n<|im_start|>user\nHi é<|im_end|>\n" +
			"<|im_start|>assistant\nHello. <|im_end|>\n<|im_start|>user\nMore\n  please<|im_end|>\n<|im_start|>assistant\n"},
		{"mistral", mistralTemplate, "<s>[INST] Hi é[/INST] <think>\nhm\n</think>\n\nHello.</s>[INST] Be <kind> & brief.\n\nMore\n  please[/INST]"},
		{"zephyr", zephyrTemplate, "<|system|>\nBe <kind> & brief.</s>\n<|user|>\nHi é</s>\n<|assistant|>\n <think>\nhm\n</think>\n\nHello. </s>\n" +
			"<|user|>\nMore\n  please</s>\n<|assistant|>\n"},
	}
	for _, c := range cases {
		got, err := chatTokenizer(t, c.template).ApplyChatTemplate(conversation, ChatOptions{
			AddGenerationPrompt: true, Now: time.Date(2026, 3, 5, 9, 0, 0, 0, time.UTC)})
		if err != nil || got != c.want {
			t.Errorf("%s: %v\n%q, expected\n%q", c.name, err, got, c.want)
		}
	}
}

func TestChatVariables(t *testing.T) {
	off := ChatOptions{AddGenerationPrompt: true, Variables: map[string]any{"enable_thinking": false}}
	got, err := chatTokenizer(t, chatMLTemplate).ApplyChatTemplate(conversation[1:2], off)
	want := "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\nHi é<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
	if err != nil || got != want {
		t.Errorf("%v\n%q, expected\n%q", err, got, want)
	}
	tools := ChatOptions{Now: time.Date(2026, 3, 5, 9, 0, 0, 0, time.UTC), Variables: map[string]any{"tools": []any{map[string]any{"name": "f", "n": 1}}}}
	got, err = chatTokenizer(t, llama3Template).ApplyChatTemplate(conversation[1:2], tools)
	if want := "Environment: ipython\n{\n    \"n\": 1,\n    \"name\": \"f\"\n}\n\nToday"; err != nil || !strings.Contains(got, want) {
		t.Errorf("%v: %q, expected it to hold %q", err, got, want)
	}
}

func TestChatErrors(t *testing.T) {
	for source, want := range map[string]string{
		llama2Template:         "roles must alternate",
		"{% if %}":             "line 1: an expression is missing",
		"{{ strftime_now() }}": "expected a format",
	} {
		got, err := chatTokenizer(t, source).ApplyChatTemplate(conversation[2:3], ChatOptions{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %q, error %v, expected one with %q", source, got, err, want)
		}
	}
	if _, err := chatTokenizer(t, "x").ApplyChatTemplate(nil, ChatOptions{Template: "tools"}); err == nil || !strings.Contains(err.Error(), `"tools"`) {
		t.Errorf("missing template: error %v", err)
	}
}

func TestStrftime(t *testing.T) {
	tok := chatTokenizer(t, "{{ strftime_now('%Y-%m-%d %B %% %q %b %H:%M:%S') }}")
	got, err := tok.ApplyChatTemplate(nil, ChatOptions{Now: time.Date(2026, 3, 5, 9, 7, 1, 0, time.UTC)})
	if want := "2026-03-05 March % %q Mar 09:07:01"; err != nil || got != want {
		t.Errorf("%q, %v; expected %q", got, err, want)
	}
}

func TestChatTemplateFiles(t *testing.T) {
	tok := trained(t, someText(1, 500), 262)
	dir := t.TempDir()
	if err := tok.Save(dir); err != nil {
		t.Fatal(err)
	}
	config := `{"bos_token": "<s>", "eos_token": "</s>", "chat_template": [{"name": "default", "template": "one"}, {"name": "tool_use", "template": "two"}]}`
	if err := os.WriteFile(filepath.Join(dir, ConfigFileName), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	named := reopen(t, dir)
	if got := named.ChatTemplates(); !slices.Equal(got, []string{"default", "tool_use"}) {
		t.Errorf("templates %q", got)
	}
	if err := os.WriteFile(filepath.Join(dir, "chat_template.jinja"), []byte("three"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"": "three", "tool_use": "two"} {
		got, err := reopen(t, dir).ApplyChatTemplate(nil, ChatOptions{Template: name})
		if err != nil || got != want {
			t.Errorf("template %q renders %q, %v; expected %q", name, got, err, want)
		}
	}
	if got := tok.ChatTemplates(); len(got) != 0 {
		t.Errorf("a base model has templates %q", got)
	}
}

func reopen(t testing.TB, dir string) *Tokenizer {
	t.Helper()
	tok, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// TestOracleChat renders the template that comes with the oracle's Mistral.
func TestOracleChat(t *testing.T) {
	tok := oracleTokenizer(t, "mistral-7b-v0.3", "tokenizer.json")
	got, err := tok.ApplyChatTemplate(conversation, ChatOptions{AddGenerationPrompt: true})
	want := "<s>[INST] Hi é[/INST] <think>\nhm\n</think>\n\nHello.</s>[INST] Be <kind> & brief.\n\nMore\n  please[/INST]"
	if err != nil || got != want {
		t.Fatalf("%v\n%q, expected\n%q", err, got, want)
	}
	ids := tok.Encode(got)
	if ids[0] != tok.BOS() || ids[1] != 3 || tok.Decode(ids) != "<s>[INST] Hi é[/INST] <think>\nhm\n</think>\n\nHello.</s>[INST] Be <kind> & brief.\n\nMore\n  please[/INST]" {
		t.Errorf("ids %v decode to %q", ids, tok.Decode(ids))
	}
}

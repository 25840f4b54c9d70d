package instruct

import (
	"fmt"
	"strings"

	"github.com/parelab/pare/datasets/pocket"
)

// Template words an example. {instruction} and {input} stand for the example's.
type Template struct {
	Name  string
	Input string // the prompt of an example with an input
	Bare  string // and of one without
	// Before stands between prompt and answer and is learnt with the answer: white space that a tokenizer joins to the word after it.
	Before string
}

// Templates lists the templates.
//
// alpaca is PROMPT_DICT of Stanford Alpaca (https://github.com/tatsu-lab/stanford_alpaca, train.py); alpaca-lora has a line end more, and is what
// Alpaca-LoRA and LLM-Pruner use (https://github.com/horseee/LLM-Pruner, LLMPruner/utils/prompter.py). pocket puts a task behind its story, as
// pocket's stories do with questions; of Alpaca's words that model knows few, and they would take 105 of 256 tokens.
var Templates = []Template{
	{
		Name: "alpaca",
		Input: "Below is an instruction that describes a task, paired with an input that provides further context. " + alpacaTask +
			"### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:",
		Bare: "Below is an instruction that describes a task. " + alpacaTask + "### Instruction:\n{instruction}\n\n### Response:",
	},
	{
		Name: "alpaca-lora",
		Input: "Below is an instruction that describes a task, paired with an input that provides further context. " + alpacaTask +
			"### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n",
		Bare: "Below is an instruction that describes a task. " + alpacaTask + "### Instruction:\n{instruction}\n\n### Response:\n",
	},
	{
		Name:   PocketTemplate,
		Input:  pocket.Separator + "{input} {instruction}",
		Bare:   pocket.Separator + "{instruction}",
		Before: " ",
	},
}

const alpacaTask = "Write a response that appropriately completes the request.\n\n"

// PocketTemplate is the template for models that know pocket's world alone.
const PocketTemplate = "pocket"

// FindTemplate returns the template called name.
func FindTemplate(name string) (Template, error) {
	var names []string
	for _, t := range Templates {
		if t.Name == name {
			return t, nil
		}
		names = append(names, t.Name)
	}
	return Template{}, fmt.Errorf("instruct: template %q: expected one of %s", name, strings.Join(names, ", "))
}

// Prompt words an instruction. What the instruction or the input spells with braces stays as it is.
func (t Template) Prompt(instruction, input string) string {
	text := t.Bare
	if input != "" {
		text = t.Input
	}
	return strings.NewReplacer("{instruction}", instruction, "{input}", input).Replace(text)
}

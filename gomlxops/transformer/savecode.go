package transformer

import (
	"encoding/json/jsontext"
	"maps"
)

// Code is a program that runs a model which no stock program knows, to lie beside it. Hugging Face transformers takes it with
// trust_remote_code=True.
type Code struct {
	Files        map[string][]byte // by their names in the model's directory
	Architecture string            // the class to run, for the configuration's architectures
	AutoMap      map[string]string // which class is loaded as what: "AutoConfig": "modeling_pare.PareConfig"
}

// autoMapField is where a configuration names such programs.
const autoMapField = "auto_map"

// coded is a Code with what it is to know of one model.
type coded struct {
	*Code
	network   jsontext.Value
	tokenizer string // a class of transformers; empty: unknown
}

// tokenizerClasses are the tokenizers of families whose directories may leave it to model_type to say which.
var tokenizerClasses = map[string]string{
	"llama": "LlamaTokenizer", "mistral": "LlamaTokenizer", "qwen2": "Qwen2Tokenizer", "qwen3": "Qwen2Tokenizer",
	"gpt2": "GPT2Tokenizer", "opt": "GPT2Tokenizer",
}

// of makes c's network known to the program.
func (code *Code) of(c *Config) *coded {
	return &coded{code, mustJSON(c.network()), tokenizerClasses[c.ModelType]}
}

// write names the program's classes in a configuration.
func (code *coded) write(values map[string]jsontext.Value) {
	if code == nil {
		return
	}
	values["architectures"] = mustJSON([]string{code.Architecture})
	if _, said := values["tokenizer_class"]; !said && code.tokenizer != "" {
		values["tokenizer_class"] = mustJSON(code.tokenizer)
	}
	values[autoMapField] = mustJSON(maps.Clone(code.AutoMap))
}

// ordinary says whether c, with its forms, is written without the section "pare".
func (c *Config) ordinary() bool {
	_, needed := c.pareSection()
	return !needed
}

// Ordinary says whether [Save] would write v as a checkpoint that stock programs load.
func (v *Variant) Ordinary() bool {
	config := *v.m.config
	config.forms = v.entries(false)
	return config.ordinary()
}

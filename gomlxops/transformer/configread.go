package transformer

import (
	"encoding/json/jsontext"
	json "encoding/json/v2"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
)

// ParseConfig reads and validates the text of a config.json. See [ReadConfig].
func ParseConfig(data []byte) (*Config, error) {
	members, err := readObject(data, "the configuration")
	if err != nil {
		return nil, err
	}
	f := &fields{values: make(map[string]jsontext.Value, len(members))}
	for _, m := range members {
		f.values[m.name] = m.value
	}
	c := f.config()
	if f.err != nil {
		return nil, f.err
	}
	c.settleShapes()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c, nil
}

// fields takes the keys of a configuration out one by one; what is left at the end is kept as it is. The first error stays.
type fields struct {
	values  map[string]jsontext.Value
	section pareSection // the "pare" section, if there is one
	family  *family     // known once model_type is read
	err     error
}

func (f *fields) config() *Config {
	c := &Config{}
	f.pare(c)
	if !f.modelType(c) {
		return c
	}
	f.sizes(c)
	f.family.read(f, c)
	c.DType = f.textOr("torch_dtype", f.textOr("dtype", ""))
	c.BOS, c.EOS = f.token("bos_token_id"), f.token("eos_token_id")
	f.only("quantization_config", "null, the only setting that this version computes")
	c.Rest = f.values
	return c
}

// modelType reads model_type and architectures; one may stand in for the other. It returns false where they name no known family.
func (f *fields) modelType(c *Config) bool {
	c.ModelType = f.textOr("model_type", "")
	if v, ok := f.take("architectures"); ok {
		if err := json.Unmarshal(v, &c.Architectures); err != nil {
			f.fail("architectures", "a list of strings", excerpt(v))
		}
	}
	if other := familyOf(c.Architectures); c.ModelType == "" && other != nil {
		c.ModelType = other.modelType
	}
	f.family = families[c.ModelType]
	if c.ModelType == "" {
		f.fail("model_type", knownList(), fmt.Sprintf("none, and architectures %q", c.Architectures))
	} else if f.family == nil {
		f.fail("model_type", knownList(), strconv.Quote(c.ModelType))
	}
	return f.family != nil
}

// sizes reads the sizes that every family has, by the family's names.
func (f *fields) sizes(c *Config) {
	for _, s := range c.sizes() {
		name := f.family.spelled(s.field)
		switch {
		case name == "-":
		case s.field == "num_key_value_heads":
			*s.value = f.integerOr(name, 0)
		default:
			*s.value = f.size(name, s.field)
		}
	}
	if c.KVHeads == 0 {
		c.KVHeads = c.Heads
	}
}

// size is a field of a configuration by its name in LLaMA's config.json.
type size struct {
	field string
	value *int
	top   int
}

// sizes lists the sizes that every family has, with what is believable of each.
func (c *Config) sizes() []size {
	return []size{
		{"vocab_size", &c.VocabSize, mostVocab},
		{"hidden_size", &c.HiddenSize, mostWidth},
		{"intermediate_size", &c.IntermediateSize, mostWidth},
		{"num_hidden_layers", &c.Layers, mostLayers},
		{"num_attention_heads", &c.Heads, mostHeads},
		{"num_key_value_heads", &c.KVHeads, mostHeads},
		{"max_position_embeddings", &c.MaxPositions, mostPositions},
	}
}

// only refuses a key that changes the arithmetic to what is not computed. null is always as good as nothing; allowed holds the other
// values that may stand there, as JSON.
func (f *fields) only(name, expected string, allowed ...string) {
	if v, ok := f.values[name]; ok && v.Kind() != jsontext.KindNull && !slices.Contains(allowed, string(v)) {
		f.fail(name, expected, excerpt(v))
	}
}

// activations are the functions of an MLP by the names that Hugging Face transformers has for them.
var activations = map[string]string{
	"silu": SiLU, "swish": SiLU, "gelu": GELU, "relu": ReLU,
	"gelu_new": GELUTanh, "gelu_fast": GELUTanh, "gelu_pytorch_tanh": GELUTanh,
}

// activation reads the function of the MLP, and leaves its name to be saved as it was.
func (f *fields) activation(c *Config, name, otherwise string) {
	text := otherwise
	if v, ok := f.values[name]; ok && v.Kind() != jsontext.KindNull {
		text = f.text(name, v)
	}
	if c.Block.Activation = activations[text]; c.Block.Activation == "" {
		f.fail(name, fmt.Sprintf("an activation, one of %q", slices.Sorted(maps.Keys(activations))), strconv.Quote(text))
	}
}

// take removes and returns a key; null counts as absent.
func (f *fields) take(name string) (jsontext.Value, bool) {
	v, ok := f.values[name]
	delete(f.values, name)
	return v, ok && v.Kind() != jsontext.KindNull
}

func (f *fields) fail(name, expected, found string) {
	if f.err == nil {
		f.err = fieldError(name, expected, found)
	}
}

func fieldError(name, expected, found string) error {
	return fmt.Errorf("field %s: expected %s, found %s", name, expected, found)
}

// size reads a size by the family's name of it.
func (f *fields) size(name, field string) int {
	if v, ok := f.take(name); ok {
		return f.parseInt(name, v)
	}
	otherwise, optional := f.family.optional[field]
	if !optional {
		f.fail(name, "an integer", "none")
	}
	return otherwise
}

func (f *fields) integerOr(name string, otherwise int) int {
	if v, ok := f.take(name); ok {
		return f.parseInt(name, v)
	}
	return otherwise
}

func (f *fields) parseInt(name string, v jsontext.Value) int {
	n, err := strconv.Atoi(string(v))
	if err != nil {
		f.fail(name, "an integer number", excerpt(v))
	}
	return n
}

func (f *fields) numberOr(name string, otherwise float64) float64 {
	v, ok := f.take(name)
	if !ok {
		return otherwise
	}
	return parseNumber(name, v, f.fail)
}

func parseNumber(name string, v jsontext.Value, fail func(name, expected, found string)) float64 {
	x, err := strconv.ParseFloat(string(v), 64)
	if err != nil || math.IsInf(x, 0) || math.IsNaN(x) {
		fail(name, "a finite number", excerpt(v))
	}
	return x
}

// flag reads a boolean and leaves it to be saved as it was.
func (f *fields) flag(name string, otherwise bool) bool {
	v, ok := f.values[name]
	if !ok || v.Kind() == jsontext.KindNull {
		return otherwise
	}
	if v.Kind() != jsontext.KindTrue && v.Kind() != jsontext.KindFalse {
		f.fail(name, "true or false", excerpt(v))
	}
	return v.Kind() == jsontext.KindTrue
}

func (f *fields) textOr(name, otherwise string) string {
	v, ok := f.take(name)
	if !ok {
		return otherwise
	}
	return f.text(name, v)
}

func (f *fields) text(name string, v jsontext.Value) string {
	var s string
	if err := json.Unmarshal(v, &s); err != nil {
		f.fail(name, "a string", excerpt(v))
	}
	return s
}

// token reads a token id or a list of them, of which the first counts; -1 where there is none. A list also stays in Rest, so
// that it is saved as it was.
func (f *fields) token(name string) int {
	v, ok := f.values[name]
	if !ok || v.Kind() == jsontext.KindNull {
		delete(f.values, name)
		return -1
	}
	if v.Kind() != jsontext.KindBeginArray {
		delete(f.values, name)
		return f.parseInt(name, v)
	}
	var list []int
	if err := json.Unmarshal(v, &list); err != nil || len(list) == 0 {
		f.fail(name, "a token id or a list of them", excerpt(v))
		return -1
	}
	return list[0]
}

// tied reads tie_word_embeddings.
func (f *fields) tied(otherwise bool) bool {
	tied := f.flag("tie_word_embeddings", otherwise)
	delete(f.values, "tie_word_embeddings")
	return tied
}

package transformer

import (
	"encoding/json/jsontext"
	json "encoding/json/v2"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// knownTypes are the values of model_type that can be read, each with the architecture that goes with it.
var knownTypes = map[string]string{"llama": "LlamaForCausalLM", "mistral": "MistralForCausalLM"}

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
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c, nil
}

// fields takes the keys of a configuration out one by one; what is left at the end is unknown. The first error stays.
type fields struct {
	values map[string]jsontext.Value
	err    error
}

func (f *fields) config() *Config {
	c := &Config{}
	f.pare(c)
	f.modelType(c)
	c.VocabSize = f.integer("vocab_size")
	c.HiddenSize = f.integer("hidden_size")
	c.IntermediateSize = f.integer("intermediate_size")
	c.Layers = f.integer("num_hidden_layers")
	c.Heads = f.integer("num_attention_heads")
	c.KVHeads = f.integerOr("num_key_value_heads", c.Heads)
	c.HeadDim = f.integerOr("head_dim", 0)
	if c.HeadDim == 0 && c.Heads > 0 {
		c.HeadDim = c.HiddenSize / c.Heads
		if c.HiddenSize%c.Heads != 0 {
			f.fail("num_attention_heads", fmt.Sprintf("a divisor of hidden_size %d", c.HiddenSize), fmt.Sprint(c.Heads))
		}
	}
	c.MaxPositions = f.integer("max_position_embeddings")
	c.RopeTheta = f.ropeTheta()
	c.RMSNormEps = f.numberOr("rms_norm_eps", 1e-6)
	c.TieEmbeddings = f.boolean("tie_word_embeddings")
	c.DType = f.textOr("torch_dtype", f.textOr("dtype", ""))
	c.BOS, c.EOS = f.token("bos_token_id"), f.token("eos_token_id")
	f.unsupported()
	f.slidingWindow(c)
	c.Rest = f.values
	return c
}

// modelType reads model_type and architectures; one may stand in for the other.
func (f *fields) modelType(c *Config) {
	c.ModelType = f.textOr("model_type", "")
	if v, ok := f.take("architectures"); ok {
		if err := json.Unmarshal(v, &c.Architectures); err != nil {
			f.fail("architectures", "a list of strings", excerpt(v))
		}
	}
	if c.ModelType == "" {
		for name, architecture := range knownTypes {
			if slices.Contains(c.Architectures, architecture) {
				c.ModelType = name
			}
		}
	}
	if c.ModelType == "" {
		f.fail("model_type", knownList(), fmt.Sprintf("none, and architectures %q", c.Architectures))
	} else if knownTypes[c.ModelType] == "" {
		f.fail("model_type", knownList(), strconv.Quote(c.ModelType))
	}
}

func knownList() string {
	var names []string
	for name, architecture := range knownTypes {
		names = append(names, fmt.Sprintf("%q (%s)", name, architecture))
	}
	slices.Sort(names)
	return "one of the known families " + strings.Join(names, ", ")
}

// unsupported refuses what would change the arithmetic if it were passed over silently.
func (f *fields) unsupported() {
	for _, name := range []string{"rope_scaling", "sliding_window", "quantization_config"} {
		if v, ok := f.values[name]; ok && v.Kind() != jsontext.KindNull {
			f.fail(name, "null, the only setting that this version computes", excerpt(v))
		}
	}
	for _, name := range []string{"attention_bias", "mlp_bias"} {
		if v, ok := f.values[name]; ok && v.Kind() != jsontext.KindFalse {
			f.fail(name, "false, the only setting that this version computes", excerpt(v))
		}
	}
	if v, ok := f.values["hidden_act"]; ok && string(v) != `"silu"` && string(v) != `"swish"` {
		f.fail("hidden_act", `the activation "silu"`, excerpt(v))
	}
}

// slidingWindow refuses a Mistral that looks back over fewer tokens than it has positions: saying nothing means 4096 there.
func (f *fields) slidingWindow(c *Config) {
	const unsaid = 4096 // MistralConfig's default in Hugging Face transformers
	if _, ok := f.values["sliding_window"]; !ok && c.ModelType == "mistral" && c.MaxPositions > unsaid {
		f.fail("sliding_window", "null, the only setting that this version computes", fmt.Sprintf("none, which means %d", unsaid))
	}
}

// ropeTheta reads the base of the rotary frequencies: rope_theta, or in newer files rope_parameters.rope_theta.
func (f *fields) ropeTheta() float64 {
	const otherwise = 10000 // LlamaConfig's default
	if v, ok := f.values["rope_parameters"]; ok && v.Kind() != jsontext.KindNull {
		var p struct {
			Type  string  `json:"rope_type"`
			Theta float64 `json:"rope_theta"`
		}
		if err := json.Unmarshal(v, &p); err != nil || p.Type != "default" {
			f.fail("rope_parameters", `rope_type "default", the only setting that this version computes`, excerpt(v))
		}
		if p.Theta != 0 {
			return f.numberOr("rope_theta", p.Theta)
		}
	}
	return f.numberOr("rope_theta", otherwise)
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

func (f *fields) integer(name string) int {
	v, ok := f.take(name)
	if !ok {
		f.fail(name, "an integer", "none")
		return 0
	}
	return f.parseInt(name, v)
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
	x, err := strconv.ParseFloat(string(v), 64)
	if err != nil || math.IsInf(x, 0) || math.IsNaN(x) {
		f.fail(name, "a finite number", excerpt(v))
	}
	return x
}

func (f *fields) boolean(name string) bool {
	v, ok := f.take(name)
	if !ok {
		return false
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

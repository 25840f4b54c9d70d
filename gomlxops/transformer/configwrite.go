package transformer

import (
	"bytes"
	"cmp"
	"encoding/json/jsontext"
	json "encoding/json/v2"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
)

// JSON returns the text of a config.json that [ParseConfig] reads back as c: keys in alphabetical order, those of Rest as they were.
func (c *Config) JSON() ([]byte, error) {
	values := maps.Clone(c.Rest)
	if values == nil {
		values = map[string]jsontext.Value{}
	}
	c.ownFields(values)
	if section, needed := c.pareSection(); needed {
		if c.code != nil {
			section.Network = c.code.network
		}
		values[pareField] = mustJSON(section)
		values["model_type"] = jsontext.Value(`"pare"`)
		delete(values, "architectures")
		c.code.write(values)
	}
	var text bytes.Buffer
	e := jsontext.NewEncoder(&text, jsontext.WithIndent("  "))
	if err := e.WriteToken(jsontext.BeginObject); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if err := e.WriteToken(jsontext.String(name)); err != nil {
			return nil, err
		}
		if err := e.WriteValue(values[name]); err != nil {
			return nil, fmt.Errorf("configuration field %s: %w", name, err)
		}
	}
	err := e.WriteToken(jsontext.EndObject)
	return text.Bytes(), err
}

// ownFields puts the fields of c into values. What config.json did not say and has a default that every reader knows stays out.
func (c *Config) ownFields(values map[string]jsontext.Value) {
	f := c.family()
	for _, s := range c.sizes() {
		if f.has(s.field) {
			values[f.spelled(s.field)] = mustJSON(*s.value)
		}
	}
	values["model_type"] = mustJSON(c.ModelType)
	architectures := c.Architectures
	if len(architectures) == 0 {
		architectures = []string{f.architecture}
	}
	values["architectures"] = mustJSON(architectures)
	values["tie_word_embeddings"] = mustJSON(c.TieEmbeddings)
	if c.DType != "" {
		values["torch_dtype"] = mustJSON(c.DType)
	}
	for name, id := range map[string]int{"bos_token_id": c.BOS, "eos_token_id": c.EOS} {
		if _, list := values[name]; !list && id >= 0 {
			values[name] = mustJSON(id)
		}
	}
	f.write(c, values)
}

// put writes a value that has a default: where the file said nothing and the default holds, nothing still.
func put[T comparable](values map[string]jsontext.Value, name string, value, otherwise T) {
	if old, ok := values[name]; value == otherwise && (!ok || old.Kind() == jsontext.KindNull) {
		return
	}
	values[name] = mustJSON(value)
}

// activation is the name of the function inside the MLP.
func (c *Config) activation() string { return cmp.Or(c.Block.Activation, SiLU) }

// putActivation writes the activation, by the name that the file had for it where that still holds.
func (c *Config) putActivation(values map[string]jsontext.Value, field string) {
	var name string
	if json.Unmarshal(values[field], &name) == nil && activations[name] == c.activation() {
		return
	}
	name = c.activation()
	if name == GELUTanh {
		name = "gelu_new"
	}
	values[field] = mustJSON(name)
}

// number writes x so that it stays a floating-point number for readers that tell the two apart.
func number(x float64) jsontext.Value {
	if x == math.Trunc(x) && math.Abs(x) < 1e15 {
		return jsontext.Value(strconv.FormatFloat(x, 'f', 1, 64))
	}
	return jsontext.Value(strconv.FormatFloat(x, 'g', -1, 64))
}

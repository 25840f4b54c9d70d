package transformer

import (
	"bytes"
	"encoding/json/jsontext"
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
	if len(c.forms) > 0 {
		values[pareField] = mustJSON(pareSection{pareVersion, c.ModelType, c.Architectures, c.forms})
		values["model_type"] = jsontext.Value(`"pare"`)
		delete(values, "architectures")
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
	for name, n := range map[string]int{
		"vocab_size": c.VocabSize, "hidden_size": c.HiddenSize, "intermediate_size": c.IntermediateSize,
		"num_hidden_layers": c.Layers, "num_attention_heads": c.Heads, "num_key_value_heads": c.KVHeads,
		"max_position_embeddings": c.MaxPositions,
	} {
		values[name] = mustJSON(n)
	}
	if c.HeadDim*c.Heads != c.HiddenSize {
		values["head_dim"] = mustJSON(c.HeadDim)
	}
	values["model_type"] = mustJSON(c.ModelType)
	architectures := c.Architectures
	if len(architectures) == 0 && knownTypes[c.ModelType] != "" {
		architectures = []string{knownTypes[c.ModelType]}
	}
	values["architectures"] = mustJSON(architectures)
	values["rope_theta"], values["rms_norm_eps"] = number(c.RopeTheta), number(c.RMSNormEps)
	values["tie_word_embeddings"] = mustJSON(c.TieEmbeddings)
	if c.DType != "" {
		values["torch_dtype"] = mustJSON(c.DType)
	}
	if _, ok := values["hidden_act"]; !ok {
		values["hidden_act"] = jsontext.Value(`"silu"`)
	}
	for name, id := range map[string]int{"bos_token_id": c.BOS, "eos_token_id": c.EOS} {
		if _, list := values[name]; !list && id >= 0 {
			values[name] = mustJSON(id)
		}
	}
}

// number writes x so that it stays a floating-point number for readers that tell the two apart.
func number(x float64) jsontext.Value {
	if x == math.Trunc(x) && math.Abs(x) < 1e15 {
		return jsontext.Value(strconv.FormatFloat(x, 'f', 1, 64))
	}
	return jsontext.Value(strconv.FormatFloat(x, 'g', -1, 64))
}

package transformer

import (
	"encoding/json/jsontext"
	json "encoding/json/v2"
	"fmt"
	"slices"
)

// Qwen2 and Qwen2.5: LLaMA's block with biases on queries, keys and values. From some layer on a token may see only so many tokens
// before it, if the configuration says so.
//
// A. Yang et al., "Qwen2 Technical Report", 2024, https://arxiv.org/abs/2407.10671, section 2.2; keys and defaults as Hugging Face's
// Qwen2Config.
var _ = register(family{
	modelType:    "qwen2",
	architecture: "Qwen2ForCausalLM",
	optional:     map[string]int{"max_position_embeddings": 32768},
	layout:       llamaLayout,
	read: func(f *fields, c *Config) {
		f.llama(c, 1e-6)
		c.Block.Biases = []Kind{Query, Key, Value}
		c.Positions.Windows = f.layerWindows(c)
	},
	write: func(c *Config, values map[string]jsontext.Value) {
		c.putLlama(values)
		c.putLayerWindows(values)
	},
})

// qwenWindows are the keys by which layers have windows. They stay where they are, to be saved as they were.
type qwenWindows struct {
	Use    bool     `json:"use_sliding_window"`
	Window *int     `json:"sliding_window"`
	From   *int     `json:"max_window_layers"` // layers below it see everything
	Types  []string `json:"layer_types"`       // in newer files, instead
}

const slidingType, fullType = "sliding_attention", "full_attention"

// layerWindows reads the window of each layer; 0 is none, nil none in any.
func (f *fields) layerWindows(c *Config) []int {
	window, from := 4096, 28 // Qwen2Config's defaults
	q := qwenWindows{Window: &window, From: &from}
	for name, to := range map[string]any{"use_sliding_window": &q.Use, "sliding_window": &q.Window, "max_window_layers": &q.From, "layer_types": &q.Types} {
		if v, ok := f.values[name]; ok {
			if err := json.Unmarshal(v, to); err != nil {
				f.fail(name, "a value as in Hugging Face's Qwen2Config", excerpt(v))
			}
		}
	}
	if !q.Use || q.Window == nil || f.err != nil || c.Layers < 1 || c.Layers > mostLayers {
		return nil
	}
	if *q.Window < 1 {
		f.fail("sliding_window", "null, or a number of at least 1", fmt.Sprint(*q.Window))
	}
	windows := make([]int, c.Layers)
	for l, slides := range f.sliding(c, q) {
		if slides {
			windows[l] = *q.Window
		}
	}
	if !slices.Contains(windows, *q.Window) {
		return nil
	}
	return windows
}

// sliding says which layers have the window.
func (f *fields) sliding(c *Config, q qwenWindows) []bool {
	slides := make([]bool, c.Layers)
	if q.Types == nil {
		if q.From == nil {
			f.fail("max_window_layers", "the first layer that has the window", "null")
			return nil
		}
		for l := range slides {
			slides[l] = l >= *q.From
		}
		return slides
	}
	if len(q.Types) != c.Layers {
		f.fail("layer_types", fmt.Sprintf("%d, one for each layer", c.Layers), fmt.Sprint(len(q.Types)))
		return nil
	}
	for l, t := range q.Types {
		if slides[l] = t == slidingType; t != slidingType && t != fullType {
			f.fail("layer_types", fmt.Sprintf("%q or %q", slidingType, fullType), fmt.Sprintf("%q", t))
		}
	}
	return slides
}

// putLayerWindows writes the windows, as the file said them where it still says the same.
func (c *Config) putLayerWindows(values map[string]jsontext.Value) {
	f := &fields{values: values, family: c.family()}
	if windows := f.layerWindows(c); f.err == nil && slices.Equal(windows, c.Positions.Windows) {
		return
	}
	types := make([]string, c.Layers)
	window := 0
	for l := range types {
		types[l] = fullType
		if w := c.window(l, mostPositions+1); w > 0 {
			types[l], window = slidingType, w
		}
	}
	delete(values, "layer_types")
	values["use_sliding_window"] = mustJSON(window > 0)
	if window > 0 {
		values["sliding_window"], values["layer_types"] = mustJSON(window), mustJSON(types)
	}
}

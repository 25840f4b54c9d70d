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
	q, windows := qwenWindows{}, []int(nil)
	for name, to := range map[string]any{"use_sliding_window": &q.Use, "sliding_window": &q.Window, "max_window_layers": &q.From, "layer_types": &q.Types} {
		if v, ok := f.values[name]; ok {
			if err := json.Unmarshal(v, to); err != nil {
				f.fail(name, "a value as in Hugging Face's Qwen2Config", excerpt(v))
			}
		}
	}
	if !q.Use || f.err != nil || c.Layers < 1 || c.Layers > mostLayers {
		return nil
	}
	if _, ok := f.values["sliding_window"]; q.Window == nil && ok {
		return nil
	}
	window, from := 4096, 28 // Qwen2Config's defaults
	if q.Window != nil {
		window = *q.Window
	}
	if q.From != nil {
		from = *q.From
	}
	if q.Types != nil && len(q.Types) != c.Layers {
		f.fail("layer_types", fmt.Sprintf("%d, one for each layer", c.Layers), fmt.Sprint(len(q.Types)))
		return nil
	}
	for l := range c.Layers {
		slides := l >= from
		if q.Types != nil {
			if slides = q.Types[l] == slidingType; !slides && q.Types[l] != fullType {
				f.fail("layer_types", fmt.Sprintf("%q or %q", slidingType, fullType), fmt.Sprintf("%q", q.Types[l]))
			}
		}
		if slides {
			windows = append(windows, window)
		} else {
			windows = append(windows, 0)
		}
	}
	if window < 1 {
		f.fail("sliding_window", "null, or a number of at least 1", fmt.Sprint(window))
	}
	if !slices.Contains(windows, window) {
		return nil
	}
	return windows
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

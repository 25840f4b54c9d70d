package transformer

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// plain is a small valid configuration.
const plain = `{"model_type":"llama","vocab_size":16,"hidden_size":8,"num_hidden_layers":1,"num_attention_heads":2,"intermediate_size":12,"max_position_embeddings":32`

// TestConfigReads checks defaults and the spellings that published files use.
func TestConfigReads(t *testing.T) {
	for text, ok := range map[string]func(c *Config) bool{
		`}`: func(c *Config) bool {
			return c.KVHeads == 2 && c.HeadDim == 4 && c.RopeTheta == 10000 && c.NormEps == 1e-6 && c.BOS == -1 && c.EOS == -1 && !c.TieEmbeddings
		},
		`,"head_dim":6,"num_key_value_heads":1}`: func(c *Config) bool {
			return c.HeadDim == 6 && c.linear(0, Key).Out == 6 && c.linear(0, Output).In == 12
		},
		`,"eos_token_id":[5,7],"bos_token_id":3}`:                      func(c *Config) bool { return c.EOS == 5 && c.BOS == 3 },
		`,"bos_token_id":null,"rope_scaling":null}`:                    func(c *Config) bool { return c.BOS == -1 },
		`,"rope_parameters":{"rope_type":"default","rope_theta":5e5}}`: func(c *Config) bool { return c.RopeTheta == 5e5 },
		`,"rope_parameters":{"rope_theta":5e5}}`:                       func(c *Config) bool { return c.RopeTheta == 5e5 && c.Positions.Scaling == Scaling{} },
		`,"rope_scaling":{}}`:                                          func(c *Config) bool { return c.Positions.Scaling == Scaling{} },
		`,"dtype":"bfloat16"}`:                                         func(c *Config) bool { return c.DType == "bfloat16" },
		`,"quirk":{"b":1,"a":[2]}}`:                                    func(c *Config) bool { return string(c.Rest["quirk"]) == `{"b":1,"a":[2]}` },
	} {
		c, err := ParseConfig([]byte(plain + text))
		if err != nil || !ok(c) {
			t.Errorf("%s: %+v, %v", text, c, err)
			continue
		}
		saved, err := c.JSON()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseConfig(saved)
		if err != nil || again.EOS != c.EOS || again.BOS != c.BOS || again.HeadDim != c.HeadDim || again.RopeTheta != c.RopeTheta ||
			again.DType != c.DType || !slices.Equal(slices.Sorted(maps.Keys(c.Rest)), slices.Sorted(restOf(again, c))) {
			t.Errorf("%s reads back as %+v, %v", saved, again, err)
		}
	}
}

// restOf lists what c keeps beside its own fields, apart from the activation, which is always written.
func restOf(c, before *Config) func(yield func(string) bool) {
	rest := maps.Clone(c.Rest)
	if _, ok := before.Rest["hidden_act"]; !ok {
		delete(rest, "hidden_act")
	}
	return maps.Keys(rest)
}

// TestConfigRefuses sees settings refused that would change the arithmetic; the oracle's data_bad holds many more.
func TestConfigRefuses(t *testing.T) {
	for text, field := range map[string]string{
		`,"rope_scaling":{"type":"linear","factor":0.5}}`:             "rope_scaling",
		`,"rope_scaling":{"type":"linear"}}`:                          "rope_scaling",
		`,"rope_scaling":{"factor":2.0}}`:                             "a rope_type beside the factor",
		`,"rope_scaling":{"rope_type":"longrope"}}`:                   `"longrope"`,
		`,"rope_scaling":{"type":"dynamic","factor":2,"alpha":1000}}`: "alpha",
		`,"rope_scaling":{"type":"llama3","factor":2}}`:               "low_freq_factor",
		`,"rope_scaling":3}`:                                          "rope_scaling",
		`,"partial_rotary_factor":0.5}`:                               "partial_rotary_factor",
		`,"rope_parameters":{"rope_type":"yarn"}}`:                    "a factor of at least 1",
		`,"sliding_window":16}`:                                       "sliding_window",
		`,"attention_bias":1}`:                                        "attention_bias",
		`,"hidden_act":"gelu_old"}`:                                   "hidden_act",
		`,"quantization_config":{"bits":4}}`:                          "quantization_config",
		`,"tie_word_embeddings":"yes"}`:                               "tie_word_embeddings",
		`,"eos_token_id":[]}`:                                         "eos_token_id",
		`,"rms_norm_eps":1e999}`:                                      "rms_norm_eps",
		`,"model_type":"llama"}`:                                      "model_type",
	} {
		if _, err := ParseConfig([]byte(plain + text)); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: expected an error with %s, found %v", text, field, err)
		}
	}
}

// TestWindows reads the window of a Mistral, which is there unless the file says null.
func TestWindows(t *testing.T) {
	mistral := strings.Replace(strings.Replace(plain, "llama", "mistral", 1), `"num_hidden_layers":1`, `"num_hidden_layers":2`, 1)
	for text, want := range map[string][]int{
		`}`: {4096, 4096}, `,"sliding_window":16}`: {16, 16}, `,"sliding_window":null}`: nil,
	} {
		c, err := ParseConfig([]byte(mistral + text))
		if err != nil || !slices.Equal(c.Positions.Windows, want) {
			t.Errorf("%s: windows %v, %v", text, c.Positions.Windows, err)
			continue
		}
		saved, _ := c.JSON()
		if again, err := ParseConfig(saved); err != nil || !slices.Equal(again.Positions.Windows, want) {
			t.Errorf("%s reads back as %+v, %v", saved, again, err)
		}
	}
	if _, err := ParseConfig([]byte(mistral + `,"sliding_window":0}`)); err == nil || !strings.Contains(err.Error(), "sliding_window") {
		t.Errorf("a window of nothing: %v", err)
	}
}

// TestPositionsLeftOut reads configurations that do not say for how many positions the model is, as those of the first LLaMA; zero is not left out.
func TestPositionsLeftOut(t *testing.T) {
	const field = `"max_position_embeddings":32`
	for family, want := range map[string]int{"llama": 2048, "mistral": 131072, "qwen2": 32768, "qwen3": 32768} {
		text := strings.Replace(plain, "llama", family, 1)
		c, err := ParseConfig([]byte(strings.Replace(text, field, `"max_sequence_length":32`, 1) + "}"))
		if err != nil || c.MaxPositions != want {
			t.Errorf("%s: %+v, %v; expected %d", family, c, err, want)
		}
		if _, err := ParseConfig([]byte(strings.Replace(text, field, `"max_position_embeddings":0`, 1) + "}")); err == nil {
			t.Errorf("%s: took 0 positions", family)
		}
	}
}

// TestConfigIsAFile refuses what is no file before it is read: a device would never end.
func TestConfigIsAFile(t *testing.T) {
	for _, path := range []string{os.DevNull, t.TempDir()} {
		if _, err := ReadConfig(path); err == nil || !strings.Contains(err.Error(), path+": expected a file") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := readIndex(os.DevNull); err == nil || !strings.Contains(err.Error(), "expected a file") {
		t.Errorf("an index: %v", err)
	}
}

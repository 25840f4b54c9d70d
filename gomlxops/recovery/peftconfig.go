package recovery

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
)

// AdapterConfig is the file by which an adapter's directory is known, as PEFT names it.
const AdapterConfig = "adapter_config.json"

const adapterWeightsName = "adapter_model.safetensors"

// peftLoRA and peftSubspace are peft_type. The second is ours: PEFT knows no such method and refuses it.
const (
	peftLoRA     = "LORA"
	peftSubspace = "PARE_SUBSPACE"
)

// peftConfig is adapter_config.json with the keys that a writer needs, in alphabetical order as PEFT writes them. What a reader misses
// takes PEFT's defaults.
type peftConfig struct {
	AlphaPattern    map[string]float64 `json:"alpha_pattern"`
	Base            *string            `json:"base_model_name_or_path"`
	Bias            string             `json:"bias"`
	FanInFanOut     bool               `json:"fan_in_fan_out"`
	InferenceMode   bool               `json:"inference_mode"`
	InitLoRAWeights any                `json:"init_lora_weights"`
	LoRAAlpha       float64            `json:"lora_alpha"`
	LoRADropout     float64            `json:"lora_dropout"`
	ModulesToSave   []string           `json:"modules_to_save"`
	PEFTType        string             `json:"peft_type"`
	R               int                `json:"r"`
	RankPattern     map[string]int     `json:"rank_pattern"`
	TargetModules   any                `json:"target_modules"` // list or regular expression
	TaskType        string             `json:"task_type"`
	UseRSLoRA       bool               `json:"use_rslora"`
}

// refusedKeys change what an adapter computes in ways that we do not; each is nothing, false or empty where they are off.
var refusedKeys = []string{"use_dora", "lora_bias", "use_qalora", "use_bdlora", "target_parameters", "trainable_token_indices",
	"layer_replication", "modules_to_save", "alora_invocation_tokens", "arrow_config", "kasa_config", "monteclora_config", "velora_config"}

// readPEFTConfig reads adapter_config.json. Keys that it does not know are passed over, as PEFT does.
func readPEFTConfig(path string) (*peftConfig, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c := &peftConfig{R: 8, LoRAAlpha: 8, Bias: "none"}
	var keys map[string]json.RawMessage
	if err = json.Unmarshal(data, &keys); err == nil {
		err = json.Unmarshal(data, c)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, key := range refusedKeys {
		if v := strings.TrimSpace(string(keys[key])); !slices.Contains([]string{"", "null", "false", "[]", "{}"}, v) {
			return nil, fmt.Errorf("%s: field %s: expected nothing, found %s; such adapters cannot be read", path, key, v)
		}
	}
	return c, c.check(path)
}

func (c *peftConfig) check(path string) error {
	wrong := func(field, want string, found any) error {
		return fmt.Errorf("%s: field %s: expected %s, found %v", path, field, want, found)
	}
	switch {
	case c.PEFTType != peftLoRA && c.PEFTType != peftSubspace:
		return wrong("peft_type", peftLoRA+" or "+peftSubspace, fmt.Sprintf("%q", c.PEFTType))
	case c.Bias != "none" && c.Bias != "":
		return wrong("bias", `"none"`, fmt.Sprintf("%q", c.Bias))
	case c.R < 1:
		return wrong("r", "at least 1", c.R)
	case !(c.LoRAAlpha > 0) || math.IsInf(c.LoRAAlpha, 0):
		return wrong("lora_alpha", "above 0", c.LoRAAlpha)
	case !(c.LoRADropout >= 0 && c.LoRADropout < 1):
		return wrong("lora_dropout", "at least 0 and below 1", c.LoRADropout)
	}
	if _, _, err := c.targets(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// targets returns target_modules as a list or as a pattern.
func (c *peftConfig) targets() (list []string, pattern string, err error) {
	switch t := c.TargetModules.(type) {
	case nil:
		return nil, allLinear, nil
	case string:
		return nil, t, nil
	case []string:
		return t, "", nil
	case []any:
		for _, x := range t {
			s, ok := x.(string)
			if !ok {
				return nil, "", fmt.Errorf("field target_modules: expected names, found %v", x)
			}
			list = append(list, s)
		}
		if len(list) > 0 {
			return list, "", nil
		}
	}
	return nil, "", fmt.Errorf("field target_modules: expected a list of names or a regular expression, found %v", c.TargetModules)
}

// lora is the configuration as options.
func (c *peftConfig) lora() *LoRA {
	o := &LoRA{Rank: c.R, Alpha: c.LoRAAlpha, Dropout: c.LoRADropout, RSLoRA: c.UseRSLoRA, FanInFanOut: c.FanInFanOut, Init: Kaiming, RankPattern: c.RankPattern, AlphaPattern: c.AlphaPattern}
	o.Targets, o.Pattern, _ = c.targets()
	if c.InitLoRAWeights == Gaussian {
		o.Init = Gaussian
	}
	if c.Base != nil {
		o.Base = *c.Base
	}
	return o
}

// peftConfig is the options as a configuration.
func (o LoRA) peftConfig() *peftConfig {
	c := &peftConfig{AlphaPattern: o.AlphaPattern, RankPattern: o.RankPattern, Base: &o.Base, Bias: "none", InferenceMode: true, InitLoRAWeights: true,
		LoRAAlpha: o.Alpha, LoRADropout: o.Dropout, PEFTType: peftLoRA, R: o.Rank, TaskType: "CAUSAL_LM", UseRSLoRA: o.RSLoRA, FanInFanOut: o.FanInFanOut}
	if o.Init == Gaussian {
		c.InitLoRAWeights = Gaussian
	}
	c.setTargets(o.Targets, o.Pattern)
	return c.filled()
}

func (c *peftConfig) setTargets(targets []string, pattern string) {
	switch {
	case pattern != "":
		c.TargetModules = pattern
	case len(targets) > 0:
		c.TargetModules = targets
	default:
		c.TargetModules = allLinear
	}
}

// filled has empty patterns where it had none, as PEFT writes them.
func (c *peftConfig) filled() *peftConfig {
	if c.AlphaPattern == nil {
		c.AlphaPattern = map[string]float64{}
	}
	if c.RankPattern == nil {
		c.RankPattern = map[string]int{}
	}
	return c
}

package transformer

import (
	"encoding/json/jsontext"
	json "encoding/json/v2"
	"fmt"
	"math"
)

// ropeKeys is what rope_scaling and, in newer files, rope_parameters hold. Null and absent are the same.
type ropeKeys struct {
	RopeType string   `json:"rope_type,omitzero"`
	Type     string   `json:"type,omitzero"`       // older files' rope_type
	Theta    *float64 `json:"rope_theta,omitzero"` // in rope_parameters only
	Factor   *float64 `json:"factor,omitzero"`
	Original *float64 `json:"original_max_position_embeddings,omitzero"`
	Low      *float64 `json:"low_freq_factor,omitzero"`
	High     *float64 `json:"high_freq_factor,omitzero"`
	Fast     *float64 `json:"beta_fast,omitzero"`
	Slow     *float64 `json:"beta_slow,omitzero"`
	Factors  *float64 `json:"attention_factor,omitzero"`
	MScale   *float64 `json:"mscale,omitzero"`
	MScales  *float64 `json:"mscale_all_dim,omitzero"`
	Truncate *bool    `json:"truncate,omitzero"`
	Partial  *float64 `json:"partial_rotary_factor,omitzero"`
	Alpha    *float64 `json:"alpha,omitzero"` // of another way to scale under the name "dynamic"
}

// rope reads the base of the rotary frequencies and their scaling: rope_theta and rope_scaling, or in newer files rope_parameters,
// which goes before them.
func (f *fields) rope(c *Config) {
	const otherwise = 10000 // LlamaConfig's default
	c.RopeTheta = f.numberOr("rope_theta", otherwise)
	f.only("partial_rotary_factor", "1: in this family all channels turn", "1", "1.0")
	for _, name := range []string{"rope_scaling", "rope_parameters"} {
		v, ok := f.values[name]
		if !ok || v.Kind() == jsontext.KindNull {
			continue
		}
		var k ropeKeys
		if err := json.Unmarshal(v, &k); err != nil {
			f.fail(name, "an object as Hugging Face transformers has it", excerpt(v))
			continue
		}
		if k.Theta != nil {
			c.RopeTheta = *k.Theta
		}
		var expected, found string
		if c.Positions.Scaling, expected, found = k.scaling(c); expected != "" {
			f.fail(name, expected, found)
		}
	}
}

// scaling returns what the keys say, or what is wrong with it.
func (k ropeKeys) scaling(c *Config) (s Scaling, expected, found string) {
	s.Type = k.RopeType
	if s.Type == "" {
		s.Type = k.Type
	}
	or := func(v *float64, otherwise float64) float64 {
		if v == nil {
			return otherwise
		}
		return *v
	}
	if partial := or(k.Partial, 1); partial != 1 {
		return s, "partial_rotary_factor 1: in this family all channels turn", fmt.Sprint(partial)
	}
	original := or(k.Original, 0)
	switch s.Type {
	case "":
		if k.Factor == nil && k.Original == nil && k.Alpha == nil { // no scaling is spoken of
			return Scaling{}, "", ""
		}
		return s, "a rope_type beside the factor", "none"
	case "default":
		return Scaling{}, "", ""
	case scaleLinear, scaleDynamic:
		s.Factor, original = or(k.Factor, 0), 0
	case scaleLlama3:
		s.Factor, s.LowFrequency, s.HighFrequency = or(k.Factor, 0), or(k.Low, 0), or(k.High, 0)
	case scaleYarn:
		s.BetaFast, s.BetaSlow, s.AttentionFactor = or(k.Fast, 0), or(k.Slow, 0), or(k.Factors, 0)
		s.MScale, s.MScaleAllHidden, s.Exact = or(k.MScale, 0), or(k.MScales, 0), k.Truncate != nil && !*k.Truncate
		s.Factor = or(k.Factor, 0)
		if k.Factor == nil && original > 0 {
			s.Factor = float64(c.MaxPositions) / original
		}
	default:
		return s, fmt.Sprintf("a rope_type of %q, %q, %q, %q or %q", "default", scaleLinear, scaleDynamic, scaleLlama3, scaleYarn), fmt.Sprintf("%q", s.Type)
	}
	if k.Alpha != nil {
		return s, "no alpha, which this version does not compute", fmt.Sprint(*k.Alpha)
	}
	if original != math.Trunc(original) || original < 0 || original > mostPositions {
		return s, fmt.Sprintf("original_max_position_embeddings from 1 to %d", mostPositions), fmt.Sprint(original)
	}
	s.Original = int(original)
	return s, "", ""
}

// check says what is impossible about the scaling of c's positions.
func (s Scaling) check(c *Config) error {
	wrong := func(expected string, found any) error { return fieldError("rope_scaling", expected, fmt.Sprint(found)) }
	switch {
	case s.Type == "":
		return nil
	case !(s.Factor >= 1) || s.Factor > mostPositions:
		return wrong("a factor of at least 1", s.Factor)
	case s.Type == scaleDynamic && c.turned() <= 2:
		return wrong("more than 2 channels that turn in each head", c.turned())
	case s.Type == scaleLlama3 && !(s.LowFrequency > 0 && s.HighFrequency > s.LowFrequency && s.HighFrequency < mostPositions):
		return wrong("low_freq_factor above 0 and high_freq_factor above that", fmt.Sprintf("%v and %v", s.LowFrequency, s.HighFrequency))
	case s.Type == scaleYarn && !(c.RopeTheta > 1):
		return wrong("a rope_theta above 1", c.RopeTheta)
	}
	for name, v := range map[string]float64{
		"beta_fast": s.BetaFast, "beta_slow": s.BetaSlow, "attention_factor": s.AttentionFactor, "mscale": s.MScale, "mscale_all_dim": s.MScaleAllHidden,
	} {
		if !(v >= 0) || v > mostPositions {
			return wrong(name+" of at least 0", v)
		}
	}
	return nil
}

// keys is the scaling as rope_scaling holds it.
func (s Scaling) keys() ropeKeys {
	k := ropeKeys{RopeType: s.Type, Type: s.Type, Factor: &s.Factor} // older readers look at type alone
	set := func(to **float64, v float64) {
		if v != 0 {
			*to = &v
		}
	}
	set(&k.Original, float64(s.Original))
	set(&k.Low, s.LowFrequency)
	set(&k.High, s.HighFrequency)
	set(&k.Fast, s.BetaFast)
	set(&k.Slow, s.BetaSlow)
	set(&k.Factors, s.AttentionFactor)
	set(&k.MScale, s.MScale)
	set(&k.MScales, s.MScaleAllHidden)
	if s.Exact {
		k.Truncate = new(bool)
	}
	return k
}

// putRope writes base and scaling, as the file said them where it still says the same.
func (c *Config) putRope(values map[string]jsontext.Value) {
	values["rope_theta"] = number(c.RopeTheta)
	said := Config{MaxPositions: c.MaxPositions}
	f := &fields{values: map[string]jsontext.Value{"rope_theta": values["rope_theta"]}, family: c.family()}
	for _, name := range []string{"rope_scaling", "rope_parameters"} {
		if v, ok := values[name]; ok {
			f.values[name] = v
		}
	}
	if f.rope(&said); f.err == nil && said.RopeTheta == c.RopeTheta && said.Positions.Scaling == c.Positions.Scaling {
		return
	}
	delete(values, "rope_parameters")
	delete(values, "rope_scaling")
	if c.Positions.Scaling.Type != "" {
		values["rope_scaling"] = mustJSON(c.Positions.Scaling.keys())
	}
}

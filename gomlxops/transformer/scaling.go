package transformer

import (
	"cmp"
	"math"

	"github.com/parelab/pare/gomlxops/internal/layer"
)

// Scaling stretches rotary positions to sequences longer than those that a model was first trained on. The zero value is none.
//
//	symbol  meaning                                             field
//	s       how much longer                                     Factor
//	L       length first trained on                             Original
//	n       channels of a head that turn
//	θ       base of the frequencies                             RopeTheta
//	f_j     θ^(−2j/n), 0 ≤ j < n/2, radians a token
//	λ_j     wavelength 2π/f_j
//	T       length of the sequence
//
//	linear   f_j/s
//	dynamic  f_j with θ·(s·T/L − (s−1))^(n/(n−2)) for θ where T > L, f_j otherwise
//	llama3   f_j where λ_j < L/h; f_j/s where λ_j > L/l; between them (1−m)·f_j/s + m·f_j, m = (L/λ_j − l)/(h − l),
//	         l = LowFrequency, h = HighFrequency
//	yarn     (1−m_j)·f_j + m_j·f_j/s, m_j = clamp((j−a)/(b−a)) from 0 to 1, a and b the pairs that turn BetaFast and BetaSlow times
//	         in L tokens, n·ln(L/(2π·β))/(2 ln θ), rounded away from each other unless Exact, and kept within 0 and n−1; queries and
//	         keys are multiplied by t, by default 0.1·ln s + 1
//
// This is what Hugging Face transformers computes (modeling_rope_utils.py), but in float64. Dynamic scaling goes by the length of each
// sequence; there it goes by the longest so far.
//
// Linear: S. Chen et al., 2023, https://arxiv.org/abs/2306.15595. Dynamic and yarn: B. Peng et al., "YaRN", 2023,
// https://arxiv.org/abs/2309.00071, sections 3.1 to 3.4 (t² is its 1/t). llama3: A. Dubey et al., 2024, https://arxiv.org/abs/2407.21783.
type Scaling struct {
	Type     string  // "linear", "dynamic", "llama3", "yarn"; empty is none
	Factor   float64 // at least 1
	Original int     // 0 is MaxPositions; of linear and dynamic it has no say

	LowFrequency, HighFrequency float64 // llama3: low_freq_factor and high_freq_factor

	BetaFast, BetaSlow      float64 // yarn: 0 is 32 and 1
	AttentionFactor         float64 // yarn: t; 0 is the default
	MScale, MScaleAllHidden float64 // yarn: mscale and mscale_all_dim; where both are set t is (0.1·mscale·ln s + 1)/(0.1·mscale_all_dim·ln s + 1)
	Exact                   bool    // yarn: truncate is false
}

// The types of scaling.
const (
	scaleLinear  = "linear"
	scaleDynamic = "dynamic"
	scaleLlama3  = "llama3"
	scaleYarn    = "yarn"
)

// Longest is the length of the longest sequence that the model may be run on: MaxPositions, or what the scaling of its positions is
// for, Factor times the length first trained on.
func (c *Config) Longest() int {
	s := c.Positions.Scaling
	if s.Type == "" {
		return c.MaxPositions
	}
	return max(c.MaxPositions, int(min(s.Factor*float64(c.original()), mostPositions)))
}

// original is L.
func (c *Config) original() int {
	if t := c.Positions.Scaling.Type; t == scaleLinear || t == scaleDynamic {
		return c.MaxPositions
	}
	return cmp.Or(c.Positions.Scaling.Original, c.MaxPositions)
}

// turned is the number of channels of each head that turn.
func (c *Config) turned() int {
	if c.Positions.Learned {
		return 0
	}
	return cmp.Or(c.Positions.Channels, c.HeadDim)
}

// rotary says how the positions of sequences of the given length turn queries and keys.
func (c *Config) rotary(length int) layer.Rotary {
	if c.Positions.Learned {
		return layer.Rotary{}
	}
	r := layer.Rotary{Freq: layer.Frequencies(c.RopeTheta, c.turned()), Interleaved: c.Positions.Interleaved}
	switch s := c.Positions.Scaling; s.Type {
	case scaleLinear:
		for j := range r.Freq {
			r.Freq[j] /= s.Factor
		}
	case scaleDynamic:
		r.Freq = layer.Frequencies(c.dynamicBase(length), c.turned())
	case scaleLlama3:
		s.llama3(r.Freq, float64(c.original()))
	case scaleYarn:
		s.yarn(r.Freq, float64(c.original()), c.RopeTheta)
		r.Scale = s.attention()
	}
	return r
}

func (c *Config) dynamicBase(length int) float64 {
	s, n := c.Positions.Scaling.Factor, float64(c.turned())
	longer := float64(max(length, c.original())) / float64(c.original())
	return c.RopeTheta * math.Pow(s*longer-(s-1), n/(n-2))
}

func (s Scaling) llama3(freq []float64, original float64) {
	for j, f := range freq {
		turns := original * f / (2 * math.Pi) // L/λ
		switch {
		case turns > s.HighFrequency:
		case turns < s.LowFrequency:
			freq[j] = f / s.Factor
		default:
			m := (turns - s.LowFrequency) / (s.HighFrequency - s.LowFrequency)
			freq[j] = (1-m)*f/s.Factor + m*f
		}
	}
}

func (s Scaling) yarn(freq []float64, original, theta float64) {
	n := float64(2 * len(freq))
	pair := func(turns float64) float64 { return n * math.Log(original/(turns*2*math.Pi)) / (2 * math.Log(theta)) }
	a, b := pair(cmp.Or(s.BetaFast, 32)), pair(cmp.Or(s.BetaSlow, 1))
	if !s.Exact {
		a, b = math.Floor(a), math.Ceil(b)
	}
	a, b = max(a, 0), min(b, n-1)
	if a == b {
		b += 0.001 // as transformers has it
	}
	for j, f := range freq {
		m := min(max((float64(j)-a)/(b-a), 0), 1)
		freq[j] = (1-m)*f + m*f/s.Factor
	}
}

// attention is t.
func (s Scaling) attention() float64 {
	stretch := func(m float64) float64 {
		if s.Factor <= 1 {
			return 1
		}
		return 0.1*m*math.Log(s.Factor) + 1
	}
	switch {
	case s.AttentionFactor != 0:
		return s.AttentionFactor
	case s.MScale != 0 && s.MScaleAllHidden != 0:
		return stretch(s.MScale) / stretch(s.MScaleAllHidden)
	}
	return stretch(1)
}

// Turning returns the inverse frequency of each pair of channels that turns, radians a token, and what multiplies turned channels, for scaling that does
// not depend on the length; none where positions are learned.
func (c *Config) Turning() (frequencies []float64, scale float64) {
	r := c.rotary(0)
	return r.Freq, cmp.Or(r.Scale, 1)
}

// FrequencyFactors is what each frequency of the rotary positions is divided by, for scaling that does not depend on the length: 1 for those that
// stay as they are.
func (c *Config) FrequencyFactors() []float64 {
	plain, scaled := layer.Frequencies(c.RopeTheta, c.turned()), c.rotary(0).Freq
	for j := range plain {
		plain[j] /= scaled[j]
	}
	return plain
}

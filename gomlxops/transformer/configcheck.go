package transformer

import (
	"fmt"
	"math"
)

// Upper limits of a believable model. They are some ten times what the largest published models have, and low enough that
// no product of two of them overflows or leads to a large allocation before the first tensor has been looked at.
const (
	mostVocab     = 1 << 24
	mostWidth     = 1 << 20
	mostLayers    = 1 << 12
	mostHeads     = 1 << 14
	mostPositions = 1 << 30
)

// Validate says which field of c is impossible, in the words of the family's config.json: the field, what was expected, what was found.
func (c *Config) Validate() error {
	f := families[c.ModelType]
	if f == nil {
		return fieldError("model_type", knownList(), fmt.Sprintf("%q", c.ModelType))
	}
	for _, s := range c.sizes() {
		if *s.value < 1 {
			return fieldError(f.called(s.field), "a number of at least 1", fmt.Sprint(*s.value))
		}
		if *s.value > s.top {
			return fieldError(f.called(s.field), fmt.Sprintf("a number of at most %d (anything more is too large to be meant)", s.top), fmt.Sprint(*s.value))
		}
	}
	if err := c.checkHeads(f); err != nil {
		return err
	}
	if err := c.checkNumbers(f); err != nil {
		return err
	}
	return c.checkShapes()
}

// checkHeads checks what attention needs of the head counts.
func (c *Config) checkHeads(f *family) error {
	if c.HeadDim < 1 || c.HeadDim > mostWidth {
		return fieldError(f.called("head_dim"), fmt.Sprintf("a number from 1 to %d", mostWidth), fmt.Sprint(c.HeadDim))
	}
	if c.Heads%c.KVHeads != 0 {
		return fieldError(f.called("num_key_value_heads"), fmt.Sprintf("a divisor of %s %d", f.spelled("num_attention_heads"), c.Heads), fmt.Sprint(c.KVHeads))
	}
	if !c.Positions.Learned && (c.turned()%2 != 0 || c.turned() > c.HeadDim) {
		return fieldError(f.spelled("num_attention_heads"), "an even head dimension (rotary embedding turns pairs of channels)",
			fmt.Sprintf("%d heads of %d channels", c.Heads, c.HeadDim))
	}
	return nil
}

func (c *Config) checkNumbers(f *family) error {
	if !c.Positions.Learned && !(c.RopeTheta > 0 && c.RopeTheta <= math.MaxFloat64) {
		return fieldError(f.spelled("rope_theta"), "a number above 0", fmt.Sprint(c.RopeTheta))
	}
	if !(c.NormEps > 0) || c.NormEps >= 1 {
		return fieldError(f.called("rms_norm_eps"), "a number above 0 and below 1", fmt.Sprint(c.NormEps))
	}
	if err := c.Positions.Scaling.check(c); err != nil {
		return err
	}
	for l, w := range c.Positions.Windows {
		if w < 0 || w > mostPositions {
			return fieldError("sliding_window", fmt.Sprintf("a number from 0 to %d", mostPositions), fmt.Sprintf("%d in layer %d", w, l))
		}
	}
	return nil
}

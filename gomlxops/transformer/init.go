package transformer

import (
	"context"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strings"
)

// initialDeviation is the standard deviation of a new matrix: LLaMA's initializer_range. Much less and the first gradients vanish
// in the residual stream, much more and the first softmaxes saturate.
const initialDeviation = 0.02

// Init returns weights to start training from, by logical name: matrices normal with deviation 0.02, those that write into the residual
// stream (o_proj, down_proj) smaller by √(2·Layers) as GPT-2 does, so that the stream's variance does not grow with depth; scales of
// norms 1, biases 0.
//
// Each tensor depends on the seed and its own name only.
func (c *Config) Init(seed uint64) map[string][]float32 {
	weights := make(map[string][]float32)
	for _, t := range c.storedTensors() {
		for i, p := range t.parts {
			values := make([]float32, p.Elements())
			c.initialize(t, i, seed, values)
			weights[p.Name] = values
		}
	}
	return weights
}

// initialize fills values with what Init gives part i of t; they are zeros before.
func (c *Config) initialize(t storedTensor, i int, seed uint64, values []float32) {
	p := t.parts[i]
	switch {
	case len(p.Shape) > 1:
		deviation := initialDeviation
		if len(t.linears) > 0 && (t.linears[i].Kind == Output || t.linears[i].Kind == Down) {
			deviation /= math.Sqrt(2 * float64(c.Layers))
		}
		fillNormal(values, deviation, seed, p.Name)
	case strings.HasSuffix(p.Name, ".weight"):
		for i := range values {
			values[i] = 1
		}
	}
}

// SaveInit writes a model of configuration c with the weights that [Config.Init] gives, one tensor at a time, so that the model may be larger
// than memory. dtype, extra files and errors are those of [SaveTensors]; of opt the Recorder, Overwrite and ShardBytes count.
func SaveInit(ctx context.Context, dir string, c *Config, seed uint64, dtype string, extra map[string][]byte, opt SaveOptions) error {
	return saveParts(ctx, dir, c, func(t storedTensor, part int, dst []float32) error {
		c.initialize(t, part, seed, dst)
		return nil
	}, dtype, extra, opt)
}

func fillNormal(values []float32, deviation float64, seed uint64, name string) {
	h := fnv.New64a()
	h.Write([]byte(name))
	rng := rand.New(rand.NewPCG(seed, h.Sum64()))
	for i := range values {
		values[i] = float32(rng.NormFloat64() * deviation)
	}
}

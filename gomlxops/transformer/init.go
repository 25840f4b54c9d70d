package transformer

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strings"
)

// TensorShape is the name and shape of one tensor of a checkpoint.
type TensorShape struct {
	Name  string
	Shape []int
}

// Elements counts the tensor's numbers.
func (t TensorShape) Elements() int { return Part{Shape: t.Shape}.Elements() }

// TensorShapes lists the tensors of a dense model of configuration c in checkpoint order: embedding, blocks, final norm, and
// the head where it is not tied.
func (c *Config) TensorShapes() []TensorShape {
	all := []TensorShape{{embeddingName, []int{c.VocabSize, c.HiddenSize}}}
	for layer := range c.Layers {
		for _, k := range Kinds {
			l := c.linear(layer, k)
			all = append(all, TensorShape{l.Name + ".weight", []int{l.Out, l.In}})
		}
		all = append(all, TensorShape{inputNormName(layer), []int{c.HiddenSize}},
			TensorShape{mlpNormName(layer), []int{c.HiddenSize}})
	}
	all = append(all, TensorShape{finalNormName, []int{c.HiddenSize}})
	if !c.TieEmbeddings {
		all = append(all, TensorShape{headName, []int{c.VocabSize, c.HiddenSize}})
	}
	return all
}

// initialDeviation is the standard deviation of a new matrix: LLaMA's initializer_range. Much less and the first gradients vanish
// in the residual stream, much more and the first softmaxes saturate.
const initialDeviation = 0.02

// Init returns weights to start training from: matrices normal with deviation 0.02, those that write into the residual stream
// (o_proj, down_proj) smaller by √(2·Layers) as GPT-2 does, so that the stream's variance does not grow with depth; norms 1.
//
// Each tensor depends on the seed and its own name only.
func (c *Config) Init(seed uint64) map[string][]float32 {
	weights := make(map[string][]float32)
	for _, t := range c.TensorShapes() {
		values := make([]float32, t.Elements())
		if len(t.Shape) == 1 {
			for i := range values {
				values[i] = 1
			}
		} else {
			fillNormal(values, c.initialDeviation(t.Name), seed, t.Name)
		}
		weights[t.Name] = values
	}
	return weights
}

func (c *Config) initialDeviation(tensor string) float64 {
	if strings.HasSuffix(tensor, string(Output)+".weight") || strings.HasSuffix(tensor, string(Down)+".weight") {
		return initialDeviation / math.Sqrt(2*float64(c.Layers))
	}
	return initialDeviation
}

func fillNormal(values []float32, deviation float64, seed uint64, name string) {
	h := fnv.New64a()
	h.Write([]byte(name))
	rng := rand.New(rand.NewPCG(seed, h.Sum64()))
	for i := range values {
		values[i] = float32(rng.NormFloat64() * deviation)
	}
}

package transformer

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
)

// The reverse stream of every family against the whole graph's gradient in float64: linears with their biases, and norms.
func TestBackwardOfFamilies(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	models := map[string]*Model{"gpt2": openOracle(t, "gpt2"), "chatglm": openOracle(t, "chatglm")}
	for _, f := range familyCases() {
		if !strings.HasPrefix(f.name, "llama, ") || strings.Contains(f.name, "biases") {
			models[f.name] = f.open(t, seed)
		}
	}
	for name, m := range models {
		c := m.Config()
		sequences := randomTokens(rand.New(rand.NewPCG(seed, 11)), c, 3, 12)
		p, _ := backward(t, m.Dense(), styles[0], sequences, RunOptions{})
		var names, keys []string
		add := func(layer int, place any, tensors ...TensorShape) {
			for i, s := range tensors {
				names, keys = append(names, s.Name), append(keys, fmt.Sprintf("%d %v %d", layer, place, i))
			}
		}
		for _, l := range c.Linears() {
			if add(l.Layer, l.Kind, l.weight()); l.Bias {
				names, keys = append(names, l.bias().Name), append(keys, fmt.Sprintf("%d %s 1", l.Layer, l.Kind))
			}
		}
		for l := range c.Layers {
			norms := c.blockNorms(l)
			each := len(c.finalNorm())
			add(l, InputNorm, norms[:each]...)
			add(l, MLPNorm, norms[each:2*each]...)
			if c.Block.QKNorm {
				add(l, QueryNorm, norms[2*each])
				add(l, KeyNorm, norms[2*each+1])
			}
		}
		add(c.Layers, FinalNorm, c.finalNorm()...)
		_, want := lossAndGradient(t, c, asTensors(t, m, dtypes.Float64), sequences, names)
		for i, name := range names {
			got := p.sum[keys[i]]
			for j := range got {
				got[j] /= float64(len(sequences))
			}
			if off := gradientOff(want[i], got); !(off <= 4e-4) {
				t.Errorf("%s: gradient of %s off by %.2g", c.ModelType, name, off)
			}
		}
		if len(names) < 9*c.Layers {
			t.Errorf("%s: only %d gradients compared", name, len(names))
		}
	}
}

// gradientOff is [relative], but that a gradient which is zero but for rounding, as that of a key's bias is, counts by itself.
func gradientOff(want, got []float64) float64 {
	largest := 0.0
	for _, v := range want {
		largest = max(largest, v, -v)
	}
	if largest > 1e-12 {
		return relative(want, got)
	}
	worst := 0.0
	for _, v := range got {
		worst = max(worst, v, -v)
	}
	return worst
}

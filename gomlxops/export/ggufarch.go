package export

import (
	"fmt"
	"slices"

	"github.com/parelab/pare/gomlxops/transformer"
)

// The architectures of llama.cpp that are written. Each is what its loader and its graph (src/models in its sources) ask for:
//
//	llama    RMSNorm, gated SiLU, any biases of linears, rotary pairs 2j and 2j+1, linear, yarn and llama3 scaling
//	deci     llama whose layers differ in heads and MLP channels
//	qwen2    rotary pairs j and j+n/2, biases on queries, keys and values, heads that share out the hidden size
//	qwen3    the same with norms of queries and keys, no biases, any head dimension
//	chatglm  half of each head turns in pairs 2j and 2j+1; queries, keys and values in one tensor, gate and up in another
//	gpt2     LayerNorm, learned positions, GELU by tanh, biases
//
// A model that its own architecture there has no room for is written as llama or deci where these compute the same: a Qwen2 with other biases,
// or with pruned heads.
const (
	archLlama   = "llama"
	archDeci    = "deci"
	archQwen2   = "qwen2"
	archQwen3   = "qwen3"
	archChatGLM = "chatglm"
	archGPT2    = "gpt2"
)

// ggufModel is a model on its way to GGUF.
type ggufModel struct {
	*source
	c    *transformer.Config
	arch string
}

// newGGUF finds the architecture, and says what no architecture has room for.
func newGGUF(s *source) (*ggufModel, error) {
	g := &ggufModel{source: s, c: s.v.Model().Config()}
	var why string
	if g.arch, why = g.choose(); why != "" {
		return nil, fmt.Errorf("cannot export the model as GGUF: %s, which llama.cpp has no architecture for; export with --format hf", why)
	}
	return g, nil
}

// choose returns the architecture, or what is in the way of one.
func (g *ggufModel) choose() (arch, why string) {
	switch {
	case g.c.ModelType == "gpt2":
		return archGPT2, g.noGPT2()
	case g.c.Block.LayerNorm || g.c.Positions.Learned || g.c.Block.Ungated:
		return "", "a model of the family " + g.c.ModelType
	case g.c.Block.Activation != "" && g.c.Block.Activation != transformer.SiLU:
		return "", fmt.Sprintf("an MLP gated by %s", g.c.Block.Activation)
	case g.c.Positions.Interleaved:
		return archChatGLM, g.noChatGLM()
	case g.c.Positions.Channels != 0 && g.c.Positions.Channels != g.c.HeadDim:
		return "", "heads of which only some channels turn"
	case g.c.Block.QKNorm:
		return archQwen3, g.noQwen3()
	case g.scaling(true) != "":
		return "", g.scaling(true)
	case g.c.Shapes != nil:
		return archDeci, ""
	case g.c.ModelType == "qwen2" && g.plainQwen2():
		return archQwen2, ""
	}
	return archLlama, ""
}

func (g *ggufModel) noGPT2() string {
	switch {
	case g.c.Shapes != nil || !g.ownWidth() || g.c.KVHeads != g.c.Heads:
		return "a GPT-2 with pruned layers"
	case g.c.Block.Activation != transformer.GELUTanh:
		return fmt.Sprintf("a GPT-2 with %s", g.c.Block.Activation)
	}
	return ""
}

func (g *ggufModel) noChatGLM() string {
	switch {
	case g.c.Shapes != nil || !g.ownWidth():
		return "a ChatGLM with pruned heads or layers"
	case g.hasBias(transformer.Output, transformer.Gate, transformer.Up, transformer.Down):
		return "a ChatGLM with biases beyond those of queries, keys and values"
	}
	return g.scaling(false)
}

func (g *ggufModel) noQwen3() string {
	switch {
	case g.c.Shapes != nil:
		return "a Qwen3 whose layers differ"
	case g.hasBias(transformer.Kinds...):
		return "a Qwen3 with biases"
	}
	return g.scaling(false)
}

// plainQwen2 says whether llama.cpp's qwen2 has room for the model.
func (g *ggufModel) plainQwen2() bool {
	return g.ownWidth() && g.scaling(false) == "" && !g.hasBias(transformer.Output, transformer.Gate, transformer.Up, transformer.Down)
}

// ownWidth says whether the heads share out the hidden size.
func (g *ggufModel) ownWidth() bool { return g.c.Heads*g.c.HeadDim == g.c.HiddenSize }

// hasBias says whether some linear of some kind has a bias.
func (g *ggufModel) hasBias(kinds ...transformer.Kind) bool {
	return slices.ContainsFunc(kinds, func(k transformer.Kind) bool { return g.biases[k] })
}

// scaling says which scaling of positions is in the way. llama.cpp's own yarn is that of the paper; llama3's is a table of factors, which not
// every architecture reads.
func (g *ggufModel) scaling(factors bool) string {
	s := g.c.Positions.Scaling
	switch s.Type {
	case "", "linear":
		return ""
	case "llama3":
		if factors {
			return ""
		}
	case "yarn":
		if s.AttentionFactor == 0 && s.MScale == 0 && s.MScaleAllHidden == 0 && !s.Exact && or(s.BetaFast, 32) == 32 && or(s.BetaSlow, 1) == 1 {
			return ""
		}
		return "yarn with settings of its own"
	}
	return fmt.Sprintf("a %s with rope_scaling %q", g.c.ModelType, s.Type)
}

func or(v, otherwise float64) float64 {
	if v == 0 {
		return otherwise
	}
	return v
}

// turnsInPairs says whether the architecture turns channels 2j and 2j+1 where our checkpoints have j and j+n/2.
func turnsInPairs(arch string) bool { return arch == archLlama || arch == archDeci }

// warnings says where llama.cpp computes something else.
func (g *ggufModel) warnings() (all []string) {
	least := 0
	for _, w := range g.c.Positions.Windows {
		if w > 0 && (least == 0 || w < least) {
			least = w
		}
	}
	if least > 0 && least < g.c.Longest() {
		all = append(all, fmt.Sprintf("llama.cpp's %s has no windows: on texts of more than %d tokens it attends to tokens that the model would not", g.arch, least))
	}
	return all
}

package export

import (
	"fmt"

	"github.com/parelab/pare/gomlxops/export/gguf"
	"github.com/parelab/pare/gomlxops/transformer"
)

// ggufNames are llama.cpp's names of tensors, by place; %d is the layer.
var ggufNames = map[transformer.Place]string{
	transformer.Embedding: "token_embd", transformer.PositionTable: "position_embd", transformer.FinalNorm: "output_norm", transformer.Head: "output",
	transformer.InputNorm: "blk.%d.attn_norm", transformer.MLPNorm: "blk.%d.ffn_norm",
	transformer.QueryNorm: "blk.%d.attn_q_norm", transformer.KeyNorm: "blk.%d.attn_k_norm",
	transformer.Place(transformer.Query): "blk.%d.attn_q", transformer.Place(transformer.Key): "blk.%d.attn_k",
	transformer.Place(transformer.Value): "blk.%d.attn_v", transformer.Place(transformer.Output): "blk.%d.attn_output",
	transformer.Place(transformer.Gate): "blk.%d.ffn_gate", transformer.Place(transformer.Up): "blk.%d.ffn_up", transformer.Place(transformer.Down): "blk.%d.ffn_down",
}

// ropeFactors is a table of what frequencies are divided by.
const ropeFactors = "rope_freqs.weight"

// fusions lists the linears that an architecture holds in one tensor, and its name.
var fusions = map[string][]fusion{
	archGPT2:    {{"blk.%d.attn_qkv", qkv}},
	archChatGLM: {{"blk.%d.attn_qkv", qkv}, {"blk.%d.ffn_up", []transformer.Kind{transformer.Gate, transformer.Up}}},
}

type fusion struct {
	name  string
	kinds []transformer.Kind
}

var qkv = []transformer.Kind{transformer.Query, transformer.Key, transformer.Value}

// packs lists the tensors of linears: for most architectures one for each kind.
func packs(arch string, c *transformer.Config) (all []fusion) {
	fused := map[transformer.Kind]bool{}
	for _, f := range fusions[arch] {
		all = append(all, f)
		for _, k := range f.kinds {
			fused[k] = true
		}
	}
	for _, k := range c.Kinds() {
		if !fused[k] {
			all = append(all, fusion{ggufNames[transformer.Place(k)], []transformer.Kind{k}})
		}
	}
	return all
}

// tensors lists what is written. As in llama.cpp's own converter norms, biases and tables of positions stay F32, and so does whatever is a
// vector; a matrix whose rows do not fit the type is F16.
func (g *ggufModel) tensors(t gguf.Type) (all []gguf.Tensor) {
	for _, table := range g.c.Tables() {
		as := t
		if table.Place == transformer.PositionTable {
			as = gguf.F32
		}
		all = append(all, g.plain(ggufNames[table.Place]+".weight", table.Name+".weight", as, table.Rows, table.Columns))
	}
	for _, n := range g.c.Norms() {
		name := layered(ggufNames[n.Place], n.Layer)
		all = append(all, g.plain(name+".weight", n.Name+".weight", gguf.F32, n.Width))
		if n.Bias {
			all = append(all, g.plain(name+".bias", n.Name+".bias", gguf.F32, n.Width))
		}
	}
	for l := range g.c.Layers {
		for _, f := range packs(g.arch, g.c) {
			all = append(all, g.pack(l, f, t)...)
		}
	}
	if g.c.Positions.Scaling.Type == "llama3" {
		factors := g.c.FrequencyFactors()
		all = append(all, gguf.Tensor{Info: gguf.Info{Name: ropeFactors, Shape: []int{len(factors)}, Type: gguf.F32}, Values: func(dst []float32) error {
			for i, f := range factors {
				dst[i] = float32(f)
			}
			return nil
		}})
	}
	return all
}

func layered(pattern string, layer int) string {
	if pattern == ggufNames[transformer.FinalNorm] {
		return pattern
	}
	return fmt.Sprintf(pattern, layer)
}

// fit is the type itself where rows fit it.
func fit(t gguf.Type, columns int) gguf.Type {
	if t.Fits(columns) {
		return t
	}
	return gguf.F16
}

func (g *ggufModel) plain(name, tensor string, t gguf.Type, shape ...int) gguf.Tensor {
	t = fit(t, shape[len(shape)-1])
	return gguf.Tensor{Info: gguf.Info{Name: name, Shape: shape, Type: t}, Values: func(dst []float32) error { return g.read(tensor, dst) }}
}

// pack makes the tensors of some linears of a layer, one after another in it: the weights, and biases where one of them has one or the family has.
func (g *ggufModel) pack(layer int, f fusion, t gguf.Type) []gguf.Tensor {
	var linears []transformer.Linear
	rows, biased := 0, false
	for _, l := range g.v.Model().Linears() {
		for _, k := range f.kinds {
			if l.Layer != layer || l.Kind != k {
				continue
			}
			linears = append(linears, l)
			rows += l.Out
			_, has := biasPart(g.v.Held(l))
			biased = biased || has || l.Bias
		}
	}
	name, columns := fmt.Sprintf(f.name, layer), linears[0].In
	weights := gguf.Tensor{Info: gguf.Info{Name: name + ".weight", Shape: []int{rows, columns}, Type: fit(t, columns)}, Values: func(dst []float32) error {
		return g.fill(linears, columns, dst, g.weight)
	}}
	if !biased {
		return []gguf.Tensor{weights}
	}
	return []gguf.Tensor{weights, {Info: gguf.Info{Name: name + ".bias", Shape: []int{rows}, Type: gguf.F32}, Values: func(dst []float32) error {
		return g.fill(linears, 1, dst, g.bias)
	}}}
}

// fill reads linears one after another, with the rows of queries and keys in the architecture's order.
func (g *ggufModel) fill(linears []transformer.Linear, columns int, dst []float32, read func(transformer.Linear, []float32) error) error {
	for _, l := range linears {
		n := l.Out * columns
		if err := read(l, dst[:n]); err != nil {
			return err
		}
		if turnsInPairs(g.arch) && (l.Kind == transformer.Query || l.Kind == transformer.Key) {
			interleave(dst[:n], g.c.HeadDim, columns)
		}
		dst = dst[n:]
	}
	return nil
}

// interleave moves the rows of each head so that those which turn together are neighbours: row 2j+s of a head is what row s·d/2+j was, for a head
// dimension d and s of 0 and 1. values is [heads·d, columns].
func interleave(values []float32, d, columns int) {
	reorder(values, d, columns, func(j, s int) int { return s*d/2 + j }, func(j, s int) int { return 2*j + s })
}

// separate undoes interleave.
func separate(values []float32, d, columns int) {
	reorder(values, d, columns, func(j, s int) int { return 2*j + s }, func(j, s int) int { return s*d/2 + j })
}

func reorder(values []float32, d, columns int, from, to func(j, s int) int) {
	head := make([]float32, d*columns)
	for ; len(values) > 0; values = values[d*columns:] {
		copy(head, values)
		for j := range d / 2 {
			for s := range 2 {
				copy(values[to(j, s)*columns:][:columns], head[from(j, s)*columns:][:columns])
			}
		}
	}
}

package lab

import (
	"fmt"
	"os"

	"github.com/parelab/pare/datasets/hub"
	"github.com/parelab/pare/datasets/pocket"
	"github.com/parelab/pare/datasets/tokenizer"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/kernel/show"
)

// Pocket is the name of the embedded model and of its text.
const Pocket = "pocket"

// Model is an opened model with its tokenizer.
type Model struct {
	*transformer.Model
	Name      string // as it was asked for
	Tokenizer *tokenizer.Tokenizer
}

// Open opens a model by name: "pocket", a directory in Hugging Face layout, or the name of a model in the local Hugging Face
// cache, such as "org/name".
func (l *Lab) Open(name string) (*Model, error) {
	dir, err := modelDir(name)
	if err != nil {
		return nil, err
	}
	m, err := transformer.Open(dir)
	if err != nil {
		return nil, err
	}
	tok, err := tokenizer.Open(dir)
	if err != nil {
		m.Close()
		return nil, err
	}
	if v := m.Config().VocabSize; tok.VocabSize() > v {
		m.Close()
		return nil, fmt.Errorf("%s: the tokenizer has %d tokens, but config.json says vocab_size %d; take the tokenizer that the model was trained with", dir, tok.VocabSize(), v)
	}
	return &Model{Model: m, Name: name, Tokenizer: tok}, nil
}

func modelDir(name string) (string, error) {
	if name == Pocket {
		return pocket.Dir()
	}
	if _, err := os.Stat(name); err == nil {
		return name, nil
	}
	dir, err := hub.Resolve(hub.Model, name)
	if err != nil {
		return "", fmt.Errorf("model %q is no directory: %w", name, err)
	}
	return dir, nil
}

// Info is what there is to know of a model without running it.
type Info struct {
	Name         string `json:"name"`
	Dir          string `json:"dir"`
	Architecture string `json:"architecture"`
	Layers       int    `json:"layers"`
	HiddenSize   int    `json:"hidden_size"`
	Heads        int    `json:"heads"`
	KVHeads      int    `json:"kv_heads"`
	MLPSize      int    `json:"mlp_size"`
	Vocabulary   int    `json:"vocabulary"`
	MaxPositions int    `json:"max_positions"`
	Params       int64  `json:"params"`
	LinearParams int64  `json:"linear_params"` // in decoder linears, what compression works on
	DType        string `json:"dtype"`
	Digest       string `json:"digest"`

	// Shapes are those of each layer of a pruned model whose layers differ; heads and MLP size above are then those before pruning.
	Shapes []transformer.Shape `json:"shapes,omitempty"`

	Tokenizer TokenizerInfo `json:"tokenizer"`
}

// Info describes the model.
func (m *Model) Info() (Info, error) {
	c, v := m.Config(), m.Dense()
	digest, err := m.Digest()
	return Info{
		Name: m.Name, Dir: m.Dir(), Architecture: c.ModelType, Layers: c.Layers, HiddenSize: c.HiddenSize, Heads: c.Heads,
		KVHeads: c.KVHeads, MLPSize: c.IntermediateSize, Vocabulary: c.VocabSize, MaxPositions: c.Longest(), Shapes: c.Shapes,
		Params: m.Params(), LinearParams: v.LinearParams(), DType: c.DType, Digest: digest,
		Tokenizer: describeTokenizer(m.Tokenizer),
	}, err
}

// Facts lays the description out for people.
func (i Info) Facts() show.Fragment {
	return show.Facts{
		Title: "Model " + i.Name,
		Items: append([]show.Fact{
			{Name: "architecture", Value: fmt.Sprintf("%s, %d layers", i.Architecture, i.Layers)},
			{Name: "hidden size", Value: i.HiddenSize},
			{Name: "heads", Value: fmt.Sprintf("%s for queries, %s for keys and values",
				i.over(i.Heads, func(s transformer.Shape) int { return s.Heads }), i.over(i.KVHeads, func(s transformer.Shape) int { return s.KVHeads }))},
			{Name: "MLP size", Value: i.over(i.MLPSize, func(s transformer.Shape) int { return s.MLP })},
			{Name: "vocabulary", Value: i.Vocabulary, Unit: "tokens"},
			{Name: "longest sequence", Value: i.MaxPositions, Unit: "tokens"},
			{Name: "parameters", Value: i.Params},
			{Name: "of these in decoder linears", Value: i.LinearParams},
			{Name: "stored as", Value: i.DType},
			{Name: "digest", Value: i.Digest},
			{Name: "directory", Value: i.Dir},
		}, i.Tokenizer.facts()...),
	}
}

// over is a size of a layer, as a range where layers differ.
func (i Info) over(all int, of func(transformer.Shape) int) string {
	if i.Shapes == nil {
		return fmt.Sprint(all)
	}
	least, most := of(i.Shapes[0]), 0
	for _, s := range i.Shapes {
		least, most = min(least, of(s)), max(most, of(s))
	}
	if least == most {
		return fmt.Sprint(least)
	}
	return fmt.Sprintf("%d to %d", least, most)
}

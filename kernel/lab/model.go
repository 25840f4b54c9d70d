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

// Facts says what the model is.
func (m *Model) Facts() show.Fragment {
	c := m.Config()
	var inLinears int64
	for _, lin := range m.Linears() {
		inLinears += lin.Params()
	}
	return show.Facts{
		Title: "Model " + m.Name,
		Items: []show.Fact{
			{Name: "architecture", Value: fmt.Sprintf("%s, %d layers", c.ModelType, c.Layers)},
			{Name: "hidden size", Value: c.HiddenSize},
			{Name: "heads", Value: fmt.Sprintf("%d queries, %d keys and values", c.Heads, c.KVHeads)},
			{Name: "MLP size", Value: c.IntermediateSize},
			{Name: "vocabulary", Value: c.VocabSize, Unit: "tokens"},
			{Name: "longest sequence", Value: c.MaxPositions, Unit: "tokens"},
			{Name: "parameters", Value: m.Params()},
			{Name: "of these in decoder linears", Value: inLinears},
			{Name: "stored as", Value: c.DType},
			{Name: "directory", Value: m.Dir()},
		},
	}
}

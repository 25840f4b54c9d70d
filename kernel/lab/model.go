package lab

import (
	"fmt"
	"os"
	"sync"

	"github.com/parelab/pare/datasets/hub"
	"github.com/parelab/pare/datasets/pocket"
	"github.com/parelab/pare/datasets/tokenizer"
	"github.com/parelab/pare/gomlxops/prune"
	"github.com/parelab/pare/gomlxops/transformer"
)

// Pocket is the name of the embedded model and of its text.
const Pocket = "pocket"

// Model is an opened model with its tokenizer.
type Model struct {
	*transformer.Model
	Name      string               // as it was asked for
	Tokenizer *tokenizer.Tokenizer // nil where none can be read: see [Model.NeedTokenizer]

	noTokenizer error

	graphOnce sync.Once // of what must be cut together
	traced    *prune.Graph
	graphErr  error
}

// graph is what must be cut together in the model. It is traced once.
func (m *Model) graph() (*prune.Graph, error) {
	m.graphOnce.Do(func() { m.traced, m.graphErr = prune.Of(m.Config()) })
	return m.traced, m.graphErr
}

// NeedTokenizer says why the model cannot read or write text; nil where it can.
func (m *Model) NeedTokenizer() error { return m.noTokenizer }

// Open opens a model by name: "pocket", a directory in Hugging Face layout, or the name of a model in the local Hugging Face
// cache, such as "org/name". A model whose tokenizer is missing or of an unknown kind opens all the same: only what reads or writes text
// is refused then.
func (l *Lab) Open(name string) (*Model, error) {
	dir, err := modelDir(name)
	if err != nil {
		return nil, err
	}
	m, err := transformer.Open(dir)
	if err != nil {
		return nil, noAdapter(dir, err)
	}
	opened := &Model{Model: m, Name: name}
	opened.Tokenizer, opened.noTokenizer = openTokenizer(dir, m.Config().VocabSize)
	return opened, nil
}

// openTokenizer opens the tokenizer of a model with the given vocabulary. It may have added tokens that the model has no row for, as long as no text
// begins or ends with one: the checkpoints of LLaMA with a token for padding are such. A text that spells one out is refused where it is run.
func openTokenizer(dir string, vocabulary int) (*tokenizer.Tokenizer, error) {
	t, err := tokenizer.Open(dir)
	if err != nil {
		return nil, err
	}
	if max(t.LearntSize(), int(t.BOS())+1, int(t.EOS())+1) > vocabulary {
		return nil, fmt.Errorf("%s: the tokenizer has %d tokens, but config.json says vocab_size %d; take the tokenizer that the model was trained with", dir, t.VocabSize(), vocabulary)
	}
	return t, nil
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

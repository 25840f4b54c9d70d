package lab

import (
	"testing"

	"github.com/parelab/pare/datasets"
	"github.com/parelab/pare/datasets/pocket"
)

// TestPocketKnowsItsWorld holds the embedded model against a trigram model of the same stories: it must be far better on
// stories that neither has seen.
func TestPocketKnowsItsWorld(t *testing.T) {
	l := newTestLab(t)
	m, err := l.Open(Pocket)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	p, err := l.Perplexity(t.Context(), m, Measure{Blocks: 24})
	if err != nil {
		t.Fatal(err)
	}
	held, err := l.Tokens(m, Pocket, HeldOutPart)
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := held.Blocks(24, 256)
	if err != nil {
		t.Fatal(err)
	}
	corpus, err := datasets.Open("pocket:train:8000000")
	if err != nil {
		t.Fatal(err)
	}
	trigram, err := pocket.TrainNGram(datasets.Tokenize(corpus, m.Tokenizer), pocket.VocabSize, 3)
	if err != nil {
		t.Fatal(err)
	}
	baseline := trigram.Perplexity(blocks)
	t.Logf("perplexity: model %.3f, trigram %.3f", p.Value, baseline)
	// Some margin for other processors' rounding; CARD.md has the numbers.
	if !(p.Value > 1 && p.Value < 0.6*baseline) {
		t.Errorf("perplexity %.3f of the model is not far below %.3f of a trigram model", p.Value, baseline)
	}
}

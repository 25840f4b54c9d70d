package evaluate

import (
	"fmt"
	"strings"

	"github.com/parelab/pare/gomlxops/transformer"
)

// Paper is the protocol by which a paper measures perplexity. All have in common: the rows of the text are joined by blank
// lines and cut into tokens as one text, with the start token, where the tokenizer sets one, once at the very beginning; blocks follow one
// another without overlap, none gets a start token of its own, all count, and what remains at the end is dropped; the perplexity is exp of the mean loss over all
// tokens of a block but its first.
type Paper struct {
	Name   string `json:"name"`
	Length int    `json:"length"` // tokens of a block
	Source string `json:"source"`
	Texts  string `json:"texts"` // which the paper reports
}

// Papers are the protocols by name. The same model has very different perplexities by them: LLaMA-7B on WikiText-2 12.62 at 128 tokens and 5.68 at 2048.
var Papers = []Paper{
	{"llm-pruner", 128, "Ma, Fang and Wang, LLM-Pruner, NeurIPS 2023, arXiv 2305.11627", "WikiText-2 test, PTB validation"},
	{"svd-llm", 2048, "Wang et al., SVD-LLM, ICLR 2025, arXiv 2403.07378", "WikiText-2 test, C4"},
	{"bolaco", 4096, "Ji et al., Adaptive Feature-based Low-Rank Compression of Large Language Models via Bayesian Optimization, EMNLP 2024 Findings, arXiv 2405.10616", "WikiText-2 test, C4; PTB at 256 tokens"},
}

// FindPaper returns the protocol called name.
func FindPaper(name string) (Paper, error) {
	var names []string
	for _, p := range Papers {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Paper{}, fmt.Errorf("protocol %q: expected one of %s", name, strings.Join(names, ", "))
}

// Check says whether a model and a text of so many tokens are long enough.
func (p Paper) Check(c *transformer.Config, tokens int) error {
	if c.MaxPositions < p.Length {
		return fmt.Errorf("protocol %s wants blocks of %d tokens, but the model has %d positions (max_position_embeddings); a number from shorter blocks is not comparable",
			p.Name, p.Length, c.MaxPositions)
	}
	if tokens < p.Length {
		return fmt.Errorf("protocol %s wants blocks of %d tokens, but the text has %d; take a longer text", p.Name, p.Length, tokens)
	}
	return nil
}

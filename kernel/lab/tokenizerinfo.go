package lab

import (
	"fmt"

	"github.com/parelab/pare/datasets/tokenizer"
	"github.com/parelab/pare/kernel/show"
)

// TokenizerInfo is what there is to know of a model's tokenizer. BOS and EOS are "" where no file names one.
type TokenizerInfo struct {
	Kind         string `json:"kind"` // such as "byte-level BPE"
	Tokens       int    `json:"tokens"`
	BOS          string `json:"bos"`
	EOS          string `json:"eos"`
	ChatTemplate bool   `json:"chat_template"`
}

func describeTokenizer(t *tokenizer.Tokenizer) *TokenizerInfo {
	bos, _ := t.Token(t.BOS())
	eos, _ := t.Token(t.EOS())
	return &TokenizerInfo{Kind: t.Kind(), Tokens: t.VocabSize(), BOS: bos, EOS: eos, ChatTemplate: len(t.ChatTemplates()) > 0}
}

// facts lays the description out for people.
func (i TokenizerInfo) facts() []show.Fact {
	named := func(what, token string) string {
		if token == "" {
			return "no " + what
		}
		return what + " " + token
	}
	template := map[bool]string{true: "yes", false: "no"}
	return []show.Fact{
		{Name: "tokenizer", Value: fmt.Sprintf("%s, %d tokens", i.Kind, i.Tokens)},
		{Name: "begin and end of text", Value: named("BOS", i.BOS) + ", " + named("EOS", i.EOS)},
		{Name: "chat template", Value: template[i.ChatTemplate]},
	}
}

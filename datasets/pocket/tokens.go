package pocket

import (
	"iter"

	"github.com/parelab/pare/datasets/tokenizer"
)

// What the tokenizer of this world is made from.
const (
	VocabSize      = 2048
	BOSToken       = "<s>"  // id 0; stands before no story in the streams
	EOSToken       = "</s>" // id 1; likewise: stories are told apart by Separator
	tokenizerBytes = 8 << 20
)

// TrainTokenizer makes the tokenizer anew: byte-level BPE learnt from 8 MiB of the Train stream with [DefaultSeed]. It takes
// about a second; the result is what model/ holds.
func TrainTokenizer() (*tokenizer.Tokenizer, error) {
	return tokenizer.Train(firstStories(tokenizerBytes), tokenizer.TrainOptions{
		VocabSize:     VocabSize,
		SpecialTokens: []string{BOSToken, EOSToken},
		BOS:           BOSToken,
		EOS:           EOSToken,
		MaxLength:     MaxPositions,
	})
}

// firstStories tells stories, each with the separator after it, until size bytes have been told.
func firstStories(size int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for s := range Stories(Train, DefaultSeed) {
			if size -= len(s); size < 0 || !yield(s+Separator) {
				return
			}
		}
	}
}

// Tokenizer returns the embedded tokenizer.
func Tokenizer() (*tokenizer.Tokenizer, error) {
	return tokenizer.Parse(TokenizerJSON(), embedded("tokenizer_config.json"))
}

package tokenizer

import (
	"fmt"
	"slices"
	"strings"
)

// Tokenizer encodes and decodes text. It is safe for concurrent use. Make one with [Open], [Parse] or [Train].
type Tokenizer struct {
	files     map[string][]byte // the files it was made from
	kind      string
	added     *addedTokens
	split     preTokenizers
	model     model
	decoder   decoder
	post      []postProcessor
	tokens    []string // by id, as spelt in the file; "" where the id is unused
	ids       map[string]int32
	bos, eos  int32 // -1 where nothing names one
	unk, pad  int32 // likewise
	ends      []int32
	templates map[string]string // chat templates by name
}

// newTokenizer returns a tokenizer without tokens.
func newTokenizer() *Tokenizer {
	return &Tokenizer{files: make(map[string][]byte), bos: -1, eos: -1, unk: -1, pad: -1, templates: make(map[string]string)}
}

// Encode returns the ids of text without adding special tokens around it. A special token spelt out in the text becomes its
// id where the tokenizer's files say that it is found in text. Cost grows as n log n with the longest piece, and linearly
// with the number of pieces.
func (t *Tokenizer) Encode(text string) []int32 {
	ids := make([]int32, 0, len(text)/3+4)
	encode := func(piece string, _ bool) { ids = t.model.encode(ids, piece) }
	t.added.segments(text, func(segment string, first bool, id int32) {
		if id >= 0 {
			ids = append(ids, id)
			return
		}
		t.split.split(segment, first, encode)
	})
	return ids
}

// EncodeSpecial is Encode with the special tokens that the model's family puts around a text: as the post-processor of a
// tokenizer.json says, otherwise as tokenizer_config.json and the family's custom do.
func (t *Tokenizer) EncodeSpecial(text string) []int32 {
	ids := t.Encode(text)
	for _, p := range t.post {
		ids = p.process(ids)
	}
	return ids
}

// VocabSize returns one more than the largest id, the number of rows that a model's embedding needs.
func (t *Tokenizer) VocabSize() int { return len(t.tokens) }

// LearntSize is VocabSize without the added tokens at the end. A tokenizer may have more of those than its model has rows, such as one for padding
// that is in no text.
func (t *Tokenizer) LearntSize() int {
	n := len(t.tokens)
	for ; n > 0; n-- {
		if _, added := t.added.byID[int32(n-1)]; !added && t.tokens[n-1] != "" {
			break
		}
	}
	return n
}

// Kind names the way of encoding: "byte-level BPE", "BPE with byte fallback", "BPE", "Unigram", "Unigram with byte fallback",
// with "SentencePiece " before it where it comes from a .model file.
func (t *Tokenizer) Kind() string { return t.kind }

// ID returns the id of a token as the vocabulary spells it ("Ġthe" for " the" in byte-level files).
func (t *Tokenizer) ID(token string) (int32, bool) {
	id, ok := t.ids[token]
	return id, ok
}

// Token returns the vocabulary's spelling of id.
func (t *Tokenizer) Token(id int32) (string, bool) {
	if id < 0 || int(id) >= len(t.tokens) || t.tokens[id] == "" {
		return "", false
	}
	return t.tokens[id], true
}

// BOS returns the id of the token that begins a text, -1 where no file names one. It does not say whether texts get it: for
// that ask EncodeSpecial.
func (t *Tokenizer) BOS() int32 { return t.bos }

// EOS returns the id of the token that ends a text, -1 where no file names one.
func (t *Tokenizer) EOS() int32 { return t.eos }

// Unknown returns the id that stands for what the vocabulary cannot spell, -1 where there is none.
func (t *Tokenizer) Unknown() int32 { return t.unk }

// Pad returns the id that fills batches, -1 where no file names one.
func (t *Tokenizer) Pad() int32 { return t.pad }

// Ends returns the ids at which generation stops: EOS and those of generation_config.json or config.json.
func (t *Tokenizer) Ends() []int32 { return slices.Clone(t.ends) }

// JSON returns the tokenizer.json that t was made from, nil where it was made from other files. The caller must not change it.
func (t *Tokenizer) JSON() []byte { return t.files[FileName] }

// ConfigJSON returns the tokenizer_config.json that t was made from, nil where there was none. The caller must not change it.
func (t *Tokenizer) ConfigJSON() []byte { return t.files[ConfigFileName] }

// String describes t in a few words.
func (t *Tokenizer) String() string {
	var added []string
	for i := range t.added.list {
		added = append(added, t.added.list[i].Content)
	}
	if len(added) > 4 {
		added = append(added[:4], "…")
	}
	return fmt.Sprintf("%s, %d tokens, added %s", t.kind, t.VocabSize(), strings.Join(added, " "))
}

package tokenizer

import (
	"fmt"
	"strings"
)

// Tokenizer encodes and decodes text. It is safe for concurrent use. Make one with [Open], [Parse] or [Train].
type Tokenizer struct {
	raw       []byte // the tokenizer.json it was made from
	rawConfig []byte // and the tokenizer_config.json, nil where there is none
	added     *addedTokens
	split     preTokenizer
	model     model
	decoder   decoder
	post      []postProcessor
	tokens    []string // by id, as spelt in the file; "" where the id is unused
	ids       map[string]int32
	bos, eos  int32 // -1 where tokenizer_config.json names none
}

// preTokenizer cuts text into pieces that the model sees one at a time. Concatenated, the pieces are the text (with a space
// before it where the file asks for one).
type preTokenizer interface {
	split(text string, yield func(piece string))
}

// model appends the ids of one piece to dst.
type model interface {
	encode(dst []int32, piece string) []int32
}

// decoder appends the bytes of one token, given as the vocabulary spells it, to dst.
type decoder interface {
	decode(dst []byte, token string) []byte
}

// postProcessor adds special tokens around the ids of one text.
type postProcessor interface {
	process(ids []int32) []int32
}

// Encode returns the ids of text without adding special tokens around it. A special token spelt out in the text becomes its
// id. Cost grows as n log n with the longest piece, and linearly with the number of pieces.
func (t *Tokenizer) Encode(text string) []int32 {
	ids := make([]int32, 0, len(text)/3+4)
	t.added.segments(text, func(segment string, id int32) {
		if id >= 0 {
			ids = append(ids, id)
			return
		}
		t.split.split(segment, func(piece string) { ids = t.model.encode(ids, piece) })
	})
	return ids
}

// EncodeSpecial is Encode with the special tokens that the file's post-processor puts around a text.
func (t *Tokenizer) EncodeSpecial(text string) []int32 {
	ids := t.Encode(text)
	for _, p := range t.post {
		ids = p.process(ids)
	}
	return ids
}

// Decode returns the text of ids, special tokens spelt out. It inverts Encode byte for byte; ids that end inside a
// character give a string that ends inside one. An id that names no token becomes U+FFFD.
func (t *Tokenizer) Decode(ids []int32) string {
	return string(t.appendText(nil, ids, true))
}

// DecodePlain is Decode without the special tokens.
func (t *Tokenizer) DecodePlain(ids []int32) string {
	return string(t.appendText(nil, ids, false))
}

func (t *Tokenizer) appendText(dst []byte, ids []int32, keepSpecial bool) []byte {
	for _, id := range ids {
		token, ok := t.Token(id)
		if !ok {
			dst = append(dst, "\uFFFD"...)
			continue
		}
		if a, isAdded := t.added.byID[id]; isAdded {
			if keepSpecial || !a.Special {
				dst = append(dst, a.Content...)
			}
			continue
		}
		dst = t.decoder.decode(dst, token)
	}
	return dst
}

// VocabSize returns one more than the largest id, the number of rows that a model's embedding needs.
func (t *Tokenizer) VocabSize() int { return len(t.tokens) }

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

// BOS returns the id of the token that begins a text according to tokenizer_config.json, -1 where it names none.
func (t *Tokenizer) BOS() int32 { return t.bos }

// EOS returns the id of the token that ends a text according to tokenizer_config.json, -1 where it names none.
func (t *Tokenizer) EOS() int32 { return t.eos }

// JSON returns the tokenizer.json that t was made from. The caller must not change it.
func (t *Tokenizer) JSON() []byte { return t.raw }

// ConfigJSON returns the tokenizer_config.json that t was made from, nil where there was none. The caller must not change it.
func (t *Tokenizer) ConfigJSON() []byte { return t.rawConfig }

// String describes t in a few words.
func (t *Tokenizer) String() string {
	var added []string
	for i := range t.added.list {
		added = append(added, t.added.list[i].Content)
	}
	if len(added) > 4 {
		added = append(added[:4], "…")
	}
	return fmt.Sprintf("byte-level BPE, %d tokens, added %s", t.VocabSize(), strings.Join(added, " "))
}

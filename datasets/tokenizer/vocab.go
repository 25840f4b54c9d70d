package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxVocab bounds ids, so that a small damaged file cannot ask for much memory. The largest vocabularies in use have about
// 260,000 tokens.
const maxVocab = 1 << 21

// model appends the ids of one piece to dst.
type model interface {
	encode(dst []int32, piece string) []int32
}

// modelFile is the model part of a tokenizer.json, of type BPE or Unigram.
type modelFile struct {
	Type         string          `json:"type"`
	Vocab        json.RawMessage `json:"vocab"` // an object for BPE, a list for Unigram
	ByteFallback bool            `json:"byte_fallback"`

	UnknownID *int64 `json:"unk_id"` // Unigram

	Merges       json.RawMessage `json:"merges"` // the rest BPE
	Dropout      *float64        `json:"dropout"`
	Unknown      *string         `json:"unk_token"`
	Prefix       string          `json:"continuing_subword_prefix"`
	Suffix       string          `json:"end_of_word_suffix"`
	FuseUnknown  bool            `json:"fuse_unk"`
	IgnoreMerges bool            `json:"ignore_merges"`
}

func parseModel(raw json.RawMessage) (*modelFile, error) {
	f := new(modelFile)
	if absent(raw) {
		return nil, unsupported("model", raw, "BPE or Unigram")
	}
	if err := json.Unmarshal(raw, f); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	return f, nil
}

// readModel makes the model of a tokenizer.json.
func (t *Tokenizer) readModel(f *modelFile, byteLevel bool) error {
	switch f.Type {
	case "Unigram":
		return t.readUnigram(f)
	case "BPE", "": // files before 2020 name no type
		return t.readBPE(f, byteLevel)
	}
	return fmt.Errorf("model: found %q, expected BPE or Unigram: this kind of tokenizer is not supported", f.Type)
}

// refuse names the first field that asks for what bpe does not do.
func (f *modelFile) refuse() error {
	switch {
	case f.Type == "" && absent(f.Merges): // merges mark a file without a type as BPE
		return errors.New(`model.type: expected "BPE" or "Unigram", found none`)
	case f.Dropout != nil && *f.Dropout != 0:
		return fmt.Errorf("model.dropout: found %g, expected none: encoding here is deterministic", *f.Dropout)
	case f.Prefix != "":
		return fmt.Errorf("model.continuing_subword_prefix: found %q, expected none", f.Prefix)
	case f.Suffix != "":
		return fmt.Errorf("model.end_of_word_suffix: found %q, expected none", f.Suffix)
	}
	return nil
}

func (t *Tokenizer) readBPE(f *modelFile, byteLevel bool) error {
	if err := f.refuse(); err != nil {
		return err
	}
	if err := t.readVocab(f.Vocab); err != nil {
		return fmt.Errorf("model.vocab%w", err)
	}
	merges, err := parseMerges(f.Merges)
	if err != nil {
		return err
	}
	return t.makeBPE(f, merges, byteLevel)
}

// makeBPE makes the model once the vocabulary is read.
func (t *Tokenizer) makeBPE(f *modelFile, merges [][2]string, byteLevel bool) error {
	m := &bpe{}
	var err error
	if byteLevel {
		t.kind = "byte-level BPE"
		err = m.fromBytes(t.ids)
	} else {
		t.kind = "BPE"
		err = m.fromChars(t, f)
	}
	if err != nil {
		return err
	}
	if f.IgnoreMerges {
		m.whole = make(map[string]int32, len(t.ids))
		for token, id := range t.ids {
			if byteLevel {
				token = string(unspell(nil, token))
			}
			m.whole[token] = id
		}
	}
	t.model = m
	results, err := m.readMerges(t.ids, merges)
	if err != nil {
		return err
	}
	m.atWord = !byteLevel && m.whole == nil && m.chars.id('▁') >= 0 && keepsWords(results)
	return nil
}

// readVocab reads tokens with their ids. Its errors go on after the name of the field or file.
func (t *Tokenizer) readVocab(raw json.RawMessage) error {
	var vocab map[string]int64
	if !absent(raw) {
		if err := json.Unmarshal(raw, &vocab); err != nil {
			return fmt.Errorf(": %w", jsonError(raw, err))
		}
	}
	if len(vocab) == 0 {
		return errors.New(": expected tokens, found none")
	}
	size := int64(0)
	for token, id := range vocab {
		if id < 0 || id >= maxVocab {
			return fmt.Errorf("[%q]: expected an id from 0 to %d, found %d", token, maxVocab-1, id)
		}
		size = max(size, id+1)
	}
	t.tokens = make([]string, size)
	t.ids = make(map[string]int32, len(vocab))
	for token, id := range vocab {
		if t.tokens[id] != "" {
			first, second := t.tokens[id], token
			return fmt.Errorf(": %q and %q have the same id %d", min(first, second), max(first, second), id)
		}
		t.tokens[id] = token
		t.ids[token] = int32(id)
	}
	return nil
}

// fromBytes finds the symbols of the 256 bytes.
func (m *bpe) fromBytes(ids map[string]int32) error {
	for b, symbol := range byteAlphabet {
		id, ok := ids[symbol]
		if !ok {
			return fmt.Errorf("model.vocab: expected the symbol %q of byte 0x%02x, found none: not a byte-level vocabulary", symbol, b)
		}
		m.bytes[b] = id
	}
	return nil
}

// fromChars finds the symbols of characters and what stands for those that have none.
func (m *bpe) fromChars(t *Tokenizer, f *modelFile) error {
	a := newAlphabet(int32(len(t.tokens)))
	for token, id := range t.ids {
		if r, n := utf8.DecodeRuneInString(token); n == len(token) && n > 0 {
			a.set(r, id)
		}
	}
	if f.ByteFallback {
		t.kind = "BPE with byte fallback"
		a.fallback, _ = byteTokens(t.ids)
	}
	a.fuse = f.FuseUnknown
	if f.Unknown != nil {
		id, ok := t.ids[*f.Unknown]
		if !ok {
			return fmt.Errorf("model.unk_token: %q is not in model.vocab", *f.Unknown)
		}
		a.unknown, t.unk = id, id
	}
	m.chars = a
	return nil
}

// readMerges fills the table of merges and returns the tokens that they make.
func (m *bpe) readMerges(ids map[string]int32, merges [][2]string) ([]string, error) {
	m.merges = newMergeTable(len(merges))
	results := make([]string, len(merges))
	for rank, parts := range merges {
		var id [3]int32
		results[rank] = parts[0] + parts[1]
		for i, token := range [3]string{parts[0], parts[1], results[rank]} {
			known := false
			if id[i], known = ids[token]; !known {
				return nil, fmt.Errorf("model.merges[%d]: %q is not in model.vocab", rank, token)
			}
		}
		// Of a pair listed twice the last counts, as in the library that writes these files.
		m.merges.set(pairOf(id[0], id[1]), merge{rank: int32(rank), id: id[2]})
	}
	return results, nil
}

// parseMerges reads merges in either spelling, "a b" or ["a", "b"].
func parseMerges(raw json.RawMessage) ([][2]string, error) {
	if absent(raw) {
		return nil, nil
	}
	var lines []string
	if json.Unmarshal(raw, &lines) == nil {
		merges := make([][2]string, len(lines))
		for i, line := range lines {
			var err error
			if merges[i], err = mergeParts(strings.Split(line, " ")); err != nil {
				return nil, fmt.Errorf("model.merges[%d]: %w %q", i, err, line)
			}
		}
		return merges, nil
	}
	var pairs [][]string
	if err := json.Unmarshal(raw, &pairs); err != nil {
		return nil, fmt.Errorf(`model.merges: expected "a b" or ["a", "b"] throughout: %w`, err)
	}
	merges := make([][2]string, len(pairs))
	for i, both := range pairs {
		var err error
		if merges[i], err = mergeParts(both); err != nil {
			return nil, fmt.Errorf("model.merges[%d]: %w %q", i, err, both)
		}
	}
	return merges, nil
}

func mergeParts(both []string) ([2]string, error) {
	if len(both) != 2 || both[0] == "" || both[1] == "" {
		return [2]string{}, errors.New(`expected two tokens as "a b" or ["a", "b"], found`)
	}
	return [2]string(both), nil
}

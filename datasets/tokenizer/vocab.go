package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// maxVocab bounds ids, so that a damaged file cannot ask for any amount of memory. The largest vocabularies in use have
// about 260,000 tokens.
const maxVocab = 1 << 24

// bpeFile is the model part of a tokenizer.json of type BPE.
type bpeFile struct {
	Type         string            `json:"type"`
	Dropout      *float64          `json:"dropout"`
	Prefix       string            `json:"continuing_subword_prefix"`
	Suffix       string            `json:"end_of_word_suffix"`
	ByteFallback bool              `json:"byte_fallback"`
	IgnoreMerges bool              `json:"ignore_merges"`
	Vocab        map[string]int64  `json:"vocab"`
	Merges       []json.RawMessage `json:"merges"`
}

// refuse names the first field that asks for what bpe does not do.
func (f *bpeFile) refuse() error {
	switch {
	case f.Dropout != nil && *f.Dropout != 0:
		return fmt.Errorf("model.dropout: found %g, expected none: encoding here is deterministic", *f.Dropout)
	case f.Prefix != "":
		return fmt.Errorf("model.continuing_subword_prefix: found %q, expected none", f.Prefix)
	case f.Suffix != "":
		return fmt.Errorf("model.end_of_word_suffix: found %q, expected none", f.Suffix)
	case f.ByteFallback:
		return errors.New("model.byte_fallback: found true, expected false: this kind of tokenizer is not supported yet")
	case len(f.Vocab) == 0:
		return errors.New("model.vocab: expected tokens, found none")
	}
	return nil
}

func (t *Tokenizer) readModel(f *file) error {
	if kind := kindOf(f.Model); kind != "BPE" && kind != "" || absent(f.Model) {
		return unsupported("model", f.Model, "BPE")
	}
	var m bpeFile
	if err := json.Unmarshal(f.Model, &m); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	if m.Type == "" && m.Merges == nil { // files before 2020 name no type; merges mark them as BPE
		return errors.New(`model.type: expected "BPE", found none`)
	}
	if err := m.refuse(); err != nil {
		return err
	}
	if err := t.readVocab(m.Vocab); err != nil {
		return err
	}
	model, err := newBPE(t.ids, m.IgnoreMerges)
	if err != nil {
		return err
	}
	t.model = model
	return model.readMerges(t.ids, m.Merges)
}

func (t *Tokenizer) readVocab(vocab map[string]int64) error {
	size := int64(0)
	for token, id := range vocab {
		if id < 0 || id >= maxVocab {
			return fmt.Errorf("model.vocab[%q]: expected an id from 0 to %d, found %d", token, maxVocab-1, id)
		}
		size = max(size, id+1)
	}
	t.tokens = make([]string, size)
	t.ids = make(map[string]int32, len(vocab))
	for token, id := range vocab {
		if t.tokens[id] != "" {
			first, second := t.tokens[id], token
			return fmt.Errorf("model.vocab: %q and %q have the same id %d", min(first, second), max(first, second), id)
		}
		t.tokens[id] = token
		t.ids[token] = int32(id)
	}
	return nil
}

func newBPE(ids map[string]int32, ignoreMerges bool) (*bpe, error) {
	m := &bpe{merges: make(map[pair]merge)}
	for b, symbol := range byteAlphabet {
		id, ok := ids[symbol]
		if !ok {
			return nil, fmt.Errorf("model.vocab: expected the symbol %q of byte 0x%02x, found none: not a byte-level vocabulary", symbol, b)
		}
		m.bytes[b] = id
	}
	if ignoreMerges {
		m.whole = make(map[string]int32, len(ids))
		for token, id := range ids {
			m.whole[string(byteLevel{}.decode(nil, token))] = id
		}
	}
	return m, nil
}

func (m *bpe) readMerges(ids map[string]int32, merges []json.RawMessage) error {
	for rank, raw := range merges {
		left, right, err := mergeParts(raw)
		if err != nil {
			return fmt.Errorf("model.merges[%d]: %w", rank, err)
		}
		var id [3]int32
		for i, token := range [3]string{left, right, left + right} {
			known := false
			if id[i], known = ids[token]; !known {
				return fmt.Errorf("model.merges[%d]: %q is not in model.vocab", rank, token)
			}
		}
		// Of a pair listed twice the last counts, as in the library that writes these files.
		m.merges[pairOf(id[0], id[1])] = merge{rank: int32(rank), id: id[2]}
	}
	return nil
}

// mergeParts reads a merge in either spelling, "a b" or ["a", "b"].
func mergeParts(raw json.RawMessage) (left, right string, err error) {
	var both []string
	if json.Unmarshal(raw, &both) != nil {
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return "", "", fmt.Errorf(`expected "a b" or ["a", "b"], found %.40s`, raw)
		}
		both = strings.Split(s, " ")
	}
	if len(both) != 2 || both[0] == "" || both[1] == "" {
		return "", "", fmt.Errorf(`expected two tokens as "a b" or ["a", "b"], found %.40s`, raw)
	}
	return both[0], both[1], nil
}

// readAdded places the added tokens: an id may be new, or the vocabulary's own id of the same string.
func (t *Tokenizer) readAdded(f *file) error {
	for i, a := range f.AddedTokens {
		switch {
		case a.Content == "":
			return fmt.Errorf("added_tokens[%d].content: expected a string, found none", i)
		case a.ID < 0 || a.ID >= maxVocab:
			return fmt.Errorf("added_tokens[%d].id: expected an id from 0 to %d, found %d", i, maxVocab-1, a.ID)
		}
		if id, known := t.ids[a.Content]; known && id != a.ID {
			return fmt.Errorf("added_tokens[%d]: %q has the id %d here and %d in model.vocab", i, a.Content, a.ID, id)
		}
		for int(a.ID) >= len(t.tokens) {
			t.tokens = append(t.tokens, "")
		}
		if other := t.tokens[a.ID]; other != "" && other != a.Content {
			return fmt.Errorf("added_tokens[%d]: id %d of %q is already that of %q", i, a.ID, a.Content, other)
		}
		t.tokens[a.ID], t.ids[a.Content] = a.Content, a.ID
	}
	t.added = newAddedTokens(f.AddedTokens)
	return nil
}

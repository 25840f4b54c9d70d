package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// file is a tokenizer.json. Each part is read when its kind is known. Truncation and padding are not read: they are how a
// program batched its texts, not how the texts are encoded.
type file struct {
	AddedTokens   []addedToken    `json:"added_tokens"`
	Normalizer    json.RawMessage `json:"normalizer"`
	PreTokenizer  json.RawMessage `json:"pre_tokenizer"`
	PostProcessor json.RawMessage `json:"post_processor"`
	Decoder       json.RawMessage `json:"decoder"`
	Model         json.RawMessage `json:"model"`
}

// Parse reads a tokenizer from the contents of a tokenizer.json and, where it is not empty, of a tokenizer_config.json.
func Parse(tokenizerJSON, configJSON []byte) (*Tokenizer, error) {
	t := newTokenizer()
	if err := t.readJSON(tokenizerJSON); err != nil {
		return nil, err
	}
	if err := t.configure(map[string][]byte{ConfigFileName: configJSON}); err != nil {
		return nil, err
	}
	return t, nil
}

// readJSON reads a tokenizer.json.
func (t *Tokenizer) readJSON(raw []byte) error {
	var f file
	if err := json.Unmarshal(raw, &f); err != nil {
		return jsonError(raw, err)
	}
	t.files[FileName] = raw
	normal, err := parseNormalizer(f.Normalizer)
	if err != nil {
		return err
	}
	if t.split, err = parsePreTokenizer(f.PreTokenizer); err != nil {
		return err
	}
	m, err := parseModel(f.Model)
	if err != nil {
		return err
	}
	overBytes, err := t.readByteLevel(m.Type != "Unigram")
	if err != nil {
		return err
	}
	if err := t.readModel(m, overBytes); err != nil {
		return err
	}
	if err := t.placeAdded(f.AddedTokens); err != nil {
		return err
	}
	t.added = newAddedTokens(f.AddedTokens, normal)
	if t.decoder, err = parseDecoder(f.Decoder); err != nil {
		return err
	}
	t.post, err = parsePost(f.PostProcessor, t.VocabSize(), 0)
	return err
}

// readByteLevel settles what a ByteLevel among the pre-tokenizers means. What stands after it sees text in the alphabet that
// spells bytes; a BPE model sees the bytes themselves again.
func (t *Tokenizer) readByteLevel(isBPE bool) (overBytes bool, err error) {
	at := slices.IndexFunc(t.split, isByteLevel)
	if at < 0 {
		return false, nil
	}
	if slices.ContainsFunc(t.split[at+1:], isByteLevel) {
		return false, errors.New("pre_tokenizer: found ByteLevel twice, expected it once")
	}
	list := slices.Clone(t.split[:at])
	if own := t.split[at].(byteLevel); !own.wholeText || own.prefixSpace || at == 0 {
		list = append(list, own)
	}
	if after := t.split[at+1:]; len(after) > 0 || !isBPE {
		list = append(append(list, spelled{}), after...)
		if isBPE {
			list = append(list, unspelled{})
		}
	}
	t.split = list
	return isBPE, nil
}

func isByteLevel(p preTokenizer) bool {
	_, ok := p.(byteLevel)
	return ok
}

// placeAdded places the added tokens: an id may be new, or the vocabulary's own id of the same string.
func (t *Tokenizer) placeAdded(list []addedToken) error {
	for i, a := range list {
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
	return nil
}

func absent(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// kindOf returns the "type" of a part, "" where it has none.
func kindOf(raw json.RawMessage) string {
	var p struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(raw, &p) != nil {
		return ""
	}
	return p.Type
}

// unsupported is the error for a part that this package does not know.
func unsupported(field string, raw json.RawMessage, known string) error {
	found := kindOf(raw)
	if absent(raw) {
		found = "none"
	}
	return fmt.Errorf("%s: found %q, expected %s: this kind of tokenizer is not supported", field, found, known)
}

// jsonError adds the place to a syntax error.
func jsonError(raw []byte, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("not JSON: %w at byte %d of %d", err, syntax.Offset, len(raw))
	}
	return err
}

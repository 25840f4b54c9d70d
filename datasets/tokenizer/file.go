package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// File names in a model's directory.
const (
	FileName       = "tokenizer.json"
	ConfigFileName = "tokenizer_config.json"
)

// file is a tokenizer.json. Each part is read when its kind is known.
type file struct {
	AddedTokens   []addedToken    `json:"added_tokens"`
	Normalizer    json.RawMessage `json:"normalizer"`
	PreTokenizer  json.RawMessage `json:"pre_tokenizer"`
	PostProcessor json.RawMessage `json:"post_processor"`
	Decoder       json.RawMessage `json:"decoder"`
	Model         json.RawMessage `json:"model"`
}

// Open reads the tokenizer at path: a tokenizer.json, or a directory that holds one and perhaps a tokenizer_config.json,
// which names the tokens that begin and end a text. An error names the file and the field.
func Open(path string) (*Tokenizer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	if info.IsDir() {
		path = filepath.Join(path, FileName)
	}
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("tokenizer: %w; models saved by transformers hold one, "+
			"of older ones that have only tokenizer.model or vocab.json make one there with save_pretrained", err)
	} else if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	config := filepath.Join(filepath.Dir(path), ConfigFileName)
	rawConfig, err := os.ReadFile(config)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	t, err := Parse(raw, nil)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %s: %w", path, err)
	}
	if err := t.configure(rawConfig); err != nil {
		return nil, fmt.Errorf("tokenizer: %s: %w", config, err)
	}
	return t, nil
}

// Parse reads a tokenizer from the contents of a tokenizer.json and, where it is not empty, of a tokenizer_config.json.
func Parse(tokenizerJSON, configJSON []byte) (*Tokenizer, error) {
	var f file
	if err := json.Unmarshal(tokenizerJSON, &f); err != nil {
		return nil, jsonError(tokenizerJSON, err)
	}
	if !absent(f.Normalizer) {
		return nil, unsupported("normalizer", f.Normalizer, "none")
	}
	t := &Tokenizer{raw: tokenizerJSON, bos: -1, eos: -1}
	steps := []func(*file) error{t.readModel, t.readAdded, t.readPreTokenizer, t.readDecoder, t.readPostProcessor}
	for _, step := range steps {
		if err := step(&f); err != nil {
			return nil, err
		}
	}
	return t, t.configure(configJSON)
}

func (t *Tokenizer) readPreTokenizer(f *file) error {
	if kindOf(f.PreTokenizer) != "ByteLevel" {
		return unsupported("pre_tokenizer", f.PreTokenizer, "ByteLevel")
	}
	var p struct {
		AddPrefixSpace *bool `json:"add_prefix_space"` // the library's default is true
		UseRegex       *bool `json:"use_regex"`        // likewise
	}
	if err := json.Unmarshal(f.PreTokenizer, &p); err != nil {
		return fmt.Errorf("pre_tokenizer: %w", err)
	}
	t.split = byteLevel{
		prefixSpace: p.AddPrefixSpace == nil || *p.AddPrefixSpace,
		wholeText:   p.UseRegex != nil && !*p.UseRegex,
	}
	return nil
}

func (t *Tokenizer) readDecoder(f *file) error {
	if kindOf(f.Decoder) != "ByteLevel" {
		return unsupported("decoder", f.Decoder, "ByteLevel")
	}
	t.decoder = byteLevel{}
	return nil
}

func (t *Tokenizer) readPostProcessor(f *file) error {
	return t.addPostProcessor(f.PostProcessor)
}

func (t *Tokenizer) addPostProcessor(raw json.RawMessage) error {
	switch kind := kindOf(raw); {
	case absent(raw), kind == "ByteLevel": // the latter moves offsets only
		return nil
	case kind == "TemplateProcessing":
		p, err := parseTemplate(raw, t.VocabSize())
		t.post = append(t.post, p)
		return err
	case kind == "Sequence":
		var s struct {
			Processors []json.RawMessage `json:"processors"`
		}
		if err := json.Unmarshal(raw, &s); err != nil {
			return fmt.Errorf("post_processor: %w", err)
		}
		for _, p := range s.Processors {
			if err := t.addPostProcessor(p); err != nil {
				return err
			}
		}
		return nil
	}
	return unsupported("post_processor", raw, "ByteLevel, TemplateProcessing or a Sequence of them")
}

// configure takes the beginning and the end token from a tokenizer_config.json; raw may be empty.
func (t *Tokenizer) configure(raw []byte) error {
	if len(raw) == 0 {
		return nil
	}
	t.rawConfig = raw
	var c struct {
		BOS json.RawMessage `json:"bos_token"`
		EOS json.RawMessage `json:"eos_token"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return jsonError(raw, err)
	}
	for _, f := range []struct {
		field string
		raw   json.RawMessage
		to    *int32
	}{{"bos_token", c.BOS, &t.bos}, {"eos_token", c.EOS, &t.eos}} {
		if absent(f.raw) {
			continue
		}
		token, err := tokenString(f.raw)
		if err != nil {
			return fmt.Errorf("%s: %w", f.field, err)
		}
		id, ok := t.ID(token)
		if !ok {
			return fmt.Errorf("%s: %q is not in the vocabulary", f.field, token)
		}
		*f.to = id
	}
	return nil
}

// tokenString reads a token written as a string or as an object with its content.
func tokenString(raw json.RawMessage) (string, error) {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s, nil
	}
	var o struct {
		Content *string `json:"content"`
	}
	if err := json.Unmarshal(raw, &o); err != nil || o.Content == nil {
		return "", fmt.Errorf("expected a string or an object with content, found %.40s", raw)
	}
	return *o.Content, nil
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
	return fmt.Errorf("%s: found %q, expected %s: this kind of tokenizer is not supported yet", field, found, known)
}

// jsonError adds the place to a syntax error.
func jsonError(raw []byte, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("not JSON: %w at byte %d of %d", err, syntax.Offset, len(raw))
	}
	return err
}

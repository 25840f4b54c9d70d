package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// config is what the files beside a vocabulary say. A field that tokenizer_config.json leaves out is taken from
// special_tokens_map.json.
type config struct {
	BOS         json.RawMessage            `json:"bos_token"`
	EOS         json.RawMessage            `json:"eos_token"`
	Unknown     json.RawMessage            `json:"unk_token"`
	Pad         json.RawMessage            `json:"pad_token"`
	AddBOS      *bool                      `json:"add_bos_token"`
	AddEOS      *bool                      `json:"add_eos_token"`
	PrefixSpace bool                       `json:"add_prefix_space"`
	Legacy      *bool                      `json:"legacy"`
	Class       string                     `json:"tokenizer_class"`
	Template    json.RawMessage            `json:"chat_template"`
	Added       map[string]json.RawMessage `json:"added_tokens_decoder"`
}

// configure takes up the files beside the vocabulary.
func (t *Tokenizer) configure(beside map[string][]byte) error {
	var c config
	for _, name := range []string{specialFileName, ConfigFileName} { // the latter overrides
		if raw := beside[name]; len(raw) > 0 {
			t.files[name] = raw
			if err := json.Unmarshal(raw, &c); err != nil {
				return fmt.Errorf("%s: %w", name, jsonError(raw, err))
			}
		}
	}
	for _, name := range []string{addedFileName, chatFileName} {
		if raw := beside[name]; len(raw) > 0 {
			t.files[name] = raw
		}
	}
	if t.files[FileName] == nil {
		if err := t.configureFamily(&c, beside[addedFileName]); err != nil {
			return err
		}
	}
	if err := t.nameSpecials(&c); err != nil {
		return fmt.Errorf("%s: %w", ConfigFileName, err)
	}
	if err := t.readEnds(beside); err != nil {
		return err
	}
	if err := t.frame(&c); err != nil {
		return fmt.Errorf("%s: %w", ConfigFileName, err)
	}
	return t.readTemplates(&c, beside[chatFileName])
}

// nameSpecials finds the ids of the special tokens that have a name. Those of unknowns and padding may be missing from the
// vocabulary: transformers would give them a new id that the model has no row for.
func (t *Tokenizer) nameSpecials(c *config) error {
	for _, f := range []struct {
		field  string
		raw    json.RawMessage
		to     *int32
		mustBe bool
	}{{"bos_token", c.BOS, &t.bos, true}, {"eos_token", c.EOS, &t.eos, true}, {"unk_token", c.Unknown, &t.unk, false}, {"pad_token", c.Pad, &t.pad, false}} {
		if absent(f.raw) {
			continue
		}
		token, err := tokenString(f.raw)
		if err != nil {
			return fmt.Errorf("%s: %w", f.field, err)
		}
		id, ok := t.ID(token)
		switch {
		case ok:
			*f.to = id
		case f.mustBe && token != "":
			return fmt.Errorf("%s: %q is not in the vocabulary", f.field, token)
		}
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

// readEnds takes the ids that end a text, and where no token was named the beginning and the end, from generation_config.json
// and config.json. Ids outside the vocabulary are left alone: they are the model's, which may have more rows.
func (t *Tokenizer) readEnds(beside map[string][]byte) error {
	for _, name := range []string{generationFileName, modelConfigName} {
		var c struct {
			BOS idList `json:"bos_token_id"`
			EOS idList `json:"eos_token_id"`
		}
		raw := beside[name]
		if len(raw) == 0 {
			continue
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			return fmt.Errorf("%s: %w", name, jsonError(raw, err))
		}
		known := func(id int32) bool { _, ok := t.Token(id); return ok }
		if t.bos < 0 && len(c.BOS) > 0 && known(c.BOS[0]) {
			t.bos = c.BOS[0]
		}
		if t.eos < 0 && len(c.EOS) > 0 && known(c.EOS[0]) {
			t.eos = c.EOS[0]
		}
		if len(t.ends) == 0 {
			t.ends = slices.DeleteFunc(slices.Clone([]int32(c.EOS)), func(id int32) bool { return !known(id) })
		}
	}
	if t.eos >= 0 && !slices.Contains(t.ends, t.eos) {
		t.ends = append([]int32{t.eos}, t.ends...)
	}
	return nil
}

// idList is an id, a list of ids, or null.
type idList []int32

func (l *idList) UnmarshalJSON(raw []byte) error {
	if string(raw) == "null" {
		return nil
	}
	if len(raw) > 0 && raw[0] == '[' {
		var ids []int32
		err := json.Unmarshal(raw, &ids)
		*l = ids
		return err
	}
	var id int32
	err := json.Unmarshal(raw, &id)
	*l = []int32{id}
	return err
}

// configureFamily does what the code of the family does for vocabularies that say nothing of it: added tokens, and how text is
// cut.
func (t *Tokenizer) configureFamily(c *config, addedJSON []byte) error {
	list, err := c.addedTokens(addedJSON)
	if err != nil {
		return err
	}
	if t.files[vocabFileName] != nil {
		return t.configurePair(c, list)
	}
	return t.configureSPM(c, list)
}

// addedTokens lists what added_tokens_decoder and added_tokens.json add, by id.
func (c *config) addedTokens(addedJSON []byte) ([]addedToken, error) {
	var list []addedToken
	for key, raw := range c.Added {
		var a addedToken
		id, err := strconv.ParseInt(key, 10, 32)
		if err == nil {
			err = json.Unmarshal(raw, &a)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: added_tokens_decoder[%q]: %w", ConfigFileName, key, err)
		}
		a.ID = int32(id)
		list = append(list, a)
	}
	var more map[string]int32
	if len(addedJSON) > 0 {
		if err := json.Unmarshal(addedJSON, &more); err != nil {
			return nil, fmt.Errorf("%s: %w", addedFileName, jsonError(addedJSON, err))
		}
	}
	for content, id := range more {
		if !slices.ContainsFunc(list, func(a addedToken) bool { return a.Content == content }) {
			list = append(list, addedToken{ID: id, Content: content, Special: strings.HasPrefix(content, "<|") || strings.HasPrefix(content, "[")})
		}
	}
	slices.SortFunc(list, func(a, b addedToken) int { return int(a.ID) - int(b.ID) })
	return list, nil
}

// frame settles what EncodeSpecial puts around a text where the vocabulary does not say, or where tokenizer_config.json of the
// families that rebuild it overrides it.
func (t *Tokenizer) frame(c *config) error {
	rebuilds := strings.HasPrefix(c.Class, "Llama") || strings.HasPrefix(c.Class, "CodeLlama") || strings.HasPrefix(c.Class, "Gemma")
	switch {
	case t.files[FileName] != nil && !(rebuilds && (c.AddBOS != nil || c.AddEOS != nil)):
		return nil
	case t.post != nil && t.files[FileName] == nil:
		return nil // the family has settled it
	}
	bos := t.files[vocabFileName] == nil // SentencePiece families begin texts by custom, GPT-2's do not
	eos := strings.HasPrefix(c.Class, "T5")
	bos = bos && !eos && t.bos >= 0
	if c.AddBOS != nil {
		bos = *c.AddBOS
	}
	if c.AddEOS != nil {
		eos = *c.AddEOS
	}
	var f template
	if bos {
		f.before = []int32{t.bos}
	}
	if eos {
		f.after = []int32{t.eos}
	}
	t.post = []postProcessor{f}
	if f.check(t.VocabSize()) != nil {
		return errors.New("add_bos_token or add_eos_token: asks for a token that no bos_token or eos_token names")
	}
	return nil
}

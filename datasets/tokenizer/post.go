package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// postProcessor adds special tokens around the ids of one text.
type postProcessor interface {
	process(ids []int32) []int32
}

// template is the TemplateProcessing post-processor for single texts: ids before and after it.
type template struct{ before, after []int32 }

func (t template) process(ids []int32) []int32 {
	return slices.Concat(t.before, ids, t.after)
}

// templateFile is how tokenizer.json writes it. The pair template is for sentence pairs, which this package does not encode.
type templateFile struct {
	Single []struct {
		SpecialToken *struct{ ID string }
		Sequence     *struct{ ID string }
	} `json:"single"`
	SpecialTokens map[string]struct {
		IDs []int32 `json:"ids"`
	} `json:"special_tokens"`
}

func parseTemplate(raw json.RawMessage, vocabSize int) (template, error) {
	var f templateFile
	if err := json.Unmarshal(raw, &f); err != nil {
		return template{}, fmt.Errorf("post_processor: %w", err)
	}
	var t template
	sequences := 0
	side := &t.before
	for i, step := range f.Single {
		switch {
		case step.Sequence != nil:
			sequences++
			side = &t.after
		case step.SpecialToken != nil:
			special, ok := f.SpecialTokens[step.SpecialToken.ID]
			if !ok {
				return t, fmt.Errorf("post_processor.single[%d]: special token %q is not in special_tokens", i, step.SpecialToken.ID)
			}
			*side = append(*side, special.IDs...)
		}
	}
	if sequences != 1 {
		return t, fmt.Errorf("post_processor.single: expected one Sequence, found %d", sequences)
	}
	return t, t.check(vocabSize)
}

// parseEnds reads a BertProcessing or RobertaProcessing: cls before the text, sep after it.
func parseEnds(raw json.RawMessage, vocabSize int) (template, error) {
	var f struct{ CLS, SEP *endToken }
	if err := json.Unmarshal(raw, &f); err != nil {
		return template{}, fmt.Errorf("post_processor: %w", err)
	}
	if f.CLS == nil || f.SEP == nil {
		return template{}, errors.New(`post_processor: expected cls and sep as ["token", id]`)
	}
	t := template{before: []int32{f.CLS.id}, after: []int32{f.SEP.id}}
	return t, t.check(vocabSize)
}

// endToken is ["token", id].
type endToken struct{ id int32 }

func (e *endToken) UnmarshalJSON(raw []byte) error {
	var token string
	both := [2]any{&token, &e.id}
	return json.Unmarshal(raw, &both)
}

// check tells whether all ids name tokens.
func (t template) check(vocabSize int) error {
	for _, id := range slices.Concat(t.before, t.after) {
		if id < 0 || int(id) >= vocabSize {
			return fmt.Errorf("post_processor: id %d is outside the vocabulary of %d", id, vocabSize)
		}
	}
	return nil
}

// parsePost reads the post-processor of a tokenizer.json.
func parsePost(raw json.RawMessage, vocabSize, depth int) ([]postProcessor, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("post_processor: Sequences nested more than %d deep", maxNesting)
	}
	one := func(t template, err error) ([]postProcessor, error) { return []postProcessor{t}, err }
	switch kind := kindOf(raw); {
	case absent(raw), kind == "ByteLevel": // the latter moves offsets only
		return nil, nil
	case kind == "TemplateProcessing":
		return one(parseTemplate(raw, vocabSize))
	case kind == "BertProcessing", kind == "RobertaProcessing":
		return one(parseEnds(raw, vocabSize))
	case kind == "Sequence":
		var s struct {
			Processors []json.RawMessage `json:"processors"`
		}
		if err := json.Unmarshal(raw, &s); err != nil {
			return nil, fmt.Errorf("post_processor: %w", err)
		}
		var list []postProcessor
		for _, p := range s.Processors {
			more, err := parsePost(p, vocabSize, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, more...)
		}
		return list, nil
	}
	return nil, unsupported("post_processor", raw, "ByteLevel, TemplateProcessing, BertProcessing, RobertaProcessing or a Sequence of them")
}

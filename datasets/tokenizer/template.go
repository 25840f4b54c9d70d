package tokenizer

import (
	"encoding/json"
	"fmt"
	"slices"
)

// template is the TemplateProcessing post-processor for single texts: ids before and after it.
type template struct{ before, after []int32 }

var _ postProcessor = template{}

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
	for _, id := range slices.Concat(t.before, t.after) {
		if id < 0 || int(id) >= vocabSize {
			return t, fmt.Errorf("post_processor.special_tokens: id %d is outside the vocabulary of %d", id, vocabSize)
		}
	}
	return t, nil
}

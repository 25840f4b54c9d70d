package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode"
)

// preTokenizer cuts text into pieces that the model sees one at a time. first says that the text begins the text that was
// asked for; it is true of the first piece then. text is not empty, and neither is a piece.
type preTokenizer interface {
	split(text string, first bool, yield func(piece string, first bool))
}

// preTokenizers cut one after the other. None of them leaves a text whole.
type preTokenizers []preTokenizer

func (list preTokenizers) split(text string, first bool, yield func(string, bool)) {
	switch len(list) {
	case 0:
		yield(text, first)
	case 1:
		list[0].split(text, first, yield)
	default:
		list[0].split(text, first, func(piece string, first bool) { list[1:].split(piece, first, yield) })
	}
}

const knownPreTokenizers = "ByteLevel, Split, Metaspace, Digits, Punctuation, Whitespace, WhitespaceSplit, CharDelimiterSplit or a Sequence of them"

// preTokenizerFile holds the fields of all kinds.
type preTokenizerFile struct {
	PreTokenizers []json.RawMessage `json:"pretokenizers"`
	PrefixSpace   *bool             `json:"add_prefix_space"`
	UseRegex      *bool             `json:"use_regex"`
	Pattern       json.RawMessage   `json:"pattern"`
	Behavior      string            `json:"behavior"`
	Invert        bool              `json:"invert"`
	Individual    bool              `json:"individual_digits"`
	Delimiter     string            `json:"delimiter"`
	Replacement   string            `json:"replacement"`
	Scheme        *string           `json:"prepend_scheme"`
	Cut           *bool             `json:"split"`
}

// parsePreTokenizer reads the pre-tokenizer of a tokenizer.json, flat.
func parsePreTokenizer(raw json.RawMessage) (preTokenizers, error) {
	return appendPreTokenizers(nil, raw, 0)
}

func appendPreTokenizers(list preTokenizers, raw json.RawMessage, depth int) (preTokenizers, error) {
	if absent(raw) {
		return list, nil
	}
	if depth > maxNesting {
		return nil, fmt.Errorf("pre_tokenizer: Sequences nested more than %d deep", maxNesting)
	}
	var f preTokenizerFile
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, fmt.Errorf("pre_tokenizer: %w", err)
	}
	if kindOf(raw) != "Sequence" {
		p, err := f.make(raw)
		return append(list, p), err
	}
	for _, part := range f.PreTokenizers {
		var err error
		if list, err = appendPreTokenizers(list, part, depth+1); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (f *preTokenizerFile) make(raw json.RawMessage) (preTokenizer, error) {
	switch kindOf(raw) {
	case "ByteLevel": // both fields are true where the file leaves them out
		return byteLevel{prefixSpace: orTrue(f.PrefixSpace), wholeText: !orTrue(f.UseRegex)}, nil
	case "Metaspace":
		return f.metaspace()
	case "Split":
		return f.splitter()
	case "Digits":
		if f.Individual {
			return splitter{runes(unicode.IsNumber), isolated, false}, nil
		}
		return splitter{runes(unicode.IsNumber), contiguous, false}, nil
	case "Punctuation":
		b, err := behaviorNamed(f.Behavior, "Isolated")
		return splitter{runes(isPunctuation), b, false}, err
	case "WhitespaceSplit":
		return splitter{runes(unicode.IsSpace), removed, false}, nil
	case "Whitespace":
		return splitter{wordsAndSigns{}, removed, true}, nil
	case "CharDelimiterSplit":
		if f.Delimiter == "" {
			return nil, errors.New("pre_tokenizer.delimiter: expected a character, found none")
		}
		return splitter{literal(f.Delimiter), removed, false}, nil
	}
	return nil, unsupported("pre_tokenizer", raw, knownPreTokenizers)
}

func (f *preTokenizerFile) splitter() (preTokenizer, error) {
	p, err := parsePattern(f.Pattern)
	if err != nil {
		return nil, fmt.Errorf("pre_tokenizer.%w", err)
	}
	b, err := behaviorNamed(f.Behavior, "")
	if err != nil {
		return nil, err
	}
	m, err := p.matcher()
	if err != nil {
		return nil, fmt.Errorf("pre_tokenizer.pattern.%w", err)
	}
	if _, covers := m.(scanner); covers && (b == isolated || b == removed && f.Invert) {
		return m.(scanner), nil
	}
	return splitter{m, b, f.Invert}, nil
}

func orTrue(b *bool) bool { return b == nil || *b }

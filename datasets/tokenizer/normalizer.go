package tokenizer

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// normalizer rewrites a stretch of text before it is cut. first says that the stretch begins the text that was asked for.
type normalizer interface {
	normalize(text string, first bool) string
}

// normalizers are applied one after the other.
type normalizers []normalizer

func (list normalizers) normalize(text string, first bool) string {
	for _, n := range list {
		text = n.normalize(text, first)
	}
	return text
}

// normalizeFunc is a normalizer that treats every stretch alike.
type normalizeFunc func(text string) string

func (f normalizeFunc) normalize(text string, _ bool) string { return f(text) }

const knownNormalizers = "NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Replace, Prepend, Precompiled or a Sequence of them"

// normalizerFile holds the fields of all kinds.
type normalizerFile struct {
	Normalizers []json.RawMessage `json:"normalizers"`
	Left        bool              `json:"strip_left"`
	Right       bool              `json:"strip_right"`
	Pattern     json.RawMessage   `json:"pattern"`
	Content     string            `json:"content"`
	Prepend     string            `json:"prepend"`
	Charsmap    []byte            `json:"precompiled_charsmap"` // base64
}

// parseNormalizer reads the normalizer of a tokenizer.json; nil where it has none.
func parseNormalizer(raw json.RawMessage) (normalizer, error) {
	list, err := appendNormalizers(nil, raw, 0)
	switch {
	case err != nil || len(list) == 0:
		return nil, err
	case len(list) == 1:
		return list[0], nil
	}
	return list, nil
}

// maxNesting bounds how deep a Sequence may stand in a Sequence.
const maxNesting = 16

func appendNormalizers(list normalizers, raw json.RawMessage, depth int) (normalizers, error) {
	if absent(raw) {
		return list, nil
	}
	if depth > maxNesting {
		return nil, fmt.Errorf("normalizer: Sequences nested more than %d deep", maxNesting)
	}
	var f normalizerFile
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, fmt.Errorf("normalizer: %w", err)
	}
	if kindOf(raw) != "Sequence" {
		n, err := f.make(raw)
		return append(list, n), err
	}
	for _, part := range f.Normalizers {
		var err error
		if list, err = appendNormalizers(list, part, depth+1); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (f *normalizerFile) make(raw json.RawMessage) (normalizer, error) {
	switch kind := kindOf(raw); kind {
	case "NFC", "NFD", "NFKC", "NFKD":
		return unicodeForms[kind], nil
	case "Lowercase":
		return normalizeFunc(lowercase), nil
	case "StripAccents":
		return normalizeFunc(stripAccents), nil
	case "Strip":
		return stripSpace{f.Left, f.Right}, nil
	case "Prepend":
		return prepend(f.Prepend), nil
	case "Replace":
		r, err := parseReplace(f.Pattern, f.Content)
		if err != nil {
			return nil, fmt.Errorf("normalizer.%w", err)
		}
		return normalizeFunc(r.apply), nil
	case "Precompiled":
		m, err := parseCharsmap(f.Charsmap)
		if err != nil {
			return nil, fmt.Errorf("normalizer.precompiled_charsmap: %w", err)
		}
		return graphemes{m}, nil
	}
	return nil, unsupported("normalizer", raw, knownNormalizers)
}

// stripSpace removes white space from the ends of each stretch.
type stripSpace struct{ left, right bool }

func (s stripSpace) normalize(text string, _ bool) string {
	if s.left {
		text = strings.TrimLeftFunc(text, unicode.IsSpace)
	}
	if s.right {
		text = strings.TrimRightFunc(text, unicode.IsSpace)
	}
	return text
}

// prepend puts a string before each stretch that is not empty.
type prepend string

func (p prepend) normalize(text string, _ bool) string {
	if text == "" {
		return text
	}
	return string(p) + text
}

// replace puts content where pattern stands, as a normalizer or as a decoder.
type replace struct {
	literal string         // what to look for, where pattern is nil
	pattern *regexp.Regexp // a regular expression
	content string
}

func parseReplace(raw json.RawMessage, content string) (replace, error) {
	p, err := parsePattern(raw)
	if err != nil {
		return replace{}, err
	}
	r := replace{literal: p.literal, content: content}
	if p.isRegex {
		if r.pattern, err = compileRegex(p.regex); err != nil {
			return r, fmt.Errorf("pattern.Regex: %w", err)
		}
	} else if p.literal == "" {
		return r, fmt.Errorf("pattern.String: expected a string, found none")
	}
	return r, nil
}

func (r replace) apply(text string) string {
	if r.pattern != nil {
		return r.pattern.ReplaceAllLiteralString(text, r.content)
	}
	return strings.ReplaceAll(text, r.literal, r.content)
}

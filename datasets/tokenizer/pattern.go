package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// pattern is what a tokenizer.json looks for: {"String": …} or {"Regex": …}.
type pattern struct {
	literal, regex string
	isRegex        bool
}

func parsePattern(raw json.RawMessage) (pattern, error) {
	var f struct {
		String *string
		Regex  *string
	}
	if err := json.Unmarshal(raw, &f); err != nil || (f.String == nil) == (f.Regex == nil) {
		return pattern{}, fmt.Errorf(`pattern: expected {"String": …} or {"Regex": …}, found %.60s`, raw)
	}
	if f.Regex != nil {
		return pattern{regex: *f.Regex, isRegex: true}, nil
	}
	return pattern{literal: *f.String}, nil
}

// givenBack is how the usual rules end: white space gives its last character to what follows it.
const givenBack = `|\s+(?!\S)|\s+`

// The rules that are written out by hand; others go through Go's regexp.
const (
	gpt2Rule  = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+` + givenBack
	wordsHead = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|`
	wordsTail = `| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+` + givenBack
)

var scanners = map[string]scanner{
	gpt2Rule:                             gpt2Words{},
	wordsHead + `\p{N}` + wordsTail:      words{digits: 1},
	wordsHead + `\p{N}{1,3}` + wordsTail: words{digits: 3},
}

// matcher returns what finds the pattern in linear time, an error where that cannot be done exactly.
func (p pattern) matcher() (matcher, error) {
	if !p.isRegex {
		if p.literal == "" {
			return nil, errors.New("expected a string, found none")
		}
		return literal(p.literal), nil
	}
	if s, ok := scanners[p.regex]; ok {
		return s, nil
	}
	return newRegexMatcher(p.regex)
}

// regexMatcher finds a regular expression. The group named back, where there is one, is the givenBack ending.
type regexMatcher struct {
	re   *regexp.Regexp
	back int // index of the group, -1 where there is none
}

func newRegexMatcher(source string) (regexMatcher, error) {
	rest, gives := strings.CutSuffix(source, givenBack)
	re, err := translateRegex(rest)
	if err != nil {
		return regexMatcher{}, fmt.Errorf("%q: %w", source, err)
	}
	if gives {
		re += "|(?P<back>[" + spaceSet + "]+)"
	}
	compiled, err := regexp.Compile(re)
	if err != nil {
		return regexMatcher{}, fmt.Errorf("%q: not a pattern that can be matched in linear time: %w", source, err)
	}
	return regexMatcher{compiled, compiled.SubexpIndex("back")}, nil
}

// compileRegex compiles a pattern that replaces.
func compileRegex(source string) (*regexp.Regexp, error) {
	m, err := newRegexMatcher(source)
	if err == nil && m.back >= 0 {
		err = fmt.Errorf("%q: lookahead in a replacement is not supported", source)
	}
	return m.re, err
}

func (m regexMatcher) find(s string, from int) (start, end int, ok bool) {
	for from < len(s) {
		at := m.re.FindStringSubmatchIndex(s[from:])
		if at == nil {
			return 0, 0, false
		}
		start, end = from+at[0], from+at[1]
		if m.back >= 0 && at[2*m.back] >= 0 && end < len(s) {
			if _, n := utf8.DecodeLastRuneInString(s[start:end]); start+n < end {
				end -= n
			}
		}
		if end > start {
			return start, end, true
		}
		_, n := utf8.DecodeRuneInString(s[start:]) // an empty match cuts nothing
		from = start + max(1, n)
	}
	return 0, 0, false
}

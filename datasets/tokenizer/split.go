package tokenizer

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// behavior says what becomes of the matches when text is cut at them.
type behavior int

const (
	isolated           behavior = iota // each match is a piece
	removed                            // matches are dropped
	mergedWithPrevious                 // a match goes with what stands before it
	mergedWithNext                     // or after it
	contiguous                         // neighbouring matches are one piece
)

func behaviorNamed(name, missing string) (behavior, error) {
	if name == "" {
		name = missing
	}
	names := []string{"Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"}
	for i, n := range names {
		if n == name {
			return behavior(i), nil
		}
	}
	return 0, fmt.Errorf("pre_tokenizer.behavior: found %q, expected one of %s", name, strings.Join(names, ", "))
}

// matcher finds the next match in s at or after from. A match is not empty; ok is false where there is none.
type matcher interface {
	find(s string, from int) (start, end int, ok bool)
}

// splitter cuts text at the matches of a pattern.
type splitter struct {
	matcher  matcher
	behavior behavior
	invert   bool // what does not match counts as matching, and the reverse
}

// span is a stretch of text that is or is not a match.
type span struct {
	start, end int
	match      bool
}

func (p splitter) split(text string, first bool, yield func(string, bool)) {
	for _, s := range p.join(p.spans(text)) {
		if !(s.match && p.behavior == removed) {
			yield(text[s.start:s.end], first && s.start == 0)
		}
	}
}

// spans lays the whole text out as matches and what is between them.
func (p splitter) spans(text string) (all []span) {
	done := 0
	for done < len(text) {
		start, end, ok := p.matcher.find(text, done)
		if !ok {
			break
		}
		if start > done {
			all = append(all, span{done, start, p.invert})
		}
		all = append(all, span{start, end, !p.invert})
		done = end
	}
	if done < len(text) {
		all = append(all, span{done, len(text), p.invert})
	}
	return all
}

// join puts neighbouring spans together as the behavior asks.
func (p splitter) join(all []span) []span {
	switch p.behavior {
	case contiguous:
		return joinIf(all, func(before, s span) bool { return before.match == s.match })
	case mergedWithPrevious:
		return joinIf(all, func(before, s span) bool { return s.match && !before.match })
	case mergedWithNext:
		return joinBackwards(all)
	}
	return all
}

// joinIf appends each span to the one before it where together says so of the two as they were.
func joinIf(all []span, together func(before, s span) bool) []span {
	var out []span
	for i, s := range all {
		if i > 0 && together(all[i-1], s) {
			out[len(out)-1].end = s.end
			continue
		}
		out = append(out, s)
	}
	return out
}

// joinBackwards puts each match before the span that is no match and follows it.
func joinBackwards(all []span) []span {
	var out []span
	for i, s := range all {
		if i > 0 && all[i-1].match && !s.match {
			out[len(out)-1].end = s.end
			continue
		}
		out = append(out, s)
	}
	return out
}

// runes matches single characters of a kind.
type runes func(rune) bool

func (is runes) find(s string, from int) (start, end int, ok bool) {
	for i := from; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if is(r) {
			return i, i + n, true
		}
		i += n
	}
	return 0, 0, false
}

// literal matches a fixed string.
type literal string

func (l literal) find(s string, from int) (start, end int, ok bool) {
	i := strings.Index(s[from:], string(l))
	return from + i, from + i + len(l), i >= 0
}

// wordsAndSigns matches \w+|[^\w\s]+.
type wordsAndSigns struct{}

func (wordsAndSigns) find(s string, from int) (start, end int, ok bool) {
	kind := func(r rune) int {
		switch {
		case isWord(r):
			return 1
		case unicode.IsSpace(r):
			return 0
		}
		return 2
	}
	start = -1
	sought := 0
	for i, r := range s[from:] {
		k := kind(r)
		switch {
		case start < 0 && k != 0:
			start, sought = from+i, k
		case start >= 0 && k != sought:
			return start, from + i, true
		}
	}
	return start, len(s), start >= 0
}

// isPunctuation is what the Punctuation pre-tokenizer cuts at: Unicode's punctuation and all signs of ASCII.
func isPunctuation(r rune) bool {
	if r < utf8.RuneSelf {
		return r > ' ' && r < 0x7f && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}
	return unicode.IsPunct(r)
}

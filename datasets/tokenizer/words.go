package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// scanner is a splitting rule that is written out by hand because Go's regexp has no lookahead. next returns the length of the
// piece that s begins with; the pieces cover the text, and finding them all takes time linear in it. s is not empty.
type scanner interface {
	matcher
	preTokenizer
	next(s string) int
}

// cut splits text by a scanner.
func cut(s scanner, text string, first bool, yield func(string, bool)) {
	for len(text) > 0 {
		n := s.next(text)
		yield(text[:n], first)
		text, first = text[n:], false
	}
}

// words is the rule that came with cl100k and that LLaMA-3 and Qwen took over, with digits taken three or one at a time:
//
//	(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
type words struct{ digits int }

func (w words) find(s string, from int) (start, end int, ok bool) {
	return from, from + w.next(s[from:]), true
}

func (w words) split(text string, first bool, yield func(string, bool)) { cut(w, text, first, yield) }

func (w words) next(s string) int {
	if n := anyCaseContraction(s); n > 0 {
		return n
	}
	kind, size := firstClass(s)
	newline := s[0] == '\r' || s[0] == '\n'
	if kind == letter {
		end, _ := run(s, letter)
		return end
	}
	if kind == number {
		return digitRun(s, w.digits)
	}
	after := other
	if size < len(s) {
		if after, _ = firstClass(s[size:]); after == letter && !newline {
			end, _ := run(s[size:], letter)
			return size + end
		}
	}
	if start := size; kind == space && s[0] == ' ' && len(s) > 1 && after == other {
		return signs(s, start)
	}
	if kind == other {
		return signs(s, 0)
	}
	return whiteSpace(s)
}

// digitRun returns the length of at most limit numbers that s begins with.
func digitRun(s string, limit int) int {
	end := 0
	for range limit {
		if end == len(s) {
			break
		}
		k, n := firstClass(s[end:])
		if k != number {
			break
		}
		end += n
	}
	return end
}

// signs returns where the signs from start on, and the line ends after them, stop.
func signs(s string, start int) int {
	n, _ := run(s[start:], other)
	end := start + n
	for end < len(s) && (s[end] == '\r' || s[end] == '\n') {
		end++
	}
	return end
}

// whiteSpace is \s*[\r\n]+|\s+(?!\S)|\s+: up to the last line end of the white space; where it has none, all of it, less the
// last character where something follows.
func whiteSpace(s string) int {
	end, last := run(s, space)
	if i := strings.LastIndexAny(s[:end], "\r\n"); i >= 0 {
		return i + 1
	}
	if end < len(s) && last > 0 {
		return last
	}
	return end
}

// anyCaseContraction is contraction without regard to case. The long s (ſ) folds to s.
func anyCaseContraction(s string) int {
	if s[0] != '\'' || len(s) < 2 {
		return 0
	}
	if strings.HasPrefix(s[1:], "ſ") {
		return 1 + len("ſ")
	}
	first := s[1] | 0x20
	switch first {
	case 's', 't', 'm', 'd':
		return 2
	case 'r', 'v', 'l':
	default:
		return 0
	}
	second := byte('e')
	if first == 'l' {
		second = 'l'
	}
	if len(s) > 2 && s[2] < utf8.RuneSelf && s[2]|0x20 == second {
		return 3
	}
	return 0
}

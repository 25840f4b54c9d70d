package tokenizer

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// class sorts runes as GPT-2's splitting rule does.
type class uint8

const (
	other  class = iota // anything else, bytes that are not UTF-8 included
	letter              // \p{L}
	number              // \p{N}
	space               // \s
)

func classOf(r rune) class {
	switch {
	case unicode.IsLetter(r):
		return letter
	case unicode.IsNumber(r):
		return number
	case unicode.IsSpace(r):
		return space
	}
	return other
}

// asciiClass saves the table searches for the runes that texts are made of.
var asciiClass = func() (t [utf8.RuneSelf]class) {
	for r := range t {
		t[r] = classOf(rune(r))
	}
	return t
}()

// firstClass returns the class and the length in bytes of the rune that s begins with. s is not empty.
func firstClass(s string) (class, int) {
	if s[0] < utf8.RuneSelf {
		return asciiClass[s[0]], 1
	}
	r, n := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && n == 1 {
		return other, 1
	}
	return classOf(r), n
}

// gpt2Words is the rule of GPT-2 (Radford et al. 2019, encoder.py):
//
//	's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//
// White space gives its last rune to what follows.
type gpt2Words struct{}

func (g gpt2Words) find(s string, from int) (start, end int, ok bool) {
	return from, from + g.next(s[from:]), true
}

func (g gpt2Words) split(text string, first bool, yield func(string, bool)) {
	cut(g, text, first, yield)
}

func (gpt2Words) next(s string) int {
	if n := contraction(s); n > 0 {
		return n
	}
	start := 0
	if s[0] == ' ' && len(s) > 1 {
		start = 1
	}
	if c, _ := firstClass(s[start:]); c != space {
		end, _ := run(s[start:], c)
		return start + end
	}
	end, last := run(s, space)
	if end < len(s) && last > 0 {
		return last
	}
	return end
}

// run returns the length of the runes of class c that s begins with, and where the last of them begins.
func run(s string, c class) (end, last int) {
	for end < len(s) {
		k, n := firstClass(s[end:])
		if k != c {
			break
		}
		last = end
		end += n
	}
	return end, last
}

// contraction returns the length of an English contraction's ending that s begins with, 0 where there is none.
func contraction(s string) int {
	if s[0] != '\'' {
		return 0
	}
	for _, c := range [...]string{"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"} {
		if strings.HasPrefix(s, c) {
			return len(c)
		}
	}
	return 0
}

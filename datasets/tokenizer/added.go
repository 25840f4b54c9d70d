package tokenizer

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// addedToken is one entry of added_tokens: a string that becomes one id wherever a text contains it.
type addedToken struct {
	ID         int32  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"` // only between characters that are not of a word
	LStrip     bool   `json:"lstrip"`      // takes the white space before it along
	RStrip     bool   `json:"rstrip"`      // and after it
	Normalized bool   `json:"normalized"`  // looked for after the others, in normalised text
	Special    bool   `json:"special"`     // left out by DecodePlain
}

// addedTokens finds added tokens in text: leftmost first, of several the longest; those marked normalized in a second pass
// over what the first pass left, normalised.
type addedTokens struct {
	list   []addedToken
	byID   map[int32]addedToken
	normal normalizer // nil where there is none
	passes [2]finder
}

func newAddedTokens(list []addedToken, normal normalizer) *addedTokens {
	a := &addedTokens{list: list, byID: make(map[int32]addedToken, len(list)), normal: normal}
	var spelt [2][]string
	for _, t := range list {
		a.byID[t.ID] = t
		pass, content := 0, t.Content
		if t.Normalized {
			pass, content = 1, a.normalize(content, true)
		}
		spelt[pass] = append(spelt[pass], content)
		a.passes[pass].tokens = append(a.passes[pass].tokens, t)
	}
	for i := range a.passes {
		a.passes[i].index(spelt[i])
	}
	return a
}

func (a *addedTokens) normalize(text string, first bool) string {
	if a.normal == nil {
		return text
	}
	return a.normal.normalize(text, first)
}

// segments calls yield for each stretch of text in order: with the id of an added token, or with id -1 and a normalised text
// that is not empty and holds none. first says that the stretch begins the text.
func (a *addedTokens) segments(text string, yield func(segment string, first bool, id int32)) {
	a.passes[0].segments(text, func(segment string, first bool, id int32) {
		if id >= 0 {
			yield(segment, first, id)
			return
		}
		a.passes[1].segments(a.normalize(segment, first), func(s string, begins bool, id int32) { yield(s, first && begins, id) })
	})
}

// finder finds the strings of some tokens.
type finder struct {
	tokens []addedToken
	trie   *trie
	starts [256]bool // the bytes that the strings begin with
}

// index prepares to find the tokens by their strings.
func (f *finder) index(spelt []string) {
	if len(spelt) == 0 {
		return
	}
	numbers := make([]int32, len(spelt))
	for i, s := range spelt {
		numbers[i] = int32(i)
		if s != "" {
			f.starts[s[0]] = true
		}
	}
	f.trie = newTrie(spelt, numbers)
}

func (f *finder) segments(text string, yield func(segment string, first bool, id int32)) {
	done := 0 // text[:done] has been yielded
	for i := 0; i < len(text) && f.trie != nil; {
		if !f.starts[text[i]] {
			i++
			continue
		}
		length, number := f.trie.longest(text[i:])
		if length == 0 {
			i++
			continue
		}
		t := f.tokens[number]
		start, stop := i, i+length
		i = stop
		if t.SingleWord && (wordBefore(text[:start]) || wordAfter(text[stop:])) {
			continue
		}
		if t.LStrip {
			start = max(done, len(strings.TrimRightFunc(text[:start], unicode.IsSpace)))
		}
		if t.RStrip {
			stop = len(text) - len(strings.TrimLeftFunc(text[stop:], unicode.IsSpace))
		}
		if start > done {
			yield(text[done:start], done == 0, -1)
		}
		yield(text[start:stop], start == 0, t.ID)
		done, i = stop, stop
	}
	if done < len(text) {
		yield(text[done:], done == 0, -1)
	}
}

func wordBefore(s string) bool { r, n := utf8.DecodeLastRuneInString(s); return n > 0 && isWord(r) }
func wordAfter(s string) bool  { r, n := utf8.DecodeRuneInString(s); return n > 0 && isWord(r) }

// isWord is \w of Unicode's regular expressions (Technical Standard 18, annex C).
func isWord(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) ||
		unicode.In(r, unicode.Pc, unicode.Nl, unicode.Other_Alphabetic, unicode.Join_Control)
}

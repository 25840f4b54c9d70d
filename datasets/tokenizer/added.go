package tokenizer

import (
	"sort"
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
// over what the first pass left.
type addedTokens struct {
	list   []addedToken
	byID   map[int32]addedToken
	passes [2]finder
}

func newAddedTokens(list []addedToken) *addedTokens {
	a := &addedTokens{list: list, byID: make(map[int32]addedToken, len(list))}
	for _, t := range list {
		a.byID[t.ID] = t
		pass := 0
		if t.Normalized {
			pass = 1
		}
		a.passes[pass].add(t)
	}
	for i := range a.passes {
		a.passes[i].sort()
	}
	return a
}

// segments calls yield for each stretch of text in order: with the id of an added token, or with id -1 and a text that is
// not empty and holds none.
func (a *addedTokens) segments(text string, yield func(segment string, id int32)) {
	a.passes[0].segments(text, func(segment string, id int32) {
		if id >= 0 {
			yield(segment, id)
			return
		}
		a.passes[1].segments(segment, yield)
	})
}

// finder holds tokens by their first byte, longest first.
type finder struct {
	byFirst [256][]addedToken
	count   int
}

func (f *finder) add(t addedToken) {
	f.byFirst[t.Content[0]] = append(f.byFirst[t.Content[0]], t)
	f.count++
}

func (f *finder) sort() {
	for _, l := range f.byFirst {
		sort.SliceStable(l, func(i, j int) bool { return len(l[i].Content) > len(l[j].Content) })
	}
}

func (f *finder) segments(text string, yield func(segment string, id int32)) {
	done := 0 // text[:done] has been yielded
	for i := 0; i < len(text) && f.count > 0; {
		t, ok := f.at(text, i)
		if !ok {
			i++
			continue
		}
		start, stop := i, i+len(t.Content)
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
			yield(text[done:start], -1)
		}
		yield(text[start:stop], t.ID)
		done, i = stop, stop
	}
	if done < len(text) {
		yield(text[done:], -1)
	}
}

// at returns the longest token that text[i:] begins with.
func (f *finder) at(text string, i int) (addedToken, bool) {
	for _, t := range f.byFirst[text[i]] {
		if strings.HasPrefix(text[i:], t.Content) {
			return t, true
		}
	}
	return addedToken{}, false
}

func wordBefore(s string) bool { r, n := utf8.DecodeLastRuneInString(s); return n > 0 && isWord(r) }
func wordAfter(s string) bool  { r, n := utf8.DecodeRuneInString(s); return n > 0 && isWord(r) }

// isWord is \w of the regular expressions in Unicode's sense.
func isWord(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || unicode.Is(unicode.Pc, r)
}

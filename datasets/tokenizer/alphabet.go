package tokenizer

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// alphabet gives the characters of a vocabulary their symbols. Characters that occur in pieces but are none themselves have
// symbols too, with ids from size up, so that merges can be written with them.
type alphabet struct {
	ascii    [utf8.RuneSelf]int32 // id of each ASCII character, -1 where it is unknown
	others   map[rune]int32
	size     int32       // of the vocabulary
	inner    []string    // characters with the ids from size up
	frozen   *trie       // user-defined pieces: symbols as they stand, the longest first; nil where there are none
	fallback *[256]int32 // ids of the tokens <0x00> to <0xFF>, -1 where one is missing; nil without byte fallback
	unknown  int32       // id of what is not known, -1 where it is dropped
	fuse     bool        // unknowns in a row are one
}

func newAlphabet(size int32) *alphabet {
	a := &alphabet{size: size, others: make(map[rune]int32), unknown: -1}
	for i := range a.ascii {
		a.ascii[i] = -1
	}
	return a
}

// id returns the symbol of a character, -1 where it has none.
func (a *alphabet) id(r rune) int32 {
	if r < utf8.RuneSelf {
		return a.ascii[r]
	}
	if id, ok := a.others[r]; ok {
		return id
	}
	return -1
}

func (a *alphabet) set(r rune, id int32) {
	if r < utf8.RuneSelf {
		a.ascii[r] = id
	} else {
		a.others[r] = id
	}
}

// innerID returns the symbol of a character, a new one where it has none yet.
func (a *alphabet) innerID(char string) int32 {
	r, _ := utf8.DecodeRuneInString(char)
	id := a.id(r)
	if id < 0 {
		id = a.size + int32(len(a.inner))
		a.inner = append(a.inner, char)
		a.set(r, id)
	}
	return id
}

// load lays piece out in symbols.
func (a *alphabet) load(w *word, piece string) {
	for i := 0; i < len(piece); {
		if a.frozen != nil {
			if n, id := a.frozen.longest(piece[i:]); n > 0 {
				w.add(id)
				i += n
				continue
			}
		}
		r, n := rune(piece[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(piece[i:])
		}
		if id := a.id(r); id >= 0 && !(r == utf8.RuneError && n == 1) {
			w.add(id)
		} else {
			a.loadUnknown(w, piece[i:i+n])
		}
		i += n
	}
}

// loadUnknown adds the bytes of a character that is not in the vocabulary, or the unknown token.
func (a *alphabet) loadUnknown(w *word, char string) {
	if a.hasBytes(char) {
		for i := range len(char) {
			w.add(a.fallback[char[i]])
		}
	} else if a.unknown >= 0 {
		w.add(a.unknown)
	}
}

// hasBytes says whether char can be written in byte tokens.
func (a *alphabet) hasBytes(char string) bool {
	if a.fallback == nil {
		return false
	}
	for i := range len(char) {
		if a.fallback[char[i]] < 0 {
			return false
		}
	}
	return true
}

// appendIDs appends the ids of the symbols that are left after merging.
func (a *alphabet) appendIDs(dst []int32, symbols []symbol) []int32 {
	start := len(dst)
	if len(symbols) == 0 {
		return dst
	}
	for i := int32(0); i >= 0; i = symbols[i].next {
		id := symbols[i].id
		if id >= a.size {
			if char := a.inner[id-a.size]; a.hasBytes(char) {
				for j := range len(char) {
					dst = append(dst, a.fallback[char[j]])
				}
				continue
			}
			id = a.unknown
		}
		if id < 0 || id == a.unknown && a.fuse && len(dst) > start && dst[len(dst)-1] == id {
			continue
		}
		dst = append(dst, id)
	}
	return dst
}

// byteTokens returns the ids of the tokens that stand for bytes, and how many there are.
func byteTokens(ids map[string]int32) (*[256]int32, int) {
	var found [256]int32
	count := 0
	for b := range found {
		id, ok := ids[fmt.Sprintf("<0x%02X>", b)]
		if !ok {
			id = -1
		} else {
			count++
		}
		found[b] = id
	}
	return &found, count
}

// byteOfToken returns the byte that a token such as <0x0A> stands for.
func byteOfToken(token string) (byte, bool) {
	if len(token) != 6 || !strings.HasPrefix(token, "<0x") || token[5] != '>' {
		return 0, false
	}
	high, ok1 := hexDigit(token[3])
	low, ok2 := hexDigit(token[4])
	return high<<4 | low, ok1 && ok2
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

// keepsWords says whether no token reaches over the beginning of a word, that is, none has a space symbol after something
// else. Then what merges in one word does not depend on the next.
func keepsWords(tokens []string) bool {
	for _, token := range tokens {
		if strings.Contains(strings.TrimLeft(token, spaceSymbol), spaceSymbol) {
			return false
		}
	}
	return true
}

package tokenizer

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// charsmap is the table of replacements that SentencePiece compiles into a model (Kudo and Richardson 2018, arXiv 1808.06226,
// section 3.2): a double-array trie whose values are places in text, each replacement ended by a zero byte.
//
//	file:  uint32 size of the trie in bytes, the trie as uint32s, the text; all little-endian
//	unit:  bits 0–7 label, bit 8 a value follows, bit 9 the offset is in steps of 256, bits 10–30 offset; bit 31 a value
type charsmap struct {
	units []uint32
	text  []byte
}

func parseCharsmap(raw []byte) (charsmap, error) {
	if len(raw) == 0 {
		return charsmap{}, nil
	}
	if len(raw) < 4 {
		return charsmap{}, fmt.Errorf("expected the size of a trie, found %d bytes", len(raw))
	}
	size := binary.LittleEndian.Uint32(raw)
	raw = raw[4:]
	if size%4 != 0 || uint64(size) > uint64(len(raw)) {
		return charsmap{}, fmt.Errorf("expected a trie of whole 4-byte units in the %d bytes there are, found a size of %d", len(raw), size)
	}
	m := charsmap{units: make([]uint32, size/4), text: raw[size:]}
	for i := range m.units {
		m.units[i] = binary.LittleEndian.Uint32(raw[4*i:])
	}
	return m, nil
}

func (m charsmap) empty() bool { return len(m.units) == 0 }

// prefixes calls found with the length and the value of each entry that s begins with, shortest first, until it says stop.
func (m charsmap) prefixes(s string, found func(length int, value uint32) (more bool)) {
	if m.empty() {
		return
	}
	at := offsetOf(m.units[0])
	for i := 0; i < len(s) && s[i] != 0; i++ {
		at ^= uint32(s[i])
		if int64(at) >= int64(len(m.units)) {
			return
		}
		unit := m.units[at]
		if unit&(1<<31|0xff) != uint32(s[i]) {
			return
		}
		at ^= offsetOf(unit)
		if unit>>8&1 == 0 {
			continue
		}
		if int64(at) >= int64(len(m.units)) || !found(i+1, m.units[at]&(1<<31-1)) {
			return
		}
	}
}

func offsetOf(unit uint32) uint32 { return unit >> 10 << (unit & (1 << 9) >> 6) }

// at returns the replacement that value points to.
func (m charsmap) at(value uint32) (string, bool) {
	if int64(value) >= int64(len(m.text)) {
		return "", false
	}
	text := m.text[value:]
	end := bytes.IndexByte(text, 0)
	if end < 0 {
		return "", false
	}
	return string(text[:end]), true
}

// longest returns the replacement of the longest entry that s begins with, and that entry's length; 0 where there is none.
func (m charsmap) longest(s string) (replacement string, length int) {
	m.prefixes(s, func(n int, value uint32) bool {
		if r, ok := m.at(value); ok {
			replacement, length = r, n
		}
		return true
	})
	return replacement, length
}

// shortest returns the replacement of the shortest entry that s begins with.
func (m charsmap) shortest(s string) (replacement string, ok bool) {
	m.prefixes(s, func(_ int, value uint32) bool {
		replacement, ok = m.at(value)
		return false
	})
	return replacement, ok
}

// graphemes applies a charsmap as the Precompiled normalizer of tokenizer.json files does, which is not what SentencePiece
// itself does: a user-perceived character of under six bytes is replaced whole when an entry is a prefix of it, otherwise
// each of its code points for itself.
type graphemes struct{ charsmap }

// longGrapheme is the size in bytes from which characters are taken apart (spm_precompiled, Precompiled::normalize_string).
const longGrapheme = 6

func (g graphemes) normalize(text string, _ bool) string {
	if g.empty() {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	for state := -1; len(text) > 0; {
		var cluster string
		cluster, text, _, state = uniseg.FirstGraphemeClusterInString(text, state)
		if len(cluster) < longGrapheme {
			if r, ok := g.shortest(cluster); ok {
				b.WriteString(r)
				continue
			}
		}
		for len(cluster) > 0 {
			_, n := utf8.DecodeRuneInString(cluster)
			if r, ok := g.shortest(cluster[:n]); ok {
				b.WriteString(r)
			} else {
				b.WriteString(cluster[:n])
			}
			cluster = cluster[n:]
		}
	}
	return b.String()
}

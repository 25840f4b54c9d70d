package tokenizer

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// spaceSymbol is SentencePiece's spelling of a space, U+2581.
const spaceSymbol = "▁"

// metaspace spells spaces as a visible character and cuts before them. As a decoder it turns them back.
type metaspace struct {
	symbol  string
	prepend scheme
	cut     bool // false leaves a text in one piece
}

// scheme says which stretches get a symbol before them where they begin with none.
type scheme int

const (
	always scheme = iota
	onlyFirst
	never
)

// metaspace reads the fields; files of before 2023 say add_prefix_space where newer ones say prepend_scheme.
func (f *preTokenizerFile) metaspace() (metaspace, error) {
	m := metaspace{symbol: f.Replacement, cut: orTrue(f.Cut)}
	if m.symbol == "" {
		m.symbol = spaceSymbol
	}
	if utf8.RuneCountInString(m.symbol) != 1 {
		return m, fmt.Errorf("replacement: expected one character, found %q", m.symbol)
	}
	if f.Scheme == nil {
		if !orTrue(f.PrefixSpace) {
			m.prepend = never
		}
		return m, nil
	}
	known := map[string]scheme{"always": always, "first": onlyFirst, "never": never}
	var ok bool
	if m.prepend, ok = known[*f.Scheme]; !ok {
		return m, fmt.Errorf("prepend_scheme: found %q, expected always, first or never", *f.Scheme)
	}
	return m, nil
}

func (m metaspace) split(text string, first bool, yield func(string, bool)) {
	text = strings.ReplaceAll(text, " ", m.symbol)
	if (m.prepend == always || m.prepend == onlyFirst && first) && !strings.HasPrefix(text, m.symbol) {
		text = m.symbol + text
	}
	if !m.cut {
		yield(text, first)
		return
	}
	for len(text) > 0 {
		n := len(text)
		skip := 0
		if strings.HasPrefix(text, m.symbol) {
			skip = len(m.symbol)
		}
		if i := strings.Index(text[skip:], m.symbol); i >= 0 {
			n = skip + i
		}
		yield(text[:n], first)
		text, first = text[n:], false
	}
}

package tokenizer

import (
	"errors"
	"fmt"
	"strings"
)

// Sets of the Unicode classes that \s and \w stand for in the files' regular expressions, where Go's mean ASCII.
const (
	spaceSet = `\t-\r\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}`
	wordSet  = `\p{L}\p{M}\p{Nd}\p{Pc}`
)

// translateRegex rewrites a regular expression of the files' dialect (Oniguruma's, as the library that writes them uses it) for
// Go's regexp, and refuses what the two would read differently: lookaround, back references, possessive and atomic groups,
// anchors that look behind, sets in sets.
func translateRegex(source string) (string, error) {
	t := translation{source: source}
	for t.at < len(source) {
		if err := t.step(); err != nil {
			return "", fmt.Errorf("%w at byte %d: not supported", err, t.at)
		}
	}
	return t.out.String(), nil
}

// translation is how far translateRegex has got.
type translation struct {
	source string
	at     int
	inSet  bool
	out    strings.Builder
}

func (t *translation) step() error {
	c := t.source[t.at]
	rest := t.source[t.at:]
	switch {
	case c == '\\':
		return t.escape()
	case t.inSet:
		return t.inside(rest)
	case c == '[':
		return t.openSet(rest)
	case strings.HasPrefix(rest, "(?"):
		return t.group(rest)
	case c == '^':
		return errors.New("anchor ^")
	case c == '$':
		t.put("(?m:$)", 1)
	default:
		t.put(rest[:1], 1)
	}
	return nil
}

// put writes text for the next n bytes of the source.
func (t *translation) put(text string, n int) {
	t.out.WriteString(text)
	t.at += n
}

func (t *translation) openSet(rest string) error {
	t.inSet = true
	n := 1
	if strings.HasPrefix(rest, "[^") {
		n = 2
	}
	if strings.HasPrefix(rest[n:], "]") {
		return errors.New("] at the beginning of a set")
	}
	t.put(rest[:n], n)
	return nil
}

func (t *translation) inside(rest string) error {
	switch {
	case rest[0] == '[':
		return errors.New("set in a set")
	case strings.HasPrefix(rest, "&&"):
		return errors.New("intersection of sets")
	case rest[0] == ']':
		t.inSet = false
	}
	t.put(rest[:1], 1)
	return nil
}

// group lets through the groups that only group or fold case.
func (t *translation) group(rest string) error {
	for _, known := range []string{"(?:", "(?i:", "(?i)", "(?-i:"} {
		if strings.HasPrefix(rest, known) {
			t.put(known, len(known))
			return nil
		}
	}
	return fmt.Errorf("group %.4q", rest)
}

func (t *translation) escape() error {
	if t.at+1 >= len(t.source) {
		return errors.New(`\ at the end`)
	}
	c := t.source[t.at+1]
	sets := map[byte]string{'s': spaceSet, 'w': wordSet, 'd': `\p{Nd}`}
	if set, ok := sets[c|0x20]; ok && isLetterByte(c) {
		return t.class(c, set)
	}
	switch {
	case c == 'u' && t.at+6 <= len(t.source):
		t.put(`\x{`+t.source[t.at+2:t.at+6]+`}`, 6)
	case strings.IndexByte(`nrtfvaxpP`, c) >= 0, !isLetterByte(c) && !(c >= '0' && c <= '9'):
		t.put(t.source[t.at:t.at+2], 2)
	default:
		return fmt.Errorf(`\%c`, c)
	}
	return nil
}

// class writes \s, \w, \d or, in upper case, their complements.
func (t *translation) class(c byte, set string) error {
	complement := c < 'a'
	switch {
	case complement && t.inSet:
		return fmt.Errorf(`\%c in a set`, c)
	case complement:
		set = "[^" + set + "]"
	case !t.inSet:
		set = "[" + set + "]"
	}
	t.put(set, 2)
	return nil
}

func isLetterByte(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

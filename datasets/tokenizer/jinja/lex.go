package jinja

import (
	"fmt"
	"strings"
)

// partKind says what a part of a template is.
type partKind int

const (
	text   partKind = iota
	output          // {{ … }}
	tag             // {% … %}
)

// part is a stretch of text or what stands in a tag.
type part struct {
	kind partKind
	body string
	line int
}

// Bounds on templates. The longest in use have about 20 kB.
const (
	maxSource  = 1 << 20 // bytes
	maxNesting = 200     // parentheses, tags and macro calls in one another
)

// cutParts cuts a template into parts, with white space dropped as trim_blocks and lstrip_blocks say: the line end after a tag,
// and the blanks before a tag that stands first on its line. A minus in a tag drops all white space on its side, a plus keeps it.
func cutParts(source string) ([]part, error) {
	if len(source) > maxSource {
		return nil, fmt.Errorf("expected at most %d bytes, found %d", maxSource, len(source))
	}
	source = strings.TrimSuffix(strings.ReplaceAll(source, "\r\n", "\n"), "\n")
	l := lexer{source: source, line: 1}
	for l.at < len(source) {
		if err := l.step(); err != nil {
			return nil, fmt.Errorf("line %d: %w", l.line, err)
		}
	}
	return l.parts, nil
}

// lexer is how far cutParts has got.
type lexer struct {
	source string
	at     int
	line   int
	parts  []part
	strip  bool // the tag before ends in a minus
	trim   bool // the tag before drops a line end
}

// step takes the text up to the next tag, and the tag.
func (l *lexer) step() error {
	rest := l.source[l.at:]
	open := nextTag(rest)
	before := rest[:open]
	var marker string
	if open < len(rest) {
		marker = rest[open : open+2]
	}
	sign := byte(0)
	if open+2 < len(rest) {
		sign = rest[open+2]
	}
	l.addText(before, marker, sign)
	l.advance(open)
	if marker == "" {
		return nil
	}
	if marker == "{#" {
		return l.comment()
	}
	return l.tag(marker)
}

// nextTag returns where the next tag begins, the length of s where there is none.
func nextTag(s string) int {
	for i := 0; ; i++ {
		j := strings.IndexByte(s[i:], '{')
		if j < 0 || i+j+1 >= len(s) {
			return len(s)
		}
		i += j
		if c := s[i+1]; c == '{' || c == '%' || c == '#' {
			return i
		}
	}
}

// addText adds what stands before a tag.
func (l *lexer) addText(s, marker string, sign byte) {
	startsLine := l.at == 0 || l.source[l.at-1] == '\n'
	if l.trim && strings.HasPrefix(s, "\n") {
		s, startsLine = s[1:], true
	}
	switch {
	case sign == '-':
		s = strings.TrimRight(s, " \t\n\r\f\v")
	case sign != '+' && (marker == "{%" || marker == "{#"):
		blank := strings.TrimRight(s, " \t")
		if strings.HasSuffix(blank, "\n") || blank == "" && startsLine {
			s = blank
		}
	}
	if l.strip {
		s = strings.TrimLeft(s, " \t\n\r\f\v")
	}
	l.strip, l.trim = false, false
	if s != "" {
		l.parts = append(l.parts, part{text, s, l.line})
	}
}

func (l *lexer) advance(n int) {
	l.line += strings.Count(l.source[l.at:l.at+n], "\n")
	l.at += n
}

func (l *lexer) comment() error {
	end := strings.Index(l.source[l.at+2:], "#}")
	if end < 0 {
		return fmt.Errorf("comment without its end")
	}
	l.strip = end > 0 && l.source[l.at+2+end-1] == '-'
	l.trim = !l.strip
	l.advance(2 + end + 2)
	return nil
}

func (l *lexer) tag(marker string) error {
	kind, closer := output, "}}"
	if marker == "{%" {
		kind, closer = tag, "%}"
	}
	end, ok := endOfTag(l.source[l.at+2:], closer)
	if !ok {
		return fmt.Errorf("%s without its %s", marker, closer)
	}
	body := l.source[l.at+2 : l.at+2+end]
	inner := body
	if inner != "" && (inner[0] == '+' || inner[0] == '-') {
		inner = inner[1:]
	}
	l.parts = append(l.parts, part{kind, strings.TrimSpace(inner), l.line})
	l.strip = strings.HasSuffix(body, "-")
	l.trim = kind == tag && !l.strip && !strings.HasSuffix(body, "+")
	p := &l.parts[len(l.parts)-1]
	if l.strip || strings.HasSuffix(body, "+") {
		p.body = strings.TrimSpace(p.body[:max(0, len(p.body)-1)])
	}
	l.advance(2 + end + 2)
	if kind == tag && p.body == "raw" {
		return l.raw()
	}
	return nil
}

// endOfTag returns where closer stands in s outside strings.
func endOfTag(s, closer string) (int, bool) {
	quote := byte(0)
	braces := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0 && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case braces == 0 && strings.HasPrefix(s[i:], closer):
			return i, true
		case c == '{':
			braces++
		case c == '}' && braces > 0:
			braces--
		}
	}
	return 0, false
}

// raw takes everything up to {% endraw %} as text.
func (l *lexer) raw() error {
	l.parts = l.parts[:len(l.parts)-1]
	rest := l.source[l.at:]
	for i := 0; i < len(rest); i++ {
		if !strings.HasPrefix(rest[i:], "{%") {
			continue
		}
		end, ok := endOfTag(rest[i+2:], "%}")
		if ok && strings.Trim(rest[i+2:i+2+end], "+- \t\n\r") == "endraw" {
			sign := rest[i+2]
			l.addText(rest[:i], "{%", sign)
			l.strip = rest[i+2+end-1] == '-'
			l.trim = !l.strip
			l.advance(i + 2 + end + 2)
			return nil
		}
	}
	return fmt.Errorf("raw without its endraw")
}

package show

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// clean makes one safe line of s: white space of any kind becomes a blank, and what could steer a terminal, reorder the
// text around it or be illegal in XML (control characters, bidirectional controls, invalid UTF-8) becomes U+FFFD.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r' || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == 0xFFFE, r == 0xFFFF, r == utf8.RuneError:
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(s, string(utf8.RuneError)))
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")

// escape is [clean] followed by the five replacements that make a text safe in HTML and XML, inside elements and quoted
// attributes alike. Everything that comes from a caller goes through it, once.
func escape(s string) string { return escaper.Replace(clean(s)) }

// cells returns how many columns of a terminal s takes, after [clean]: wide East Asian characters and emoji take two,
// combining marks and other invisible characters none.
func cells(s string) int {
	n := 0
	for _, r := range s {
		n += runeCells(r)
	}
	return n
}

func runeCells(r rune) int {
	if r < 0x300 {
		return 1
	}
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// cut shortens s to at most n columns, its end replaced by "…" when something was lost.
func cut(s string, n int) string {
	if cells(s) <= n {
		return s
	}
	if n < 1 {
		return ""
	}
	used := 0
	for i, r := range s {
		if used+runeCells(r) > n-1 {
			return s[:i] + "…"
		}
		used += runeCells(r)
	}
	return s
}

// pad fills s with blanks to n columns on the side that align asks for.
func pad(s string, n int, align Align) string {
	free := n - cells(s)
	if free <= 0 {
		return s
	}
	switch align {
	case Right:
		return strings.Repeat(" ", free) + s
	case Center:
		return strings.Repeat(" ", free/2) + s + strings.Repeat(" ", free-free/2)
	}
	return s + strings.Repeat(" ", free)
}

// wrap breaks s into lines of at most n columns at blanks; a word longer than a line is broken inside.
func wrap(s string, n int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(clean(s)) {
		for cells(word) > n {
			if line != "" {
				lines, line = append(lines, line), ""
			}
			head, used := 0, 0
			for i, r := range word {
				if used+runeCells(r) > n && i > 0 {
					break
				}
				used += runeCells(r)
				head = i + utf8.RuneLen(r)
			}
			lines, word = append(lines, word[:head]), word[head:]
		}
		switch {
		case line == "":
			line = word
		case cells(line)+1+cells(word) <= n:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

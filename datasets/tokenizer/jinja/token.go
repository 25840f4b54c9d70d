package jinja

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// tokenKind says what a token of an expression is.
type tokenKind int

const (
	end tokenKind = iota
	name
	str
	number
	sign // an operator or a bracket
)

// token is one word of an expression.
type token struct {
	kind  tokenKind
	text  string // as written; of a string its contents
	value any    // of a number
}

// signs, the longer first.
var signs = []string{"**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "=", "|", ".", ",", ":", "(", ")", "[", "]", "{", "}"}

// tokenize cuts an expression into tokens.
func tokenize(s string) ([]token, error) {
	var list []token
	for {
		s = strings.TrimLeft(s, " \t\n\r\f\v")
		if s == "" {
			return list, nil
		}
		t, n, err := nextToken(s)
		if err != nil {
			return nil, err
		}
		if last := len(list) - 1; t.kind == str && last >= 0 && list[last].kind == str {
			list[last].text += t.text // neighbouring strings are one
		} else {
			list = append(list, t)
		}
		s = s[n:]
	}
}

func nextToken(s string) (token, int, error) {
	switch c := s[0]; {
	case c == '\'' || c == '"':
		return stringToken(s)
	case c >= '0' && c <= '9':
		return numberToken(s)
	case isNameByte(c):
		n := 1
		for n < len(s) && (isNameByte(s[n]) || s[n] >= '0' && s[n] <= '9') {
			n++
		}
		return token{kind: name, text: s[:n]}, n, nil
	}
	for _, op := range signs {
		if strings.HasPrefix(s, op) {
			return token{kind: sign, text: op}, len(op), nil
		}
	}
	r, _ := utf8.DecodeRuneInString(s)
	return token{}, 0, fmt.Errorf("unexpected %q", r)
}

func isNameByte(c byte) bool {
	return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= utf8.RuneSelf
}

func numberToken(s string) (token, int, error) {
	n := 0
	digits := func() {
		for n < len(s) && (s[n] >= '0' && s[n] <= '9' || s[n] == '_') {
			n++
		}
	}
	digits()
	whole := n
	if n+1 < len(s) && s[n] == '.' && s[n+1] >= '0' && s[n+1] <= '9' {
		n++
		digits()
	}
	if n+1 < len(s) && s[n]|0x20 == 'e' && (s[n+1] >= '0' && s[n+1] <= '9' || n+2 < len(s) && (s[n+1] == '-' || s[n+1] == '+') && s[n+2] >= '0' && s[n+2] <= '9') {
		n += 2
		digits()
	}
	text := strings.ReplaceAll(s[:n], "_", "")
	if n == whole {
		v, err := strconv.Atoi(text)
		return token{number, text, v}, n, err
	}
	v, err := strconv.ParseFloat(text, 64)
	return token{number, text, v}, n, err
}

func stringToken(s string) (token, int, error) {
	var b strings.Builder
	for i := 1; i < len(s); {
		switch s[i] {
		case s[0]:
			return token{kind: str, text: b.String()}, i + 1, nil
		case '\\':
			n := unescape(&b, s[i:])
			i += n
		default:
			b.WriteByte(s[i])
			i++
		}
	}
	return token{}, 0, fmt.Errorf("string without its end: %.20s", s)
}

// unescape writes what an escape such as \n stands for and returns its length; an unknown one stands as it is.
func unescape(b *strings.Builder, s string) int {
	if len(s) < 2 {
		b.WriteByte('\\')
		return 1
	}
	simple := map[byte]string{'n': "\n", 't': "\t", 'r': "\r", '\\': "\\", '\'': "'", '"': "\"", 'a': "\a", 'b': "\b", 'f': "\f", 'v': "\v", '\n': "", '0': "\x00"}
	if text, ok := simple[s[1]]; ok {
		b.WriteString(text)
		return 2
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[1]]
	if digits > 0 && len(s) >= 2+digits {
		if code, err := strconv.ParseUint(s[2:2+digits], 16, 32); err == nil && code <= utf8.MaxRune {
			b.WriteRune(rune(code))
			return 2 + digits
		}
	}
	b.WriteString(s[:2])
	return 2
}

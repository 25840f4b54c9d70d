package notebook

import (
	"go/scanner"
	"go/token"
	"html"
	"strings"
)

// highlight returns the source of a Go cell as HTML, with its tokens in spans: k keyword, s string, d number, c comment,
// f called function, m a command of the kernel. A cell of another language (%%bash) is only escaped.
func highlight(source string) string {
	first, _, _ := strings.Cut(source, "\n")
	if strings.HasPrefix(first, "%%") && len(first) > 2 && first[2] != ' ' {
		return span("m", first) + html.EscapeString(source[len(first):])
	}
	var b strings.Builder
	var code []string
	flush := func() {
		if len(code) > 0 {
			b.WriteString(highlightGo(strings.Join(code, "")))
			code = code[:0]
		}
	}
	for line := range strings.SplitAfterSeq(source, "\n") {
		if strings.HasPrefix(line, "%") || strings.HasPrefix(line, "!") {
			flush()
			body := strings.TrimSuffix(line, "\n")
			b.WriteString(span("m", body) + line[len(body):])
			continue
		}
		code = append(code, line)
	}
	flush()
	return b.String()
}

// highlightGo colours Go code; what the scanner cannot read stays as it is.
func highlightGo(code string) string {
	src := []byte(code)
	file := token.NewFileSet().AddFile("", -1, len(src))
	var s scanner.Scanner
	s.Init(file, src, func(token.Position, string) {}, scanner.ScanComments)
	var b strings.Builder
	at := 0
	for {
		pos, tok, lit := s.Scan()
		from := file.Offset(pos)
		if tok == token.EOF || from < at {
			break
		}
		if tok == token.SEMICOLON && lit != ";" { // put in by the scanner
			continue
		}
		if lit == "" || tok.IsOperator() {
			lit = tok.String()
		}
		to := min(from+len(lit), len(src))
		b.WriteString(html.EscapeString(code[at:from]))
		b.WriteString(span(class(tok, code[to:]), code[from:to]))
		at = to
	}
	b.WriteString(html.EscapeString(code[at:]))
	return b.String()
}

func class(tok token.Token, rest string) string {
	switch {
	case tok.IsKeyword():
		return "k"
	case tok == token.STRING, tok == token.CHAR:
		return "s"
	case tok == token.INT, tok == token.FLOAT, tok == token.IMAG:
		return "d"
	case tok == token.COMMENT:
		return "c"
	case tok == token.IDENT && strings.HasPrefix(rest, "("):
		return "f"
	}
	return ""
}

func span(class, text string) string {
	if class == "" || text == "" {
		return html.EscapeString(text)
	}
	return `<span class="` + class + `">` + html.EscapeString(text) + `</span>`
}

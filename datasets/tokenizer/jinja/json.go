package jinja

import (
	"bytes"
	"fmt"
	"strings"
)

// jsonFilter is tojson as transformers defines it: Python's json.dumps with characters as they are, a space after each comma
// and colon, and with indent a line for each element.
func jsonFilter(_ *run, v any, args []any, named map[string]any) (any, error) {
	w := jsonWriter{indent: -1, comma: ", "}
	if n, ok := toInt(argument(args, named, 1, "indent", nil)); ok {
		w.indent, w.comma = min(n, 100), ","
	}
	if err := w.write(v, 0); err != nil {
		return nil, err
	}
	return bounded(w.out.String())
}

// jsonWriter writes values; indent is -1 for all on one line.
type jsonWriter struct {
	out    bytes.Buffer
	indent int
	comma  string
}

func (w *jsonWriter) write(v any, depth int) error {
	switch {
	case depth > maxNesting:
		return fmt.Errorf("nested more than %d deep", maxNesting)
	case w.out.Len() > maxText:
		return fmt.Errorf("more than %d bytes", maxText)
	}
	switch v := v.(type) {
	case nil:
		w.out.WriteString("null")
	case bool:
		fmt.Fprint(&w.out, v)
	case int, float64:
		w.out.WriteString(repr(v, 0))
	case string:
		w.text(v)
	case []any:
		return w.group("[]", len(v), depth, func(i int) error { return w.write(v[i], depth+1) })
	case *Dict:
		return w.group("{}", len(v.keys), depth, func(i int) error {
			w.text(v.keys[i])
			w.out.WriteString(": ")
			return w.write(v.values[v.keys[i]], depth+1)
		})
	default:
		return fmt.Errorf("cannot write %s", kindOf(v))
	}
	return nil
}

func (w *jsonWriter) text(s string) {
	short := map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\b': `\b`, '\f': `\f`}
	w.out.WriteByte('"')
	for _, r := range s {
		if escaped, ok := short[r]; ok {
			w.out.WriteString(escaped)
		} else if r < ' ' {
			fmt.Fprintf(&w.out, `\u%04x`, r)
		} else {
			w.out.WriteRune(r)
		}
	}
	w.out.WriteByte('"')
}

// group writes n elements between brackets.
func (w *jsonWriter) group(brackets string, n, depth int, element func(i int) error) error {
	w.out.WriteByte(brackets[0])
	for i := range n {
		if i > 0 {
			w.out.WriteString(w.comma)
		}
		w.newLine(depth + 1)
		if err := element(i); err != nil {
			return err
		}
	}
	if n > 0 {
		w.newLine(depth)
	}
	w.out.WriteByte(brackets[1])
	return nil
}

func (w *jsonWriter) newLine(depth int) {
	if w.indent >= 0 {
		w.out.WriteString("\n" + strings.Repeat(" ", w.indent*depth))
	}
}

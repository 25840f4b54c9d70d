package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// writeJSON prints one object. Text is not escaped for HTML, since it goes to a terminal or a pipe.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// column is a heading of a table and how its cells are aligned.
type column struct {
	head  string
	right bool
}

// table is printed with columns as wide as their widest cell and two spaces between them.
type table struct {
	columns []column
	rows    [][]string
	indent  string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// write prints the heading and the rows. Columns without any content are left out.
func (t *table) write(w io.Writer) error {
	widths := make([]int, len(t.columns))
	for i := range t.columns {
		for _, row := range t.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(printable(row[i])))
		}
		if widths[i] > 0 {
			widths[i] = max(widths[i], utf8.RuneCountInString(t.columns[i].head))
		}
	}
	heads := make([]string, len(t.columns))
	for i, c := range t.columns {
		heads[i] = c.head
	}
	for _, row := range append([][]string{heads}, t.rows...) {
		if _, err := fmt.Fprintln(w, t.line(row, widths)); err != nil {
			return err
		}
	}
	return nil
}

func (t *table) line(row []string, widths []int) string {
	var b strings.Builder
	b.WriteString(t.indent)
	for i, c := range t.columns {
		if widths[i] == 0 {
			continue
		}
		cell := printable(row[i])
		pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		if c.right {
			b.WriteString(pad + cell + "  ")
		} else {
			b.WriteString(cell + pad + "  ")
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// printable replaces control characters, so that a name or an error text cannot steer the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return '·'
		}
		return r
	}, s)
}

// number shows a value with six significant digits.
func number(f float64) string {
	if f == math.Trunc(f) && math.Abs(f) < 1e15 {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return strconv.FormatFloat(f, 'g', 6, 64)
}

// span shows a duration with the two units that matter: 12ms, 1.2s, 3m05s, 2h10m, 4d03h.
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%dms", max(d, 0).Milliseconds())
	case d < time.Minute:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + "s"
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%02dh", int(d.Hours())/24, int(d.Hours())%24)
}

// ago shows how long before now t was, in one unit.
func ago(t, now time.Time) string {
	d := now.Sub(t)
	for _, u := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if n := int(d / u.size); n == 1 {
			return "1 " + u.name + " ago"
		} else if n > 1 {
			return fmt.Sprintf("%d %ss ago", n, u.name)
		}
	}
	return "just now"
}

// shorten cuts text to its first line and at most n runes.
func shorten(s string, n int) string {
	s, _, cut := strings.Cut(strings.TrimSpace(s), "\n")
	if runes := []rune(s); len(runes) > n {
		s, cut = string(runes[:n-1]), true
	}
	if cut {
		s += "…"
	}
	return s
}

// printPlace says where a model lies, if it was written anywhere, and which trial it is of.
func printPlace(w io.Writer, out string, trial int, study string) error {
	if out != "" {
		out += ", "
	}
	_, err := fmt.Fprintf(w, "%strial %d of study %s\n", out, trial, study)
	return err
}

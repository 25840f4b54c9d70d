package show

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Align is where a column's texts stand.
type Align int

// Natural is right for numbers and left for everything else.
const (
	Natural Align = iota
	Left
	Right
	Center
)

// Best says which value of a column is marked as the best.
type Best int

// Unmarked marks none.
const (
	Unmarked Best = iota
	Min
	Max
)

// Column describes one column of a [Table].
type Column struct {
	Name   string
	Unit   string // written after the name
	Align  Align
	Format Format // how its numbers are written
	Best   Best
}

// Table is rows of values: numbers, texts, durations, times, [Estimate]s, pointers to these, or nil for what is missing.
// A row may be shorter than the columns; what is beyond them is an extra column without a name.
type Table struct {
	Title, Caption string
	Columns        []Column
	Rows           [][]any
	Highlight      []int // rows to emphasise, counted from 0
}

// grid is a table with its values written.
type grid struct {
	columns []Column
	align   []Align
	cells   [][]string // [row][column]
	best    [][]bool
	marked  bool // some value is the best
}

func (t Table) grid() grid {
	columns := append([]Column(nil), t.Columns...)
	for _, row := range t.Rows {
		for len(columns) < len(row) {
			columns = append(columns, Column{})
		}
	}
	g := grid{columns: columns, align: make([]Align, len(columns))}
	for range t.Rows {
		g.cells = append(g.cells, make([]string, len(columns)))
		g.best = append(g.best, make([]bool, len(columns)))
	}
	for j := range columns {
		t.fill(&g, j)
	}
	return g
}

// fill writes column j.
func (t Table) fill(g *grid, j int) {
	c := g.columns[j]
	values := make([]any, len(t.Rows))
	numbers, durations := 0, 0
	for i, row := range t.Rows {
		if j < len(row) {
			values[i] = row[j]
		}
		if _, ok := number(values[i]); ok {
			numbers++
		}
		if _, ok := values[i].(time.Duration); ok {
			durations++
		}
	}
	g.align[j] = c.Align
	if c.Align == Natural {
		g.align[j] = Left
		if numbers+durations > 0 {
			g.align[j] = Right
		}
	}
	write, best := c.Format.column(values), c.Best.of(values)
	for i, v := range values {
		g.cells[i][j] = clean(write(v))
		if n, ok := number(v); ok && c.Best != Unmarked && numbers > 1 && n.Value == best {
			g.best[i][j], g.marked = true, true
		}
	}
}

// of returns the best of the finite values, or NaN, which equals none.
func (b Best) of(values []any) float64 {
	best := math.NaN()
	for _, v := range values {
		n, ok := number(v)
		if !ok || math.IsNaN(n.Value) || math.IsInf(n.Value, 0) {
			continue
		}
		if math.IsNaN(best) || (b == Min && n.Value < best) || (b == Max && n.Value > best) {
			best = n.Value
		}
	}
	return best
}

// HTML implements [Fragment].
func (t Table) HTML() string {
	g := t.grid()
	highlight := make(map[int]bool)
	for _, i := range t.Highlight {
		highlight[i] = true
	}
	var b strings.Builder
	b.WriteString(`<div class="pare-scroll"><table class="pare-table">`)
	g.head(&b)
	b.WriteString("<tbody>")
	for i, row := range g.cells {
		b.WriteString("<tr")
		if highlight[i] {
			b.WriteString(` class="pare-mark"`)
		}
		b.WriteString(">")
		for j, text := range row {
			g.cell(&b, text, g.align[j], g.best[i][j])
		}
		b.WriteString("</tr>")
	}
	b.WriteString("</tbody></table></div>")
	var notes []string
	if len(t.Rows) == 0 {
		notes = append(notes, "No rows.")
	}
	return figure("tab", t.Title, b.String(), t.Caption, notes)
}

func (g grid) head(b *strings.Builder) {
	named := false
	for _, c := range g.columns {
		named = named || c.Name != "" || c.Unit != ""
	}
	if !named {
		return
	}
	b.WriteString("<thead><tr>")
	for j, c := range g.columns {
		fmt.Fprintf(b, `<th scope="col"%s>%s`, alignClass(g.align[j], ""), escape(c.Name))
		if c.Unit != "" {
			fmt.Fprintf(b, ` <span class="pare-unit">%s</span>`, escape(c.Unit))
		}
		b.WriteString("</th>")
	}
	b.WriteString("</tr></thead>")
}

// longCell is the length in characters from which a cell repeats its text as a hover text, since the page may cut it.
const longCell = 40

func (g grid) cell(b *strings.Builder, text string, align Align, best bool) {
	class, title := "", ""
	if best {
		class, title = " pare-best", ` title="best of this column"`
	} else if len(text) > longCell {
		title = ` title="` + escape(text) + `"`
	}
	fmt.Fprintf(b, `<td%s%s>%s</td>`, alignClass(align, class), title, escape(text))
}

func alignClass(a Align, more string) string {
	class := strings.TrimSpace(map[Align]string{Right: "pare-n", Center: "pare-c"}[a] + more)
	if class == "" {
		return ""
	}
	return ` class="` + class + `"`
}

package show

import "strings"

// minimumText is the width in columns below which a text column of a table is not shortened further.
const minimumText = 8

// Text implements [Fragment]. Where the table is wider than the terminal its text columns are shortened, and if that is not
// enough it is cut into several tables that each repeat the first column.
func (t Table) Text(width int) string {
	width = terminal(width)
	g := t.grid()
	var b strings.Builder
	headline(&b, t.Title, width)
	if len(g.columns) > 0 {
		widths := g.fit(width)
		for i, part := range g.parts(widths, width) {
			if i > 0 {
				b.WriteByte('\n')
			}
			g.write(&b, part, widths, t.Highlight)
		}
	}
	if len(t.Rows) == 0 {
		b.WriteString("(no rows)\n")
	}
	if g.marked {
		b.WriteString("* best of its column\n")
	}
	paragraph(&b, t.Caption, width)
	return b.String()
}

// header is the name of a column as text.
func (c Column) header() string {
	s := clean(c.Name)
	if c.Unit != "" {
		s = strings.TrimSpace(s + " [" + clean(c.Unit) + "]")
	}
	return s
}

// text is a cell as text; the column of a number ends in a blank or the mark of the best.
func (g grid) text(i, j int) string {
	switch {
	case g.best[i][j]:
		return g.cells[i][j] + "*"
	case g.columns[j].Best != Unmarked:
		return g.cells[i][j] + " "
	}
	return g.cells[i][j]
}

// fit returns the widths of the columns: as wide as they ask for, or, where that makes the whole table fit, the widest text
// columns shortened.
func (g grid) fit(width int) []int {
	widths := make([]int, len(g.columns))
	total := 0
	for j, c := range g.columns {
		widths[j] = cells(c.header())
		for i := range g.cells {
			widths[j] = max(widths[j], cells(g.text(i, j)))
		}
		total += widths[j] + 2
	}
	if short, ok := g.squeeze(widths, total-2-width); ok {
		widths = short
	}
	for j := range widths {
		widths[j] = min(widths[j], width)
	}
	return widths
}

// squeeze takes excess columns from the widest text columns, if they have as many to give.
func (g grid) squeeze(widths []int, excess int) (short []int, ok bool) {
	short = append(short, widths...)
	for ; excess > 0; excess-- {
		widest := -1
		for j, w := range short {
			if g.align[j] == Left && w > minimumText && (widest < 0 || w > short[widest]) {
				widest = j
			}
		}
		if widest < 0 {
			return nil, false
		}
		short[widest]--
	}
	return short, true
}

// parts splits the columns into as many tables as the width asks for.
func (g grid) parts(widths []int, width int) [][]int {
	var parts [][]int
	part, used := []int{0}, widths[0]
	for j := 1; j < len(widths); j++ {
		if used+2+widths[j] > width && len(part) > 1 {
			parts = append(parts, part)
			part, used = []int{0}, widths[0]
		}
		if used+2+widths[j] > width { // even beside the first column alone there is no room
			parts = append(parts, part)
			part, used = nil, -2
		}
		part, used = append(part, j), used+2+widths[j]
	}
	return append(parts, part)
}

func (g grid) write(b *strings.Builder, part, widths []int, highlight []int) {
	line := func(cell func(j int) string) {
		var l strings.Builder
		for k, j := range part {
			if k > 0 {
				l.WriteString("  ")
			}
			l.WriteString(pad(cut(cell(j), widths[j]), widths[j], g.align[j]))
		}
		b.WriteString(strings.TrimRight(l.String(), " ") + "\n")
	}
	line(func(j int) string {
		if g.columns[j].Best != Unmarked && g.align[j] == Right && cells(g.columns[j].header()) < widths[j] {
			return g.columns[j].header() + " "
		}
		return g.columns[j].header()
	})
	line(func(j int) string { return strings.Repeat("─", widths[j]) })
	for i := range g.cells {
		line(func(j int) string { return g.text(i, j) })
	}
}

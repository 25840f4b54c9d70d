package show

import (
	"math"
	"strings"
)

// shades fill a cell the more the larger its value; a cell without a value is "×".
var shades = []rune(" ░▒▓█")

// Text implements [Fragment]: each cell as a block that is the darker the larger the value, beside the value where there
// is room; a map too wide for that keeps the blocks alone, and one still too wide is cut into several.
func (h HeatMap) Text(width int) string {
	width = terminal(width)
	l := h.layout()
	values, missing := h.finite()
	var b strings.Builder
	headline(&b, h.Title, width)
	names, cell := cells(clean(h.RowLabel)), 0
	for i := range l.rows {
		names = max(names, cells(nth(h.Rows, i)))
	}
	names = min(names, width/3)
	for i := range l.rows {
		for j := range l.cols {
			cell = max(cell, cells(l.write(h.at(i, j)))+2)
		}
	}
	for j := range l.cols {
		cell = max(cell, min(cells(nth(h.Cols, j)), 10))
	}
	printed := names+(cell+1)*l.cols <= width
	if !printed {
		cell = 1
	}
	fit := max(1, (width-names-1)/(cell+1))
	for from := 0; from < l.cols; from += fit {
		h.panel(&b, l, textPanel{names: names, cell: cell, from: from, to: min(from+fit, l.cols), printed: printed, width: width})
	}
	h.scale(&b, l, values, width)
	paragraph(&b, h.Caption, width)
	for _, n := range h.notes(values, missing) {
		n = strings.Replace(strings.Replace(n, "Hatched", "×", 1), "Crossed", "x", 1)
		paragraph(&b, strings.Replace(n, "A bar at the foot: the part of the cell that is", "-: at least half is", 1), width)
	}
	return b.String()
}

// textPanel is the part of a map that fits beside the names of its rows.
type textPanel struct {
	names, cell int // widths in columns
	from, to    int // the columns of the map
	printed     bool
	width       int // of the terminal
}

func (h HeatMap) panel(b *strings.Builder, l mapLayout, p textPanel) {
	if h.ColLabel != "" {
		b.WriteString(strings.Repeat(" ", p.names+1) + cut(clean(h.ColLabel), p.width-p.names-1) + "\n")
	}
	head := pad(cut(clean(h.RowLabel), p.names), p.names, Left)
	free := 0
	for j := p.from; j < p.to; j++ {
		name := nth(h.Cols, j)
		at := p.names + 1 + (p.cell+1)*(j-p.from)
		if p.printed {
			head = pad(head, at, Left) + pad(cut(name, p.cell), p.cell, Right)
		} else if at >= free {
			name = cut(name, min(12, max(1, p.width-at)))
			head = pad(head, at, Left) + name
			free = at + cells(name) + 1
		}
	}
	b.WriteString(strings.TrimRight(head, " ") + "\n")
	for i := range l.rows {
		line := pad(cut(nth(h.Rows, i), p.names), p.names, Left)
		for j := p.from; j < p.to; j++ {
			line += " " + h.textCell(l, i, j, p)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

func (h HeatMap) textCell(l mapLayout, i, j int, p textPanel) string {
	v := h.at(i, j)
	block := "×"
	if math.Abs(v) <= largest {
		_, t := h.shade(v, l.lo, l.hi)
		block = string(shades[min(int(t*float64(len(shades))), len(shades)-1)])
	}
	gap := " "
	switch m := h.mark(i, j); {
	case m >= 1:
		gap = "x"
	case m >= 0.5:
		gap = "-"
	}
	if !p.printed && gap != " " {
		return gap
	}
	if !p.printed {
		return block
	}
	written := ""
	if !math.IsNaN(v) { // "×" says that there is none
		written = l.write(v)
	}
	return pad(block+gap+pad(written, p.cell-2, Right), p.cell, Right)
}

// scale tells what the blocks mean.
func (h HeatMap) scale(b *strings.Builder, l mapLayout, values []float64, width int) {
	if len(values) == 0 {
		return
	}
	line := "\"" + string(shades) + "\" from " + l.write(l.lo) + " to " + l.write(l.hi)
	if name := h.name(); name != "" {
		line = name + ": " + line
	}
	b.WriteString(cut(line, width) + "\n")
}

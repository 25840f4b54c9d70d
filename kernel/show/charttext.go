package show

import (
	"math"
	"strings"
)

// glyphs are the signs of the series in a terminal, in the order of [markers].
var glyphs = []rune("●■▲◆▼+×○")

// Sizes of a chart in a terminal, in characters.
const (
	plotLines   = 15
	plotColumns = 72 // a wider terminal gets no wider plot
)

// plot is a chart drawn in characters.
type plot struct {
	cells [][]rune
	x, y  scale
}

// Text implements [Fragment]: a plot in characters with a sign per series, and the last value of each below.
func (c Chart) Text(width int) string {
	width = terminal(width)
	traces, notes := c.traces()
	l := c.layout(traces)
	var b strings.Builder
	headline(&b, c.Title, width)
	if l.empty {
		notes = append(notes, "There is nothing to draw.")
	} else {
		c.plot(&b, l, min(width, plotColumns))
		c.key(&b, l, width)
	}
	paragraph(&b, c.Caption, width)
	for _, n := range notes {
		paragraph(&b, n, width)
	}
	return b.String()
}

func (c Chart) plot(b *strings.Builder, l *layout, width int) {
	labels := make(map[int]string)
	margin := 0
	p := plot{x: l.x, y: l.y}
	p.y.from, p.y.to = plotLines-1, 0
	for _, t := range l.y.ticks {
		label := cut(l.y.write(t), width/3)
		labels[int(math.Round(p.y.at(t)))] = label
		margin = max(margin, cells(label))
	}
	columns := width - margin - 2
	p.x.from, p.x.to = 0, float64(columns-1)
	for range plotLines {
		p.cells = append(p.cells, []rune(strings.Repeat(" ", columns)))
	}
	for _, r := range c.References {
		p.reference(c, r)
	}
	for _, t := range l.traces {
		p.trace(t)
	}
	if name := l.yName; name != "" {
		b.WriteString(cut(name, width) + "\n")
	}
	if marks := p.markLine(c); marks != "" {
		b.WriteString(strings.Repeat(" ", margin+2) + marks + "\n")
	}
	for i, line := range p.cells {
		edge := "│"
		if labels[i] != "" {
			edge = "┤"
		}
		b.WriteString(strings.TrimRight(pad(labels[i], margin, Right)+" "+edge+string(line), " ") + "\n")
	}
	p.foot(b, l, margin)
}

// foot writes the X axis: its line with ticks, the labels that have room, its name.
func (p plot) foot(b *strings.Builder, l *layout, margin int) {
	columns := len(p.cells[0])
	line, names := []rune(strings.Repeat("─", columns)), []rune(strings.Repeat(" ", columns))
	free := 0
	for _, t := range l.x.ticks {
		at := int(math.Round(p.x.at(t)))
		if at < 0 || at >= columns {
			continue
		}
		line[at] = '┴'
		label := []rune(l.x.write(t))
		from := min(max(at-len(label)/2, 0), columns-len(label))
		if from >= free {
			copy(names[from:], label)
			free = from + len(label) + 1
		}
	}
	indent := strings.Repeat(" ", margin+1)
	b.WriteString(indent + "└" + string(line) + "\n")
	b.WriteString(strings.TrimRight(indent+" "+string(names), " ") + "\n")
	if l.xName != "" {
		b.WriteString(strings.TrimRight(indent+" "+pad(cut(l.xName, columns), columns, Center), " ") + "\n")
	}
}

func (p plot) set(x, y float64, r rune, over bool) {
	i, j := int(math.Round(y)), int(math.Round(x))
	if i < 0 || i >= len(p.cells) || j < 0 || j >= len(p.cells[i]) {
		return
	}
	if over || p.cells[i][j] == ' ' {
		p.cells[i][j] = r
	}
}

func (p plot) reference(c Chart, r Reference) {
	if r.Vertical && c.X.drawable(r.At) {
		for i := range p.cells {
			p.set(p.x.at(r.At), float64(i), '┆', true)
		}
	}
	if !r.Vertical && c.Y.drawable(r.At) {
		for j := range p.cells[0] {
			p.set(float64(j), p.y.at(r.At), '╌', true)
		}
	}
}

// trace draws dots between the points that are joined, then the points.
func (p plot) trace(t trace) {
	for _, run := range t.runs {
		for k := 1; k < len(run) && t.Style != Points; k++ {
			p.segment(run[k-1], run[k], t.Style)
		}
	}
	for _, run := range t.runs {
		for _, point := range run {
			p.set(p.x.at(point.x), p.y.at(point.y), glyphs[t.index%len(glyphs)], true)
		}
	}
}

func (p plot) segment(a, z point, style Style) {
	x0, y0, x1, y1 := p.x.at(a.x), p.y.at(a.y), p.x.at(z.x), p.y.at(z.y)
	steps := math.Min(math.Max(math.Abs(x1-x0), math.Abs(y1-y0)), 400)
	for k := 1.0; k < steps; k++ {
		if style == Steps {
			p.set(x0+(x1-x0)*k/steps, y0, '·', false)
			p.set(x1, y0+(y1-y0)*k/steps, '·', false)
			continue
		}
		p.set(x0+(x1-x0)*k/steps, y0+(y1-y0)*k/steps, '·', false)
	}
}

// key names the series with their signs and last values, and the references.
func (c Chart) key(b *strings.Builder, l *layout, width int) {
	var values []float64
	for _, t := range l.traces {
		if t.points > 0 {
			values = append(values, t.last().y)
		}
	}
	write := c.Y.Format.writer(values)
	for _, t := range l.traces {
		if t.points == 0 || (t.Name == "" && len(l.traces) == 1) {
			continue
		}
		b.WriteString(cut(string(glyphs[t.index%len(glyphs)])+" "+t.Name, width-20) + "  " + write(t.last().y) + "\n")
	}
	c.markKey(b, width)
	for _, r := range c.References {
		sign := "╌ "
		if r.Vertical {
			sign = "┆ "
		}
		axis := c.Y
		if r.Vertical {
			axis = c.X
		}
		b.WriteString(cut(sign+clean(r.Label), width-20) + "  " + axis.Format.writer([]float64{r.At})(r.At) + "\n")
	}
}

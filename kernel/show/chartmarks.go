package show

import (
	"fmt"
	"math"
	"strings"
)

// Mark is what happened along the X axis of a [Chart] without having a value, such as trials that failed: a cross above the plot.
type Mark struct {
	Label string
	X     []float64
}

// markGap is how far above the plot marks stand.
const markGap = 7.0

// markGlyph stands for marks in a terminal.
const markGlyph = '×'

// places are the X that can be drawn.
func (m Mark) places(x Axis) (in []float64) {
	for _, v := range m.X {
		if x.drawable(v) && !(x.fixed() && (v < x.Min || v > x.Max)) {
			in = append(in, v)
		}
	}
	return in
}

// marked are the X of all marks.
func (c Chart) marked() (xs []float64) {
	for _, m := range c.Marks {
		xs = append(xs, m.places(c.X)...)
	}
	return xs
}

func (l *layout) marks(v *canvas, c Chart) {
	for _, m := range c.Marks {
		places := m.places(c.X)
		write := l.x.format.writer(places)
		for _, x := range places {
			at, up := l.x.at(x), l.top-markGap
			v.draw("path", "", "class", "pare-k", "d", cross(at, up))
			v.draw("circle", clean(m.Label)+": "+orElse(l.xName, "x")+" "+write(x), "class", "pare-hit", "cx", at, "cy", up, "r", 7)
		}
	}
}

func cross(x, y float64) string {
	at := func(dx, dy float64) string { return px(x+dx) + " " + px(y+dy) }
	return "M" + at(-3.5, -3.5) + "L" + at(3.5, 3.5) + "M" + at(-3.5, 3.5) + "L" + at(3.5, -3.5)
}

// markLegend names the marks, after the series.
func (c Chart) markLegend(b *strings.Builder) {
	for _, m := range c.Marks {
		if len(m.places(c.X)) > 0 {
			fmt.Fprintf(b, `<li><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 30 14" aria-hidden="true"><path class="pare-k" d="%s"/></svg>%s</li>`,
				cross(15, 7), escape(clean(m.Label)))
		}
	}
}

// markLine is the line of marks above a plot in characters; "" where there are none.
func (p plot) markLine(c Chart) string {
	line := []rune(strings.Repeat(" ", len(p.cells[0])))
	xs := c.marked()
	for _, x := range xs {
		if j := int(math.Round(p.x.at(x))); j >= 0 && j < len(line) {
			line[j] = markGlyph
		}
	}
	if len(xs) == 0 {
		return ""
	}
	return strings.TrimRight(string(line), " ")
}

// markKey counts the marks below a plot in characters.
func (c Chart) markKey(b *strings.Builder, width int) {
	for _, m := range c.Marks {
		if n := len(m.places(c.X)); n > 0 {
			b.WriteString(cut(string(markGlyph)+" "+clean(m.Label), width-20) + fmt.Sprintf("  %d", n) + "\n")
		}
	}
}

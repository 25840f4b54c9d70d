package show

import (
	"fmt"
	"math"
	"strings"
)

// Mark is what happened along the X axis of a [Chart] without having a value that is drawn, such as trials that failed: a sign above the plot.
type Mark struct {
	Label string
	Sign  Sign
	X     []float64
}

// Sign is how a [Mark] looks: a cross, a triangle that points upwards, a ring.
type Sign int

// The signs.
const (
	Cross Sign = iota
	Up
	Ring
)

// glyph stands for the sign in a terminal.
func (s Sign) glyph() rune {
	switch s {
	case Up:
		return '△'
	case Ring:
		return '○'
	}
	return '×'
}

// path draws the sign around a point.
func (s Sign) path(x, y float64) string {
	at := func(dx, dy float64) string { return px(x+dx) + " " + px(y+dy) }
	switch s {
	case Up:
		return "M" + at(0, -4) + "L" + at(3.8, 3) + "L" + at(-3.8, 3) + "Z"
	case Ring:
		return "M" + at(-3.5, 0) + "A3.5 3.5 0 0 1 " + at(3.5, 0) + "A3.5 3.5 0 0 1 " + at(-3.5, 0) + "Z"
	}
	return cross(x, y)
}

// markGap is how far above the plot marks stand.
const markGap = 7.0

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
			v.draw("path", "", "class", "pare-k", "d", m.Sign.path(at, up))
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
				m.Sign.path(15, 7), escape(clean(m.Label)))
		}
	}
}

// markLine is the line of marks above a plot in characters; "" where there are none.
func (p plot) markLine(c Chart) string {
	line := []rune(strings.Repeat(" ", len(p.cells[0])))
	for _, m := range c.Marks {
		for _, x := range m.places(c.X) {
			if j := int(math.Round(p.x.at(x))); j >= 0 && j < len(line) {
				line[j] = m.Sign.glyph()
			}
		}
	}
	return strings.TrimRight(string(line), " ")
}

// markKey counts the marks below a plot in characters.
func (c Chart) markKey(b *strings.Builder, width int) {
	for _, m := range c.Marks {
		if n := len(m.places(c.X)); n > 0 {
			b.WriteString(cut(string(m.Sign.glyph())+" "+clean(m.Label), width-20) + fmt.Sprintf("  %d", n) + "\n")
		}
	}
}

package show

import (
	"fmt"
	"math"
	"strings"
)

// Text implements [Fragment]: a line for each panel, its first joined series as bars, and where it is least.
func (p Panels) Text(width int) string {
	width = terminal(width)
	l := p.layout()
	var b strings.Builder
	headline(&b, p.Title, width)
	names, x, y := p.textSpan(l)
	names = min(names, width/3)
	columns := min(32, max(width-names-26, 4))
	for i := range p.Panels {
		if !l.empty {
			b.WriteString(strings.TrimRight(cut(pad(cut(clean(p.Panels[i].Title), names), names, Left)+" "+p.sparks(l.traces[i], x, y, columns), width), " ") + "\n")
		}
	}
	if l.empty {
		l.notes = append(l.notes, "There is nothing to draw.")
	} else if len(y) > 0 {
		paragraph(&b, "Bars: "+p.Y.textRange("values", y)+", over "+p.X.textRange("position", x)+". Then the least, and where.", width)
	}
	paragraph(&b, p.Caption, width)
	for _, n := range l.notes {
		paragraph(&b, n, width)
	}
	return b.String()
}

// textRange is the axis' name with the ends of the values: "perplexity from 3 to 4".
func (a Axis) textRange(other string, values []float64) string {
	lo, hi := Axis{}.span(values)
	write := a.Format.writer([]float64{lo, hi})
	return fmt.Sprintf("%s from %s to %s", orElse(a.name(), other), write(lo), write(hi))
}

// textSpan is what the lines of text have in common: the width of the names, and the points of the series that they show.
func (p Panels) textSpan(l *panelLayout) (names int, x, y []float64) {
	for i, panel := range p.Panels {
		names = max(names, cells(clean(panel.Title)))
		if t := joined(l.traces[i]); t != nil {
			for _, run := range t.runs {
				for _, at := range run {
					x, y = append(x, at.x), append(y, at.y)
				}
			}
		}
	}
	return names, x, y
}

// joined is the first series that is a line.
func joined(traces []trace) *trace {
	for i := range traces {
		if traces[i].Style != Points && traces[i].points > 0 {
			return &traces[i]
		}
	}
	return nil
}

// sparks are a panel's line as bars, with its least value.
func (p Panels) sparks(traces []trace, x, y []float64, columns int) string {
	t := joined(traces)
	if t == nil {
		return ""
	}
	left, right := Axis{}.span(x)
	low, high := Axis{Log: p.Y.Log}.span(y)
	up := scale{lo: low, hi: high, log: p.Y.Log, to: 1}
	var line []rune
	for j := range columns {
		line = append(line, spark(up.at(t.interpolate(left+(right-left)*(float64(j)+.5)/float64(columns))), 0, 1))
	}
	least := t.runs[0][0]
	for _, run := range t.runs {
		for _, at := range run {
			if at.y < least.y {
				least = at
			}
		}
	}
	return string(line) + " " + p.Y.Format.writer(y)(least.y) + " at " + p.X.Format.writer([]float64{least.x})(least.x)
}

// interpolate is the value at x on the line between the points beside it, NaN where there are none.
func (t trace) interpolate(x float64) float64 {
	for _, run := range t.runs {
		for k := 1; k < len(run); k++ {
			if a, z := run[k-1], run[k]; a.x <= x && x <= z.x && a.x < z.x {
				return a.y + (z.y-a.y)*(x-a.x)/(z.x-a.x)
			}
		}
	}
	return math.NaN()
}

package show

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Parallel is points of many coordinates: an axis for each coordinate side by side, and a line through them for each point, coloured by a value, such as
// the trials of a search by their objective (parallel coordinates: A. Inselberg, "The plane with parallel coordinates", 1985).
type Parallel struct {
	Title, Caption string
	Axes           []Axis // one for each coordinate; one without a range gets that of all points
	Lines          []ParallelLine
	Value          Axis // what the colours tell; values beyond its range are drawn as its ends
	Best           Best // which values are good: Min unless it is Max; the best line stands out
}

// ParallelLine is one point.
type ParallelLine struct {
	Name  string
	At    []float64 // one for each axis; where it is not finite, or missing, the line has a gap
	Value float64
}

// Sizes of parallel coordinates, in units of their view box.
const (
	parallelHigh = 250.0
	nameTurned   = 0.72 // of its length is how far a name at an angle reaches up and right
	longestName  = 130.0
)

// parallelLayout is parallel coordinates with every place decided.
type parallelLayout struct {
	axes        []scale
	lines       []ParallelLine // with a value, the worst first; then those without
	value       scale
	shared      bool    // all axes have one range and one way to write numbers
	turned      bool    // names are written at an angle
	every       int     // only every such axis has a name
	room        float64 // for a name
	left, right float64
	top, bottom float64
	bad, gaps   int // lines without a value; places without a coordinate
}

// ranks orders lines from the worst to the best.
func (p Parallel) ranks() (lines []ParallelLine, bad int) {
	var without []ParallelLine
	for _, line := range p.Lines {
		if p.Value.drawable(line.Value) {
			lines = append(lines, line)
		} else {
			without = append(without, line)
		}
	}
	slices.SortStableFunc(lines, func(a, b ParallelLine) int {
		switch {
		case a.Value == b.Value:
			return 0
		case (a.Value > b.Value) == (p.Best != Max):
			return -1
		}
		return 1
	})
	return append(without, lines...), len(without)
}

func (p Parallel) layout() *parallelLayout {
	l := &parallelLayout{every: 1, top: 18, shared: true}
	l.lines, l.bad = p.ranks()
	var values []float64
	for _, line := range l.lines[l.bad:] {
		values = append(values, line.Value)
	}
	lo, hi := p.Value.span(values)
	l.value = scale{lo: lo, hi: hi, log: p.Value.Log, from: 0, to: 1, write: p.Value.Format.writer(append(values, lo, hi)), format: p.Value.Format}
	if p.Best != Max {
		l.value.from, l.value.to = 1, 0
	}
	longest := 0.0
	for k, a := range p.Axes {
		var at []float64
		for _, line := range l.lines {
			if v := line.at(k); a.drawable(v) {
				at = append(at, v)
			} else {
				l.gaps++
			}
		}
		lo, hi := a.span(at)
		s := scale{lo: lo, hi: hi, log: a.Log, format: a.Format, ticks: within(niceTicks(lo, hi, 6, whole(at)), scale{lo: lo, hi: hi})}
		s.write = a.Format.writer([]float64{lo, hi})
		l.axes = append(l.axes, s)
		l.shared = l.shared && !a.Log && s.lo == l.axes[0].lo && s.hi == l.axes[0].hi && a.Format == p.Axes[0].Format
		longest = max(longest, extent(a.name()))
	}
	l.place(min(longest, longestName))
	return l
}

// place finds room for names and numbers around the axes.
func (l *parallelLayout) place(longest float64) {
	n := float64(max(len(l.axes)-1, 1))
	l.room = longestName
	l.left, l.right = 34, chartWidth-14
	if step := (l.right - l.left - longest/2) / n; longest+8 > step {
		l.turned, l.right = true, chartWidth-longest*nameTurned-4
		l.top = 10 + longest*nameTurned
	} else {
		l.left, l.right = max(l.left, longest/2), chartWidth-max(14, longest/2)
		l.top, l.room = 26, min((l.right-l.left)/n-8, longestName)
	}
	if !l.shared {
		l.top += 14
	}
	l.every = max(1, int(math.Ceil(15*n/(l.right-l.left))))
	l.bottom = l.top + parallelHigh
	for k := range l.axes {
		l.axes[k].from, l.axes[k].to = l.bottom, l.top
	}
}

// x is the place of axis k.
func (l *parallelLayout) x(k int) float64 {
	if len(l.axes) == 1 {
		return (l.left + l.right) / 2
	}
	return l.left + (l.right-l.left)*float64(k)/float64(len(l.axes)-1)
}

func (line ParallelLine) at(k int) float64 {
	if k < len(line.At) {
		return line.At[k]
	}
	return math.NaN()
}

// goodness is where a value stands between the worst, 0, and the best, 1.
func (l *parallelLayout) goodness(v float64) float64 { return math.Min(math.Max(l.value.at(v), 0), 1) }

// shaded is the style of a line: from the colour of rules to that of the first series.
func shaded(property string, goodness float64) string {
	return fmt.Sprintf("%s:color-mix(in oklab,var(--p0) %d%%,var(--pr))", property, int(math.Round(100*goodness)))
}

// HTML implements [Fragment].
func (p Parallel) HTML() string {
	if len(p.Axes) == 0 || len(p.Lines) == 0 {
		return figure("parallel", p.Title, "", p.Caption, []string{"There is nothing to draw."})
	}
	l := p.layout()
	id := identity(fmt.Sprint(p))
	v := newCanvas(id, chartWidth, l.bottom+62, orElse(p.Title, "Parallel coordinates"), p.describe(l))
	p.axes(v, l)
	best := len(l.lines) - 1
	for i, line := range l.lines {
		style := shaded("stroke", l.goodness(line.Value))
		switch {
		case i < l.bad:
			style = "stroke:var(--pm);stroke-dasharray:2 4"
		case i == best:
			style = colour(1) + ";stroke:var(--c);stroke-width:2.75"
		}
		p.line(v, l, line, style)
	}
	p.bar(v, l, id)
	return figure("parallel", p.Title, v.String(), p.Caption, p.notes(l))
}

func (p Parallel) describe(l *parallelLayout) string {
	s := fmt.Sprintf("%s over %d axes.", plural(len(l.lines), "line"), len(l.axes))
	if best := len(l.lines) - 1; best >= l.bad {
		s += fmt.Sprintf(" The best is %s, %s %s.", clean(l.lines[best].Name), p.Value.name(), significant(l.lines[best].Value))
	}
	return s
}

func (p Parallel) notes(l *parallelLayout) (notes []string) {
	if l.bad > 0 {
		notes = append(notes, "Dashed: "+plural(l.bad, "line")+" without a value.")
	}
	if l.gaps > 0 {
		notes = append(notes, "Not drawn: "+plural(l.gaps, "place")+" without a coordinate.")
	}
	return notes
}

// axes draws the axes with their names and numbers: those of the first alone where all have one range.
func (p Parallel) axes(v *canvas, l *parallelLayout) {
	for k, s := range l.axes {
		x := l.x(k)
		v.line("pare-r", x, l.top, x, l.bottom)
		if k%l.every != 0 {
			continue
		}
		name := l.top - 8
		if !l.shared {
			name -= 14
			v.text("pare-m", middle, x, l.top-5, s.write(s.hi))
			v.text("pare-m", middle, x, l.bottom+14, s.write(s.lo))
		}
		if l.turned {
			v.text("", start, x, name, shorten(p.Axes[k].name(), l.room), "transform", "rotate(-45 "+px(x)+" "+px(name)+")")
		} else {
			v.text("", middle, x, name, shorten(p.Axes[k].name(), l.room))
		}
	}
	if l.shared {
		write := p.Axes[0].labels(l.axes[0].ticks)
		for _, t := range l.axes[0].ticks {
			y := l.axes[0].at(t)
			v.line("pare-g", l.left, y, l.x(len(l.axes)-1), y)
			v.text("pare-m", end, l.left-6, y+4, write(t))
		}
	}
}

// line draws one line, in pieces where coordinates are missing.
func (p Parallel) line(v *canvas, l *parallelLayout, line ParallelLine, style string) {
	var d strings.Builder
	move := "M"
	for k, s := range l.axes {
		at := line.at(k)
		if !p.Axes[k].drawable(at) {
			move = "M"
			continue
		}
		at = math.Min(math.Max(at, s.lo), s.hi)
		d.WriteString(move + px(l.x(k)) + " " + px(s.at(at)))
		move = "L"
	}
	if d.Len() == 0 {
		return
	}
	hover := orElse(clean(line.Name), "line") + ": " + orElse(p.Value.name(), "value") + " " + l.value.write(line.Value)
	v.draw("path", "", "class", "pare-j", "d", d.String(), "style", style)
	v.draw("path", hover, "class", "pare-w", "d", d.String())
}

// bar draws what the colours mean.
func (p Parallel) bar(v *canvas, l *parallelLayout, id string) {
	const width = 220.0
	y := l.bottom + 26
	if l.bad == len(l.lines) {
		return
	}
	left, right := l.value.lo, l.value.hi // the best stands right
	if p.Best != Max {
		left, right = right, left
	}
	fmt.Fprintf(&v.b, `<defs><linearGradient id="%s-g">`, id)
	for k := range 12 {
		t := float64(k) / 11
		fmt.Fprintf(&v.b, `<stop offset="%s" style="%s"/>`, px(t), shaded("stop-color", t))
	}
	v.b.WriteString("</linearGradient></defs>")
	v.draw("rect", "", "x", l.left, "y", y, "width", width, "height", colourBar, "rx", 2.0, "fill", "url(#"+id+"-g)")
	v.text("pare-m", start, l.left, y+26, l.value.write(left))
	v.text("pare-m", end, l.left+width, y+26, l.value.write(right))
	best := l.lines[len(l.lines)-1]
	v.text("pare-m", start, l.left+width+14, y+9, shorten(p.Value.name(), chartWidth-l.left-width-14))
	v.text("pare-t", start, l.left+width+14, y+26, shorten("best: "+strings.TrimSpace(clean(best.Name)+" "+l.value.write(best.Value)), chartWidth-l.left-width-14), "style", colour(1))
}

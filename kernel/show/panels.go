package show

import (
	"fmt"
	"math"
	"strings"
)

// Panels are small charts side by side that share both axes, such as what each of several variables does to one value.
type Panels struct {
	Title, Caption string
	X, Y           Axis
	Panels         []Panel
	Columns        int // how many stand side by side; 0 is four
}

// Panel is one of [Panels]. Series of one place in the list have one colour in all panels, and the names of the first panel's are the legend.
type Panel struct {
	Title  string
	Series []Series
}

// Sizes of panels, in units of their view box.
const (
	panelColumns = 4 // unless asked otherwise
	mostColumns  = 8
	panelHigh    = 92.0 // the plot alone
	panelHead    = 20.0 // the title above it
	panelFoot    = 32.0 // the labels below it
	panelGap     = 18.0
)

// panelLayout is panels with every place decided.
type panelLayout struct {
	x, y          scale
	traces        [][]trace
	notes         []string
	left, wide    float64
	columns, rows int
	top, height   float64
	empty         bool
}

func (p Panels) chart(i int) Chart { return Chart{X: p.X, Y: p.Y, Series: p.Panels[i].Series} }

func (p Panels) layout() *panelLayout {
	l := &panelLayout{top: 18}
	var xs, ys []float64
	missing, outside := 0, 0
	for i := range p.Panels {
		traces, _ := p.chart(i).traces()
		m, o := p.missing(i)
		missing, outside = missing+m, outside+o
		for _, t := range traces {
			for _, run := range t.runs {
				for _, at := range run {
					xs, ys = append(xs, at.x), append(ys, at.y, at.low, at.high)
				}
			}
		}
		l.traces = append(l.traces, traces)
	}
	l.empty = len(xs) == 0
	if missing > 0 {
		l.notes = append(l.notes, "Not drawn: "+plural(missing, "point")+" not finite or not on the axis.")
	}
	if outside > 0 {
		l.notes = append(l.notes, "Beyond the axes: "+plural(outside, "point")+".")
	}
	l.x, l.y = p.X.fit(xs, 5, false), p.Y.fit(ys, 4, true)
	for _, t := range l.y.ticks {
		l.left = max(l.left, extent(l.y.write(t)))
	}
	l.left += 12
	l.columns = panelColumns
	if p.Columns > 0 {
		l.columns = min(p.Columns, mostColumns)
	}
	l.columns = min(max(len(p.Panels), 1), l.columns)
	l.rows = (len(p.Panels) + l.columns - 1) / l.columns
	l.wide = (chartWidth - l.left - 8 - panelGap*float64(l.columns-1)) / float64(l.columns)
	l.height = l.top + float64(l.rows)*(panelHead+panelHigh+panelFoot)
	if p.X.name() != "" {
		l.height += 16
	}
	return l
}

// missing counts the points of a panel that have no place, and those beyond fixed axes.
func (p Panels) missing(i int) (missing, outside int) {
	for _, s := range p.Panels[i].Series {
		t := trace{Series: s}
		m, o := t.split(p.X, p.Y)
		missing, outside = missing+m, outside+o
	}
	return missing, outside
}

// HTML implements [Fragment].
func (p Panels) HTML() string {
	l := p.layout()
	if l.empty {
		return figure("panels", p.Title, "", p.Caption, append(l.notes, "There is nothing to draw."))
	}
	var b strings.Builder
	if first := p.chart(0); named(l.traces[0]) {
		first.legend(&b, l.traces[0], true)
	}
	id := identity(fmt.Sprint(p))
	v := newCanvas(id, chartWidth, l.height, orElse(p.Title, "Panels"), p.describe(l))
	fmt.Fprintf(&v.b, `<defs><clipPath id="%s-c"><rect x="-3" y="-3" width="%s" height="%s"/></clipPath></defs>`, id, px(l.wide+6), px(panelHigh+6))
	v.text("pare-m", start, 0, 12, shorten(p.Y.name(), chartWidth))
	for i := range p.Panels {
		p.panel(v, l, id, i)
	}
	v.text("pare-m", middle, (l.left+chartWidth)/2, l.height-4, shorten(p.X.name(), chartWidth-l.left))
	b.WriteString(v.String())
	return figure("panels", p.Title, b.String(), p.Caption, l.notes)
}

func named(traces []trace) bool {
	for _, t := range traces {
		if t.Name != "" {
			return true
		}
	}
	return false
}

func (p Panels) describe(l *panelLayout) string {
	return fmt.Sprintf("%s over %s, %s.", orElse(p.Y.name(), "Values"), orElse(p.X.name(), "position"), plural(len(p.Panels), "panel"))
}

// panel draws one chart at its place in the grid.
func (p Panels) panel(v *canvas, l *panelLayout, id string, i int) {
	column, row := i%l.columns, i/l.columns
	x := l.left + float64(column)*(l.wide+panelGap)
	y := l.top + float64(row)*(panelHead+panelHigh+panelFoot) + panelHead
	one := &layout{traces: l.traces[i], x: l.x, y: l.y, right: l.wide, bottom: panelHigh, small: true, xName: p.X.name(), yName: p.Y.name()}
	one.x.from, one.x.to, one.y.from, one.y.to = 0, l.wide, panelHigh, 0
	v.group("transform", "translate("+px(x)+" "+px(y)+")")
	v.text("", start, 0, -7, shorten(clean(p.Panels[i].Title), l.wide))
	one.panelAxes(v, column == 0)
	v.group("clip-path", "url(#"+id+"-c)")
	for _, t := range one.traces {
		one.band(v, t)
	}
	for _, t := range one.traces {
		one.line(v, t)
	}
	v.end()
	for _, t := range one.traces {
		t.Name = strings.TrimPrefix(clean(p.Panels[i].Title)+", "+t.Name, ", ")
		one.hovers(v, t)
	}
	v.end()
}

// panelAxes draws the grid, the labels of X, and where the panel is the first of its row those of Y.
func (l *layout) panelAxes(v *canvas, first bool) {
	for _, t := range l.y.ticks {
		at := l.y.at(t)
		v.line("pare-g", 0, at, l.right, at)
		if first {
			v.text("pare-m", end, -8, at+4, l.y.write(t))
		}
	}
	v.line("pare-r", 0, l.bottom, l.right, l.bottom)
	free := math.Inf(-1)
	for _, t := range l.x.ticks {
		at, label := l.x.at(t), l.x.write(t)
		v.line("pare-r", at, l.bottom, at, l.bottom+3)
		if half := extent(label) / 2; at-half > free {
			v.text("pare-m", middle, at, l.bottom+15, label)
			free = at + half + 6
		}
	}
}

package show

import (
	"fmt"
	"strings"
)

// draw writes the picture of a chart that has been laid out.
func (l *layout) draw(c Chart) string {
	id := identity(fmt.Sprint(c))
	v := newCanvas(id, chartWidth, chartHeight, orElse(c.Title, orElse(l.yName, "Chart")), l.description)
	fmt.Fprintf(&v.b, `<defs><clipPath id="%s-c"><rect x="%s" y="%s" width="%s" height="%s"/></clipPath></defs>`,
		id, px(l.left), px(l.top-6), px(l.right-l.left+6), px(l.bottom-l.top+12))
	l.axes(v)
	for _, r := range c.References {
		l.reference(v, c, r)
	}
	v.group("clip-path", "url(#"+id+"-c)")
	for _, t := range l.traces {
		l.band(v, t)
	}
	for _, t := range l.traces {
		l.line(v, t)
	}
	v.end()
	l.marks(v, c)
	l.names(v)
	for _, t := range l.traces {
		l.hovers(v, t)
	}
	return v.String()
}

// axes draws a light grid, the ticks' labels, and the names: that of Y above its labels, where it reads without turning.
func (l *layout) axes(v *canvas) {
	for _, t := range l.y.ticks {
		y := l.y.at(t)
		v.line("pare-g", l.left, y, l.right, y)
		v.text("pare-m", end, l.left-8, y+4, l.y.write(t))
	}
	v.line("pare-r", l.left, l.bottom, l.right, l.bottom)
	free := -1e9
	for _, t := range l.x.ticks {
		x, label := l.x.at(t), l.x.write(t)
		v.line("pare-r", x, l.bottom, x, l.bottom+4)
		if half := extent(label) / 2; x-half > free {
			v.text("pare-m", middle, x, l.bottom+18, label)
			free = x + half + 6
		}
	}
	v.text("pare-m", start, 0, 12, shorten(l.yName, chartWidth))
	center := (l.left + l.right) / 2
	v.text("pare-m", middle, center, l.bottom+38, shorten(l.xName, 2*min(center, chartWidth-center)))
}

func (l *layout) reference(v *canvas, c Chart, r Reference) {
	switch {
	case r.Vertical && c.X.drawable(r.At) && l.x.holds(r.At):
		x := l.x.at(r.At)
		v.line("pare-ref", x, l.top, x, l.bottom)
		anchor, at := start, x+5
		if x > (l.left+l.right)/2 {
			anchor, at = end, x-5
		}
		v.text("pare-m pare-h", anchor, at, l.top+10, shorten(clean(r.Label), labelRoom))
	case !r.Vertical && c.Y.drawable(r.At) && l.y.holds(r.At):
		v.line("pare-ref", l.left, l.y.at(r.At), l.right, l.y.at(r.At))
	}
}

// band draws the area between low and high, or an error bar at each point of a series that is not joined.
func (l *layout) band(v *canvas, t trace) {
	v.group("style", colour(t.index))
	defer v.end()
	for _, run := range t.runs {
		if t.Style == Points || len(run) == 1 {
			for _, p := range run {
				if p.banded {
					x, y1, y2 := l.x.at(p.x), l.y.at(p.low), l.y.at(p.high)
					v.draw("path", "", "class", "pare-e", "d", fmt.Sprintf("M%s %sV%sM%s %sH%sM%s %sH%s", px(x), px(y1), px(y2), px(x-4), px(y1), px(x+4), px(x-4), px(y2), px(x+4)))
				}
			}
			continue
		}
		banded := false
		var upper, lower []point
		for _, p := range run {
			banded = banded || p.banded
			upper, lower = append(upper, point{x: p.x, y: l.y.clamp(p.high)}), append(lower, point{x: p.x, y: l.y.clamp(p.low)})
		}
		if banded {
			v.draw("path", "", "class", "pare-b", "d", l.path(upper, t.Style, false)+l.path(lower, t.Style, true)+"Z")
		}
	}
}

// line draws the joined points and, while they are few, the sign of the series on each.
func (l *layout) line(v *canvas, t trace) {
	v.group("style", colour(t.index))
	defer v.end()
	for _, run := range t.runs {
		if t.Style != Points && len(run) > 1 {
			class := "pare-l"
			if len(run) > 500 {
				class = "pare-l pare-f"
			}
			v.draw("path", "", "class", class, "d", l.path(thin(run, l.x), t.Style, false), "stroke-dasharray", t.dash())
		}
		if t.marked() || len(run) == 1 {
			for _, p := range run {
				v.sign(t.index, l.x.at(p.x), l.y.at(p.y), l.small)
			}
		}
	}
}

// path writes points as path data: from the first onwards, or, to close a band, from the last back with a line to it.
func (l *layout) path(points []point, style Style, back bool) string {
	var b strings.Builder
	for k := range points {
		i := k
		if back {
			i = len(points) - 1 - k
		}
		x, y := px(l.x.at(points[i].x)), px(l.y.at(points[i].y))
		switch {
		case k == 0 && !back:
			b.WriteString("M" + x + " " + y)
		case k == 0:
			b.WriteString("L" + x + " " + y)
		case style == Steps && !back:
			b.WriteString("H" + x + "V" + y)
		case style == Steps:
			b.WriteString("V" + y + "H" + x)
		default:
			b.WriteString("L" + x + " " + y)
		}
	}
	return b.String()
}

// thin leaves of each column of one unit the first, lowest, highest and last point, which draws the same line: U. Jugel et al.,
// "M4: A Visualization-Oriented Time Series Data Aggregation", VLDB 2014. Runs that are short or not in order of x stay whole.
func thin(run []point, x scale) []point {
	if len(run) < 4*chartWidth {
		return run
	}
	var out []point
	for i := 0; i < len(run); {
		first, low, high, j := i, i, i, i
		for ; j < len(run) && int(x.at(run[j].x)) == int(x.at(run[first].x)); j++ {
			if run[j].y < run[low].y {
				low = j
			}
			if run[j].y > run[high].y {
				high = j
			}
		}
		for _, k := range []int{first, min(low, high), max(low, high), j - 1} {
			if len(out) == 0 || out[len(out)-1].index < run[k].index {
				out = append(out, run[k])
			}
		}
		i = j
	}
	return out
}

// names writes the names beside the plot, with a thin line where one had to move away from what it names.
func (l *layout) names(v *canvas) {
	for _, e := range l.labels {
		if diff := e.at - e.y; diff > 7 || diff < -7 {
			v.line("pare-r", max(e.x, l.right-2)+4, e.y, l.right+11, e.at)
		}
		if e.series < 0 {
			v.text("pare-m", start, l.right+14, e.at+4, e.text)
			continue
		}
		v.text("pare-t", start, l.right+14, e.at+4, e.text, "style", colour(e.series))
	}
}

// manyHovers is the number of points of one chart from which only every k-th carries a hover text.
const manyHovers = 600

// hovers lays an invisible disc with the numbers over each point.
func (l *layout) hovers(v *canvas, t trace) {
	total := 0
	for _, other := range l.traces {
		total += other.points
	}
	var xs, ys []float64
	for _, run := range t.runs {
		for _, p := range run {
			xs, ys = append(xs, p.x), append(ys, p.y, p.low, p.high)
		}
	}
	wx, wy := l.x.format.writer(xs), l.y.format.writer(ys)
	for _, run := range t.runs {
		for _, p := range run {
			if p.index%(total/manyHovers+1) != 0 || !l.x.holds(p.x) || !l.y.holds(p.y) {
				continue
			}
			v.draw("circle", t.hover(p, l, wx, wy), "class", "pare-hit", "cx", l.x.at(p.x), "cy", l.y.at(p.y), "r", 7)
		}
	}
}

func (t trace) hover(p point, l *layout, wx, wy func(float64) string) string {
	s := ""
	if t.Name != "" {
		s = t.Name + ": "
	}
	s += orElse(l.xName, "x") + " " + wx(p.x) + ", " + orElse(l.yName, "y") + " " + wy(p.y)
	if p.banded {
		s += " (" + wy(p.low) + " to " + wy(p.high) + ")"
	}
	return s
}

package show

import (
	"fmt"
	"strings"
)

// Style is how the points of a [Series] are joined.
type Style int

// Line joins points; Steps holds each value until the next point, as an incumbent does; Points leaves them apart; Curve joins points and puts no
// sign on them, as for what was computed rather than measured.
const (
	Line Style = iota
	Points
	Steps
	Curve
)

// Series is one thing measured along the X axis.
type Series struct {
	Name      string
	X, Y      []float64 // X may be nil: 0, 1, 2, …
	Low, High []float64 // nil, or the ends of a band (of error bars with [Points]) around each Y
	Style     Style
}

// Reference is a line across the chart at one value, such as the dense model's perplexity.
type Reference struct {
	Label    string
	At       float64
	Vertical bool // At is on the X axis
}

// Chart is series over two axes.
type Chart struct {
	Title, Caption string
	X, Y           Axis
	Series         []Series
	References     []Reference
	Marks          []Mark
}

// point is one measurement that can be drawn, in values, not places.
type point struct {
	x, y      float64
	low, high float64 // equal to y where there is no band
	banded    bool
	index     int // among all points of its series
}

// trace is a series ready to be drawn: its drawable points in runs without gaps.
type trace struct {
	Series
	index  int // of the series, for colour and shape
	runs   [][]point
	points int
}

// traces sorts out what can be drawn. Notes say what cannot, so that nothing vanishes in silence.
func (c Chart) traces() (traces []trace, notes []string) {
	for i, s := range c.Series {
		t := trace{Series: s, index: i}
		if t.Name = clean(s.Name); t.Name == "" && len(c.Series) > 1 {
			t.Name = fmt.Sprintf("series %d", i+1)
		}
		missing, outside := t.split(c.X, c.Y)
		name := t.Name
		if name == "" {
			name = "the series"
		}
		if missing > 0 {
			notes = append(notes, fmt.Sprintf("Not drawn in %s: %s not finite or not on the axis.", name, plural(missing, "point")))
		}
		if outside > 0 {
			notes = append(notes, fmt.Sprintf("Outside the axes in %s: %s.", name, plural(outside, "point")))
		}
		if s.X != nil && len(s.X) != len(s.Y) {
			notes = append(notes, fmt.Sprintf("In %s there are %d X for %d Y; what has no partner is not drawn.", name, len(s.X), len(s.Y)))
		}
		traces = append(traces, t)
	}
	return traces, notes
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return thousands(float64(n), 0) + " " + what + "s"
}

// split fills the runs, and counts the points that have no place and those beyond a fixed range.
func (t *trace) split(x, y Axis) (missing, outside int) {
	open := false
	for i := range t.Y {
		if t.X != nil && i >= len(t.X) {
			break
		}
		p := t.point(i)
		if !x.drawable(p.x) || !y.drawable(p.y) {
			missing, open = missing+1, false
			continue
		}
		if (x.fixed() && (p.x < x.Min || p.x > x.Max)) || (y.fixed() && (p.y < y.Min || p.y > y.Max)) {
			outside++
		}
		p.band(t.Series, i, y)
		if !open {
			t.runs, open = append(t.runs, nil), true
		}
		last := len(t.runs) - 1
		t.runs[last] = append(t.runs[last], p)
		t.points++
	}
	return missing, outside
}

func (t *trace) point(i int) point {
	p := point{x: float64(i), y: t.Y[i], index: i}
	if t.X != nil {
		p.x = t.X[i]
	}
	p.low, p.high = p.y, p.y
	return p
}

// band takes over the ends of the band where both can be drawn; on a logarithmic axis a lower end that is not positive
// cannot, and the band then ends at the point.
func (p *point) band(s Series, i int, y Axis) {
	if i < len(s.Low) && y.drawable(s.Low[i]) {
		p.low, p.banded = s.Low[i], true
	}
	if i < len(s.High) && y.drawable(s.High[i]) {
		p.high, p.banded = s.High[i], true
	}
}

// HTML implements [Fragment].
func (c Chart) HTML() string {
	traces, notes := c.traces()
	l := c.layout(traces)
	var b strings.Builder
	if l.empty {
		notes = append(notes, "There is nothing to draw.")
		return figure("chart", c.Title, "", c.Caption, notes)
	}
	if l.legend {
		c.legend(&b, traces, false)
	}
	b.WriteString(l.draw(c))
	return figure("chart", c.Title, b.String(), c.Caption, notes)
}

// legend writes the names of the series with their signs, as a list above the picture.
func (c Chart) legend(b *strings.Builder, traces []trace, small bool) {
	b.WriteString(`<ul class="pare-legend">`)
	for _, t := range traces {
		s := canvas{}
		if t.Style != Points {
			s.draw("path", "", "class", "pare-l", "d", "M1 7L29 7", "stroke-dasharray", t.dash())
		}
		if t.marked() {
			s.sign(t.index, 15, 7, small)
		}
		fmt.Fprintf(b, `<li><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 30 14" aria-hidden="true" style="%s">%s</svg>%s</li>`,
			colour(t.index), s.b.String(), escape(t.Name))
	}
	c.markLegend(b)
	b.WriteString("</ul>")
}

// marked says whether each point carries the sign of its series.
func (t trace) marked() bool { return t.Style == Points || t.Style != Curve && t.points <= manyPoints }

// dash returns the dash pattern of the line: solid while markers tell the series apart, except beyond the eighth.
func (t trace) dash() string {
	if t.marked() {
		return dashes[t.index/len(markers)%len(dashes)]
	}
	return dashes[(t.index+t.index/len(dashes))%len(dashes)]
}

// describe tells the chart in words for those who cannot see it.
func (c Chart) describe(traces []trace) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s over %s.", orElse(c.Y.name(), "Values"), orElse(c.X.name(), "position"))
	for i, t := range traces {
		if i == 12 {
			fmt.Fprintf(&b, " And %d more.", len(traces)-i)
			break
		}
		if t.points == 0 {
			fmt.Fprintf(&b, " %s: no points.", orElse(t.Name, "Series"))
			continue
		}
		first, last := t.runs[0][0], t.runs[len(t.runs)-1][len(t.runs[len(t.runs)-1])-1]
		fmt.Fprintf(&b, " %s: %s, from %s at %s to %s at %s.", orElse(t.Name, "Series"), plural(t.points, "point"),
			significant(first.y), significant(first.x), significant(last.y), significant(last.x))
	}
	for _, m := range c.Marks {
		fmt.Fprintf(&b, " %s: %s.", orElse(clean(m.Label), "Marked"), plural(len(m.X), "time"))
	}
	return b.String()
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

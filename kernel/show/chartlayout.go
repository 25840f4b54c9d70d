package show

import "sort"

// Sizes of a chart, in units of its view box.
const (
	chartWidth  = 748.0
	chartHeight = 340.0
	chartTop    = 28.0 // above the plot, where the name of the Y axis stands
	chartBottom = 46.0
	labelRoom   = 190.0 // the most that names beside the line ends may take
	labelStep   = 15.0  // between the baselines of two such names
	manyLabels  = 10    // more series than this have a legend
	manyPoints  = 30    // a series with more points than this is drawn without markers
	boldness    = 1.12  // how much wider a bold text is
)

// layout is a chart with every place decided.
type layout struct {
	traces       []trace
	x, y         scale
	legend       bool // names stand above the plot, not beside the line ends
	empty        bool
	small        bool // points are dots
	labels       []endLabel
	description  string
	left, right  float64
	top, bottom  float64
	xName, yName string
}

// endLabel is a name beside the plot's right side, joined to what it names.
type endLabel struct {
	text   string
	series int // -1 for a reference
	x, y   float64
	at     float64 // where the name stands after room was made
}

func (c Chart) layout(traces []trace) *layout {
	l := &layout{traces: traces, description: c.describe(traces), top: chartTop, bottom: chartHeight - chartBottom, xName: c.X.name(), yName: c.Y.name()}
	var xs, ys []float64
	for _, t := range traces {
		for _, run := range t.runs {
			for _, p := range run {
				xs, ys = append(xs, p.x), append(ys, p.y, p.low, p.high)
			}
		}
	}
	l.empty = len(xs) == 0
	xs = append(xs, c.marked()...)
	for _, r := range c.References {
		if r.Vertical && c.X.drawable(r.At) {
			xs = append(xs, r.At)
		} else if !r.Vertical && c.Y.drawable(r.At) {
			ys = append(ys, r.At)
		}
	}
	l.x, l.y = c.X.fit(xs, 8, false), c.Y.fit(ys, 7, true)
	l.legend = c.needsLegend(traces, l.x)
	l.margins(c)
	l.x.from, l.x.to = l.left, l.right
	l.y.from, l.y.to = l.bottom, l.top
	l.place(c)
	return l
}

// needsLegend says whether names cannot stand at the line ends: too many, too long, or lines that end far from the right.
func (c Chart) needsLegend(traces []trace, x scale) bool {
	if len(c.marked()) > 0 {
		return true
	}
	named := 0
	x.from, x.to = 0, 1
	for _, t := range traces {
		if t.Name == "" || t.points == 0 {
			continue
		}
		named++
		if t.Style == Points || extent(t.Name)*boldness > labelRoom || x.at(t.last().x) < 0.8 {
			return true
		}
	}
	return named > manyLabels
}

func (t trace) last() point {
	best := t.runs[0][0]
	for _, run := range t.runs {
		for _, p := range run {
			if p.x >= best.x {
				best = p
			}
		}
	}
	return best
}

// margins leaves room for the tick labels on the left and the names on the right.
func (l *layout) margins(c Chart) {
	for _, t := range l.y.ticks {
		l.left = max(l.left, extent(l.y.write(t)))
	}
	l.left += 12
	room := 0.0
	if !l.legend {
		for _, t := range l.traces {
			room = max(room, extent(t.Name)*boldness)
		}
	}
	for _, r := range c.References {
		if !r.Vertical {
			room = max(room, min(extent(clean(r.Label)), labelRoom))
		}
	}
	if room > 0 {
		room += 14
	}
	l.right = chartWidth - max(room, 14)
}

// place finds where the names beside the plot stand: each as near as possible to its line without covering another.
func (l *layout) place(c Chart) {
	if !l.legend {
		for i, t := range l.traces {
			if p := (point{}); t.Name != "" && t.points > 0 {
				p = t.last()
				y := min(max(l.y.at(p.y), l.top), l.bottom)
				l.labels = append(l.labels, endLabel{text: t.Name, series: i, x: min(l.x.at(p.x), l.right), y: y})
			}
		}
	}
	for _, r := range c.References {
		if !r.Vertical && r.Label != "" && c.Y.drawable(r.At) && l.y.holds(r.At) {
			l.labels = append(l.labels, endLabel{text: shorten(clean(r.Label), labelRoom), series: -1, x: l.right, y: l.y.at(r.At)})
		}
	}
	spread(l.labels, l.top, l.bottom)
}

// spread moves labels apart to labelStep, in the order of their lines, within top and bottom as far as these allow.
func spread(labels []endLabel, top, bottom float64) {
	sort.SliceStable(labels, func(i, j int) bool { return labels[i].y < labels[j].y })
	for i := range labels {
		labels[i].at = labels[i].y
	}
	// Neighbours that are too close share their displacement; a few rounds settle the few labels there are.
	for range 60 {
		for i := 1; i < len(labels); i++ {
			if gap := labels[i].at - labels[i-1].at; gap < labelStep {
				labels[i-1].at -= (labelStep - gap) / 2
				labels[i].at += (labelStep - gap) / 2
			}
		}
		for i := range labels {
			labels[i].at = min(max(labels[i].at, top-8), bottom+8)
		}
	}
	for i := 1; i < len(labels); i++ {
		labels[i].at = max(labels[i].at, labels[i-1].at+labelStep)
	}
}

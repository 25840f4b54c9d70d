package show

import (
	"math"
	"slices"
	"strings"
)

// course is how a metric went.
type course struct {
	name string
	x, y []float64 // steps and values; of a long one every second, fourth, … value
	next int       // step from which on the next value is kept
	by   int       // steps between those kept
}

// mostPoints is when every second point of a course is left out.
const mostPoints = 2048

// sparkColumns is the length of a course in a line.
const sparkColumns = 16

// Curve has the course of some metrics drawn besides: in a cell as a chart that grows, in a line of text as a row of blocks. Call it before they are
// reported. Text then names these metrics alone.
func (p *Progress) Curve(metrics ...string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range metrics {
		p.state.curves = append(p.state.curves, course{name: clean(name), by: 1})
	}
}

// follow notes a value of a metric that is drawn.
func (s *progressState) follow(name string, step int, value float64) {
	for i := range s.curves {
		c := &s.curves[i]
		if c.name != name || step < c.next {
			continue
		}
		if len(c.x) == mostPoints {
			c.x, c.y, c.by = everySecond(c.x), everySecond(c.y), 2*c.by
		}
		c.x, c.y, c.next = append(c.x, float64(step)), append(c.y, value), step+c.by
	}
}

func everySecond(values []float64) []float64 {
	half := make([]float64, 0, mostPoints)
	for i := 0; i < len(values); i += 2 {
		half = append(half, values[i])
	}
	return half
}

// curve finds the course of a metric.
func (s progressState) curve(metric string) (course, bool) {
	i := slices.IndexFunc(s.curves, func(c course) bool { return c.name == metric })
	if i < 0 {
		return course{}, false
	}
	return s.curves[i], true
}

// spark draws the course in one line: the mean of each part of it, from the lowest to the highest. A part that is not finite is a question mark.
func (c course) spark() string {
	n := min(sparkColumns, len(c.y))
	means, lo, hi := make([]float64, n), math.Inf(1), math.Inf(-1)
	for i := range means {
		part := c.y[i*len(c.y)/n : (i+1)*len(c.y)/n]
		for _, v := range part {
			means[i] += v / float64(len(part))
		}
		if !math.IsNaN(means[i]) && !math.IsInf(means[i], 0) {
			lo, hi = min(lo, means[i]), max(hi, means[i])
		}
	}
	blocks := []rune("▁▂▃▄▅▆▇█")
	var b strings.Builder
	for _, v := range means {
		switch {
		case math.IsNaN(v) || math.IsInf(v, 0):
			b.WriteByte('?')
		case hi == lo:
			b.WriteRune(blocks[len(blocks)/2])
		default:
			b.WriteRune(blocks[int(math.Round((v-lo)/(hi-lo)*float64(len(blocks)-1)))])
		}
	}
	return b.String()
}

// chart draws the courses; with fewer than two points there is nothing to see.
func (s progressState) chart() string {
	c := Chart{X: Axis{Label: "step"}}
	for _, course := range s.curves {
		if len(course.x) > 1 {
			c.Series = append(c.Series, Series{Name: course.name, X: course.x, Y: course.y})
		}
	}
	if len(c.Series) == 0 {
		return ""
	}
	return c.HTML()
}

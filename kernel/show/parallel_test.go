package show

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The better a line, the more of the series' colour it has, and the best is drawn last, in a colour of its own; so with either notion of good.
func TestParallelColoursByValue(t *testing.T) {
	shade := regexp.MustCompile(`class="pare-j"[^>]*stroke:color-mix\(in oklab,var\(--p0\) (\d+)%`)
	for _, best := range []Best{Min, Max} {
		p := Parallel{Axes: []Axis{{Label: "a"}, {Label: "b"}}, Best: best, Value: Axis{Label: "loss"}}
		for i, v := range []float64{3, 1, 4, 2, math.NaN()} {
			p.Lines = append(p.Lines, ParallelLine{Name: strconv.Itoa(i), At: []float64{v, float64(i)}, Value: v})
		}
		html := p.HTML()
		var shades []int
		for _, m := range shade.FindAllStringSubmatch(html, -1) {
			n, _ := strconv.Atoi(m[1])
			shades = append(shades, n)
		}
		if !slices.Equal(shades, []int{0, 33, 67}) { // the best has the colour of the second series
			t.Errorf("%v: shades %v", best, shades)
		}
		want := "best: 1 1"
		if best == Max {
			want = "best: 2 4"
		}
		if !strings.Contains(html, want) || strings.Count(html, "stroke:var(--c);stroke-width:2.75") != 1 || !strings.Contains(html, "Dashed: 1 line without a value") {
			t.Errorf("%v: expected %q in %s", best, want, html[strings.Index(html, "<svg"):])
		}
		last := html[strings.LastIndex(html, `class="pare-w"`):]
		if name := strings.Fields(want)[1]; !strings.Contains(last, "<title>"+name+": loss ") {
			t.Errorf("%v: drawn last: %s", best, last)
		}
	}
}

// Axes of one range have one set of numbers, others each their own.
func TestParallelSharesAnAxis(t *testing.T) {
	p := Parallel{Axes: []Axis{{Min: 0, Max: 1}, {Min: 0, Max: 1}}, Lines: []ParallelLine{{"", []float64{0.5, 0.25}, 1}}}
	if !p.layout().shared {
		t.Error("axes of one range share nothing")
	}
	p.Axes[1].Max = 2
	if p.layout().shared {
		t.Error("axes of two ranges share one")
	}
}

// Panels share both axes: the same value is at the same height in each, whatever else a panel has.
func TestPanelsShareAxes(t *testing.T) {
	p := Panels{Panels: []Panel{{Title: "one", Series: []Series{{Style: Curve, Y: []float64{1, 2}}}}, {Title: "two", Series: []Series{{Style: Curve, Y: []float64{1, 2, 50}}}}}}
	paths := regexp.MustCompile(`class="pare-l" d="([^"]*)"`).FindAllStringSubmatch(p.HTML(), -1)
	if len(paths) != 2 {
		t.Fatalf("%d lines, expected 2", len(paths))
	}
	if one, two := paths[0][1], paths[1][1]; !strings.HasPrefix(two, one) {
		t.Errorf("the lines begin differently: %s and %s", one, two)
	}
	text := p.Text(80)
	if !strings.Contains(text, "one ▁") || !strings.Contains(text, "█ 1 at 0") {
		t.Errorf("%s", text)
	}
}

// A mark stands at its place, is named and counted, and what has no place is left out.
func TestMarks(t *testing.T) {
	c := Chart{X: Axis{Min: 0, Max: 10}, Series: []Series{{Name: "a", X: []float64{0, 10}, Y: []float64{1, 2}}}, Marks: []Mark{{Label: "failed", X: []float64{5, 11, math.Inf(1)}}}}
	html, text := c.HTML(), c.Text(80)
	if n := strings.Count(html, "<title>failed: x 5</title>"); n != 1 || strings.Count(html, `class="pare-k"`) != 2 {
		t.Errorf("%d marks at 5, and a sign in the legend: %s", n, html)
	}
	if !strings.Contains(text, "× failed  1") {
		t.Error(text)
	}
}

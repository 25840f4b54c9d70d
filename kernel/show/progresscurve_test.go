package show

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestCurve follows a falling loss: a line tells it from high to low and leaves other metrics out, a cell gets a chart that has it.
func TestCurve(t *testing.T) {
	now := time.Unix(0, 0)
	p := newProgress("Training", nil, func() time.Time { return now })
	p.Curve("loss", "eval_loss")
	p.Progress("train", 0, 32)
	for step := 1; step <= 32; step++ {
		p.Metric("loss", step, 4-float64(step)/10)
		p.Metric("grad_norm", step, 1)
	}
	now = now.Add(2 * time.Second)
	p.Progress("train", 32, 64)
	f := progressFigure{p.state.copy(), now}
	if text := f.Text(80); !strings.Contains(text, "loss 0.8 ██▇▇▆▆▅▅▄▄▃▃▂▂▁▁ (step 32)") || strings.Contains(text, "grad_norm") {
		t.Errorf("found %q", text)
	}
	if html := f.HTML(); strings.Count(html, "<figure") != 2 || !strings.Contains(html, "<svg") || strings.Contains(html, "eval_loss") {
		t.Errorf("%d figures in %s", strings.Count(html, "<figure"), html)
	}
	p.Metric("eval_loss", 32, math.NaN())
	if spark := p.state.curves[1].spark(); spark != "?" {
		t.Errorf("found %q for a value that is no number", spark)
	}
}

// TestCurveThins keeps the points of a long course few, evenly apart, and its copies as they were.
func TestCurveThins(t *testing.T) {
	s := progressState{curves: []course{{name: "loss", by: 1}}}
	var before progressState
	for step := 1; step <= 10*mostPoints; step++ {
		if s.follow("loss", step, float64(step)); step == mostPoints {
			before = s.copy()
		}
	}
	c := s.curves[0]
	if len(c.x) > mostPoints || len(c.x) < mostPoints/2 || !slices.Equal(c.x, c.y) || c.x[0] != 1 || c.x[1]-c.x[0] != c.x[len(c.x)-1]-c.x[len(c.x)-2] {
		t.Errorf("%d points, from %v to %v", len(c.x), c.x[:2], c.x[len(c.x)-2:])
	}
	if kept := before.curves[0].x; len(kept) != mostPoints || kept[mostPoints-1] != mostPoints || kept[1] != 2 {
		t.Errorf("a copy changed: %d points", len(kept))
	}
}

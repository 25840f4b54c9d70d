package show

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
)

// status is a stage in a few words: 12/64 · 19% · 3.1 s · 13 s left.
func (g stage) status(now time.Time) string {
	var parts []string
	switch {
	case g.complete() && g.rounds > 1:
		parts = append(parts, fmt.Sprintf("%d × %d", g.rounds, g.total))
	case g.total > 0:
		parts = append(parts, fmt.Sprintf("%s/%s", thousands(float64(g.done), 0), thousands(float64(g.total), 0)))
	default:
		parts = append(parts, thousands(float64(g.done), 0))
	}
	if g.total > 0 && !g.complete() {
		parts = append(parts, fmt.Sprintf("%d%%", int(100*g.fraction())))
	}
	parts = append(parts, elapsed(g.spent(now).Round(100*time.Millisecond)))
	if left, ok := g.left(now); ok {
		parts = append(parts, remaining(left)+" left")
	}
	return strings.Join(parts, " · ")
}

// remaining writes an estimate, which deserves no fractions of a second.
func remaining(d time.Duration) string {
	if d < time.Minute-time.Second/2 {
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	return elapsed(d)
}

// latest lists the metrics: loss 3.214 (step 120). A metric at step 0, as results of no training are, has no step to tell.
func (s progressState) latest() string {
	var parts []string
	for _, m := range s.metrics {
		curve, drawn := s.curve(m.name)
		if len(s.curves) > 0 && !drawn {
			continue
		}
		part := m.name + " " + Auto.writer([]float64{m.value})(m.value)
		if drawn {
			part += " " + curve.spark()
		}
		if m.step != 0 {
			part += fmt.Sprintf(" (step %d)", m.step)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, " · ")
}

// cellSink changes one display of a notebook in place.
type cellSink struct{ id string }

func (c *cellSink) every() time.Duration                  { return 200 * time.Millisecond }
func (c *cellSink) draw(s progressState, now time.Time)   { send(c.id, progressFigure{s, now}) }
func (c *cellSink) finish(s progressState, now time.Time) { send(c.id, progressFigure{s, now}) }

// progressFigure is a state as a fragment.
type progressFigure struct {
	progressState
	now time.Time
}

// HTML implements [Fragment]: a line for each stage, a bar under those that run, the metrics below.
func (f progressFigure) HTML() string {
	var b strings.Builder
	for _, g := range f.shown(f.now) {
		name := orElse(g.name, f.title)
		if g.complete() {
			name = "✓ " + name
		}
		fmt.Fprintf(&b, `<div class="pare-stage"><span>%s</span><span>%s</span></div>`, escape(name), escape(g.status(f.now)))
		if !g.complete() && g.total > 0 {
			percent := int(100 * g.fraction())
			fmt.Fprintf(&b, `<div class="pare-bar" role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow="%d"><div style="width:%d%%"></div></div>`, percent, percent)
		}
	}
	return figure("progress", f.title, b.String(), f.latest(), nil) + f.chart()
}

// Text implements [Fragment].
func (f progressFigure) Text(width int) string {
	var b strings.Builder
	for _, g := range f.shown(f.now) {
		b.WriteString(f.line(g, f.now) + "\n")
	}
	paragraph(&b, f.latest(), terminal(width))
	return b.String()
}

func (s progressState) line(g stage, now time.Time) string {
	line := s.title
	if g.name != "" {
		line += ": " + g.name
	}
	return line + "  " + g.status(now)
}

// lineSink writes lines that read well in a log.
type lineSink struct {
	out     io.Writer
	last    time.Time
	written map[string]int // rounds of a stage whose end is written
}

// pause is the time between two lines of a log.
const pause = 5 * time.Second

func (l *lineSink) every() time.Duration { return 200 * time.Millisecond }

func (l *lineSink) draw(s progressState, now time.Time) {
	due := now.Sub(l.last) >= pause
	for _, g := range s.shown(now) {
		if g.complete() && l.written[g.name] == 0 {
			l.write(s, g, now)
		} else if !g.complete() && due {
			l.write(s, g, now)
		}
	}
}

func (l *lineSink) write(s progressState, g stage, now time.Time) {
	if l.written == nil {
		l.written = make(map[string]int)
	}
	if g.complete() {
		l.written[g.name] = g.rounds
	}
	l.last = now
	line := s.line(g, now)
	if m := s.latest(); m != "" {
		line += "  " + m
	}
	fmt.Fprintln(l.out, line)
}

// finish writes how each stage ended, unless that is written.
func (l *lineSink) finish(s progressState, now time.Time) {
	for _, g := range s.shown(now) {
		if !g.complete() || l.written[g.name] != g.rounds {
			l.write(s, g, now)
		}
	}
}

// barColumns is the length of the bar; with its percentage it takes eight more.
const barColumns = 16

// barSink draws a bar for the stage that runs, and leaves a line for each that is over.
type barSink struct {
	out   io.Writer
	width int
	bar   *progressbar.ProgressBar
	stage string
	over  map[string]int // rounds of a stage whose end is written
}

func (t *barSink) every() time.Duration { return 200 * time.Millisecond }

func (t *barSink) draw(s progressState, now time.Time) {
	for _, g := range s.shown(now) {
		if g.complete() {
			if t.over[g.name] == 0 {
				t.end(s, g, now)
			}
			continue
		}
		t.show(s, g, now)
	}
}

func (t *barSink) show(s progressState, g stage, now time.Time) {
	total := g.total
	if total <= 0 {
		total = -1
	}
	if t.bar == nil || t.stage != g.name {
		t.clear()
		t.bar = progressbar.NewOptions(total,
			progressbar.OptionSetWriter(t.out), progressbar.OptionSetWidth(barColumns), progressbar.OptionShowDescriptionAtLineEnd(),
			progressbar.OptionSetElapsedTime(false), progressbar.OptionSetPredictTime(false), // ours count from the stage's begin, and stay in the last line
			progressbar.OptionSetRenderBlankState(true), progressbar.OptionUseANSICodes(true),
			progressbar.OptionSetTheme(progressbar.Theme{Saucer: "█", SaucerPadding: "░", BarStart: "", BarEnd: ""}))
		t.stage = g.name
	}
	if total != t.bar.GetMax() {
		t.bar.ChangeMax(total)
	}
	description := s.line(g, now)
	if m := s.latest(); m != "" {
		description += "  " + m
	}
	if g.done < total || total < 0 {
		_ = t.bar.Set(g.done)
	}
	t.bar.Describe(cut(description, max(t.width-barColumns-8, 12)))
}

func (t *barSink) clear() {
	if t.bar != nil {
		_ = t.bar.Clear()
		t.bar = nil
	}
}

// end replaces the bar by a line that stays.
func (t *barSink) end(s progressState, g stage, now time.Time) {
	if t.over == nil {
		t.over = make(map[string]int)
	}
	t.clear()
	t.over[g.name] = g.rounds
	fmt.Fprintf(t.out, "\r%s\n", cut(s.line(g, now), t.width-1))
}

func (t *barSink) finish(s progressState, now time.Time) {
	for _, g := range s.shown(now) {
		if !g.complete() || t.over[g.name] != g.rounds {
			t.end(s, g, now)
		}
	}
	t.clear()
}

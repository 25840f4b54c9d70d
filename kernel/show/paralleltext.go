package show

import (
	"fmt"
	"math"
	"strings"
)

// Lines of parallel coordinates that a terminal shows: the best ones, and the worst.
const (
	textBest  = 10
	textWorst = 3
)

// Text implements [Fragment]: a row for each of the best lines and the worst, with a bar for each coordinate.
func (p Parallel) Text(width int) string {
	width = terminal(width)
	var b strings.Builder
	headline(&b, p.Title, width)
	if len(p.Axes) == 0 || len(p.Lines) == 0 {
		paragraph(&b, p.Caption, width)
		paragraph(&b, "There is nothing to draw.", width)
		return b.String()
	}
	l := p.layout()
	names, values := 0, 0
	for _, line := range l.lines {
		names, values = max(names, cells(clean(line.Name))), max(values, cells(l.value.write(line.Value)))
	}
	names, values = min(names, width/3), min(values, width/4)
	room := max(width-names-values-3, 1)
	for k := range l.lines {
		switch i := len(l.lines) - 1 - k; { // the best first
		case k == textBest && len(l.lines) > textBest+textWorst:
			b.WriteString(cut(fmt.Sprintf("… %s between …", plural(len(l.lines)-textBest-textWorst, "line")), width) + "\n")
		case k < textBest || i < textWorst:
			line := l.lines[i]
			row := pad(cut(clean(line.Name), names), names, Left) + " " + pad(cut(l.value.write(line.Value), values), values, Right) + "  " + p.sparks(l, line, room)
			b.WriteString(strings.TrimRight(row, " ") + "\n")
		}
	}
	paragraph(&b, p.textKey(l, room), width)
	paragraph(&b, p.Caption, width)
	for _, n := range p.notes(l) {
		paragraph(&b, n, width)
	}
	return b.String()
}

// sparks are a line's coordinates as bars, as many as there is room for.
func (p Parallel) sparks(l *parallelLayout, line ParallelLine, room int) string {
	var out []rune
	for k, s := range l.axes[:min(len(l.axes), room)] {
		at := line.at(k)
		if !p.Axes[k].drawable(at) {
			out = append(out, ' ')
			continue
		}
		s.from, s.to = 0, 1
		out = append(out, spark(s.at(math.Min(math.Max(at, s.lo), s.hi)), 0, 1))
	}
	return string(out)
}

// textKey says what the bars are.
func (p Parallel) textKey(l *parallelLayout, room int) string {
	var names []string
	for k, a := range p.Axes[:min(len(p.Axes), room)] {
		name := a.name()
		if !l.shared {
			s := l.axes[k]
			name += " (" + s.write(s.lo) + " to " + s.write(s.hi) + ")"
		}
		names = append(names, name)
	}
	key := orElse(p.Value.name(), "value") + ", and from left to right: " + strings.Join(names, ", ")
	if l.shared {
		s := l.axes[0]
		key += "; bars from " + s.write(s.lo) + " to " + s.write(s.hi)
	}
	if left := len(p.Axes) - len(names); left > 0 {
		key += fmt.Sprintf("; %d more", left)
	}
	return key + "."
}

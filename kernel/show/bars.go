package show

import (
	"fmt"
	"math"
	"strings"
)

// Bar is one value with its name.
type Bar struct {
	Name  string
	Value float64
}

// Bars compares single values as horizontal bars from zero.
type Bars struct {
	Title, Caption string
	Items          []Bar
	Unit           string
	Format         Format
}

const (
	barWidth = 748.0
	barStep  = 26.0
)

// values returns the finite values, zero among them so that every bar begins on the axis, and the number of others.
func (b Bars) values() (values []float64, missing int) {
	values = []float64{0}
	for _, item := range b.Items {
		if math.Abs(item.Value) <= largest {
			values = append(values, item.Value)
		} else {
			missing++
		}
	}
	return values, missing
}

func (b Bars) text(item Bar, write func(float64) string) string {
	s := write(item.Value)
	if b.Unit != "" {
		s += " " + clean(b.Unit)
	}
	return s
}

// HTML implements [Fragment].
func (b Bars) HTML() string {
	values, missing := b.values()
	if len(b.Items) == 0 {
		return figure("bars", b.Title, "", b.Caption, b.notes(missing))
	}
	write := b.Format.writer(values)
	names, room := 0.0, 0.0
	for _, item := range b.Items {
		names, room = max(names, extent(clean(item.Name))), max(room, extent(b.text(item, write)))
	}
	names = min(names, 240)
	lo, hi := Axis{}.span(values)
	s := scale{lo: min(lo, 0), hi: max(hi, 0), from: names + 12, to: barWidth - room - 10}
	if lo < 0 {
		s.from += room + 6
	}
	v := newCanvas(identity(fmt.Sprint(b)), barWidth, barStep*float64(len(b.Items))+4, orElse(b.Title, "Bars"), fmt.Sprintf("%d bars.", len(b.Items)))
	v.group("style", colour(0))
	for i, item := range b.Items {
		b.bar(v, s, i, item, write)
	}
	v.end()
	v.line("pare-r", s.at(0), 0, s.at(0), barStep*float64(len(b.Items))+4)
	return figure("bars", b.Title, v.String(), b.Caption, b.notes(missing))
}

func (b Bars) bar(v *canvas, s scale, i int, item Bar, write func(float64) string) {
	y, text := barStep*float64(i)+4, b.text(item, write)
	v.text("", start, 0, y+14, shorten(clean(item.Name), 240))
	if !(math.Abs(item.Value) <= largest) {
		v.text("pare-m", start, s.at(0)+6, y+14, text)
		return
	}
	from, to := s.at(math.Min(item.Value, 0)), s.at(math.Max(item.Value, 0))
	v.draw("rect", clean(item.Name)+": "+text, "x", from, "y", y, "width", to-from, "height", barStep-8, "rx", 2.0, "style", "fill:var(--c)")
	if item.Value < 0 {
		v.text("pare-m", end, from-6, y+14, text)
		return
	}
	v.text("pare-m", start, to+6, y+14, text)
}

func (b Bars) notes(missing int) []string {
	switch {
	case len(b.Items) == 0:
		return []string{"There is nothing to draw."}
	case missing > 0:
		return []string{"Without a bar: " + plural(missing, "value") + " not finite."}
	}
	return nil
}

// Text implements [Fragment].
func (b Bars) Text(width int) string {
	width = terminal(width)
	values, missing := b.values()
	write := b.Format.writer(values)
	names, room, most := 0, 0, 0.0
	for _, item := range b.Items {
		names, room = max(names, cells(clean(item.Name))), max(room, cells(b.text(item, write)))
	}
	for _, v := range values {
		most = max(most, math.Abs(v))
	}
	names = min(names, width/3)
	room = min(room, width-names-7)
	var out strings.Builder
	headline(&out, b.Title, width)
	free := float64(width - names - room - 3)
	for _, item := range b.Items {
		length := 0
		if most > 0 && math.Abs(item.Value) <= largest {
			length = int(math.Round(math.Abs(item.Value) / most * free))
		}
		line := pad(cut(clean(item.Name), names), names, Left) + "  " + pad(cut(b.text(item, write), room), room, Right) + " " + strings.Repeat("█", length)
		out.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	paragraph(&out, b.Caption, width)
	for _, n := range b.notes(missing) {
		paragraph(&out, n, width)
	}
	return out.String()
}

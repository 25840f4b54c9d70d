package show

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// canvas writes the elements of one picture. Coordinates are user units of the view box, about one CSS pixel each at
// full width; x runs right, y runs down.
type canvas struct{ b strings.Builder }

// newCanvas begins a picture that screen readers announce by its title and description.
func newCanvas(id string, width, height float64, title, description string) *canvas {
	c := &canvas{}
	fmt.Fprintf(&c.b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" role="img" aria-labelledby="%s-t %s-d">`, px(width), px(height), id, id)
	fmt.Fprintf(&c.b, `<title id="%s-t">%s</title><desc id="%s-d">%s</desc>`, id, escape(title), id, escape(description))
	return c
}

func (c *canvas) String() string { return c.b.String() + "</svg>" }

// px writes a coordinate with at most two decimals.
func px(v float64) string {
	if v = math.Round(v*100) / 100; v == 0 {
		v = 0 // not -0
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// draw writes one element. Attributes come as name and value, in pairs; text values are escaped. A hover text that is not
// empty becomes the element's title.
func (c *canvas) draw(tag, hover string, attributes ...any) {
	c.b.WriteString("<" + tag)
	c.attributes(attributes)
	if hover == "" {
		c.b.WriteString("/>")
		return
	}
	fmt.Fprintf(&c.b, "><title>%s</title></%s>", escape(hover), tag)
}

func (c *canvas) attributes(pairs []any) {
	for i := 0; i+1 < len(pairs); i += 2 {
		value := ""
		switch v := pairs[i+1].(type) {
		case float64:
			value = px(v)
		case int:
			value = strconv.Itoa(v)
		case string:
			value = escape(v)
		default:
			value = escape(fmt.Sprint(v))
		}
		if value != "" {
			fmt.Fprintf(&c.b, ` %s="%s"`, pairs[i], value)
		}
	}
}

// line draws from one point to another.
func (c *canvas) line(class string, x1, y1, x2, y2 float64) {
	c.draw("path", "", "class", class, "d", "M"+px(x1)+" "+px(y1)+"L"+px(x2)+" "+px(y2))
}

// anchors of texts.
const (
	start  = ""
	middle = "middle"
	end    = "end"
)

// text writes s with its baseline at y, standing left of, around, or right of x by its anchor.
func (c *canvas) text(class, anchor string, x, y float64, s string, more ...any) {
	c.b.WriteString("<text")
	c.attributes(append([]any{"class", class, "text-anchor", anchor, "x", x, "y", y}, more...))
	fmt.Fprintf(&c.b, ">%s</text>", escape(s))
}

// group opens an element around what follows until end.
func (c *canvas) group(attributes ...any) {
	c.b.WriteString("<g")
	c.attributes(attributes)
	c.b.WriteString(">")
}
func (c *canvas) end() { c.b.WriteString("</g>") }

// extent estimates the width of s at 12 units, a little generously: there are no fonts here to ask. The classes of letters
// are those of the common sans-serif faces, whose widths differ by a few percent.
func extent(s string) float64 {
	w := 0.0
	for _, r := range s {
		switch {
		case strings.ContainsRune("iljtfrI.,:;'|!()[] /", r):
			w += 4.3
		case strings.ContainsRune("mwMW@%", r):
			w += 11.2
		case r >= 'A' && r <= 'Z':
			w += 8.6
		case runeCells(r) == 2:
			w += 12.4
		case runeCells(r) == 0:
		default:
			w += 7.3
		}
	}
	return w
}

// shorten cuts s with "…" to an extent of at most w.
func shorten(s string, w float64) string {
	if extent(s) <= w {
		return s
	}
	r := []rune(s)
	for len(r) > 0 && extent(string(r))+8 > w {
		r = r[:len(r)-1]
	}
	return strings.TrimRight(string(r), " ") + "…"
}

// marker draws the sign of series i at a point: a filled or open shape about 8 units across.
func (c *canvas) marker(i int, x, y float64) {
	at := func(dx, dy float64) string { return px(x+dx) + " " + px(y+dy) }
	shape := func(class, d string) { c.draw("path", "", "class", class, "d", d) }
	switch markers[i%len(markers)] {
	case "circle":
		c.draw("circle", "", "class", "pare-p", "cx", x, "cy", y, "r", 4.2)
	case "square":
		shape("pare-p", "M"+at(-3.7, -3.7)+"H"+px(x+3.7)+"V"+px(y+3.7)+"H"+px(x-3.7)+"Z")
	case "triangle":
		shape("pare-p", "M"+at(0, -4.8)+"L"+at(4.7, 3.6)+"L"+at(-4.7, 3.6)+"Z")
	case "diamond":
		shape("pare-p", "M"+at(0, -5.2)+"L"+at(5.2, 0)+"L"+at(0, 5.2)+"L"+at(-5.2, 0)+"Z")
	case "nabla":
		shape("pare-p", "M"+at(0, 4.8)+"L"+at(4.7, -3.6)+"L"+at(-4.7, -3.6)+"Z")
	case "plus":
		shape("pare-x", "M"+at(-4.4, 0)+"L"+at(4.4, 0)+"M"+at(0, -4.4)+"L"+at(0, 4.4))
	case "cross":
		shape("pare-x", cross(x, y))
	default:
		c.draw("circle", "", "class", "pare-o", "cx", x, "cy", y, "r", 3.6)
	}
}

// sign is the marker of a series, or where that would be too large a dot.
func (c *canvas) sign(i int, x, y float64, small bool) {
	if small {
		c.draw("circle", "", "class", "pare-p", "cx", x, "cy", y, "r", 2.6)
		return
	}
	c.marker(i, x, y)
}

// colour is the style that gives an element and what is inside it the colour of series i.
func colour(i int) string { return fmt.Sprintf("--c:var(--p%d)", i%len(lightTheme.series)) }

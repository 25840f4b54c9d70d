package show

import (
	"fmt"
	"math"
	"strings"
)

// HeatMap is a matrix of numbers as colours, such as the rank of every kind of linear in every layer.
type HeatMap struct {
	Title, Caption     string
	RowLabel, ColLabel string // what rows and columns are, such as "layer"
	Rows, Cols         []string
	Values             [][]float64 // [row][column]; one that is not finite, or missing, is hatched
	Label, Unit        string      // what the values are
	Format             Format
	Diverging          bool    // two hues around zero, for differences
	Min, Max           float64 // the range of colours when Min < Max, else that of the values

	// Marked is the part of each cell that is marked, from 0 to 1, such as what was cut of it: a cell that is marked as a whole is crossed, another has a bar
	// at its foot. MarkLabel is what a mark means.
	Marked    [][]float64
	MarkLabel string
}

// Sizes of a heat map, in units of its view box.
const (
	mapWidth   = 748.0
	cellLowest = 16.0 // the height of a cell of a tall map
	cellHigh   = 30.0 // and of a small one
	cellWide   = 96.0 // the most that a cell is wide
	colourBar  = 10.0 // the height of the colour bar
)

// size returns the rows and columns that names and values ask for together.
func (h HeatMap) size() (rows, cols int) {
	rows, cols = max(len(h.Rows), len(h.Values)), len(h.Cols)
	for _, row := range h.Values {
		cols = max(cols, len(row))
	}
	return rows, cols
}

func (h HeatMap) at(i, j int) float64 {
	if i < len(h.Values) && j < len(h.Values[i]) {
		return h.Values[i][j]
	}
	return math.NaN()
}

// mark is the part of a cell that is marked.
func (h HeatMap) mark(i, j int) float64 {
	if i < len(h.Marked) && j < len(h.Marked[i]) && h.Marked[i][j] > 0 {
		return math.Min(h.Marked[i][j], 1)
	}
	return 0
}

// marks says whether any cell is marked, and whether one is so in part.
func (h HeatMap) marks() (marked, inPart bool) {
	rows, cols := h.size()
	for i := range rows {
		for j := range cols {
			m := h.mark(i, j)
			marked, inPart = marked || m > 0, inPart || m > 0 && m < 1
		}
	}
	return marked, inPart
}

// nth returns name i, or its number where there is none.
func nth(names []string, i int) string {
	if i < len(names) {
		return clean(names[i])
	}
	return fmt.Sprint(i)
}

// finite returns the values that have a colour, and how many cells have none.
func (h HeatMap) finite() (values []float64, missing int) {
	rows, cols := h.size()
	for i := range rows {
		for j := range cols {
			if v := h.at(i, j); math.Abs(v) <= largest {
				values = append(values, v)
			} else {
				missing++
			}
		}
	}
	return values, missing
}

// span returns the values at the ends of the colour bar.
func (h HeatMap) span(values []float64) (lo, hi float64) {
	lo, hi = Axis{Min: h.Min, Max: h.Max}.span(values)
	if h.Diverging && h.Min >= h.Max {
		hi = math.Max(math.Abs(lo), math.Abs(hi))
		lo = -hi
	}
	return lo, hi
}

// shade returns the colour of v, and its place between lo and hi.
func (h HeatMap) shade(v, lo, hi float64) (rgb, float64) {
	t := math.Min(math.Max((v-lo)/(hi-lo), 0), 1)
	if h.Diverging {
		if lo < 0 && hi > 0 {
			return diverging(v / math.Max(hi, -lo)), t
		}
		return diverging(2*t - 1), t
	}
	return sequential(t), t
}

// name is what the values are, with their unit.
func (h HeatMap) name() string { return Axis{Label: h.Label, Unit: h.Unit}.name() }

// mapLayout is a heat map with every place decided.
type mapLayout struct {
	rows, cols    int
	left, top     float64
	wide, high    float64 // of a cell
	turned        bool    // column names are written at an angle
	every         int     // only every such column name is written
	printed       bool    // values stand in the cells
	lo, hi        float64
	write         func(float64) string
	width, height float64
}

func (h HeatMap) layout() mapLayout {
	values, _ := h.finite()
	l := mapLayout{every: 1, write: h.Format.writer(values), width: mapWidth}
	l.rows, l.cols = h.size()
	l.lo, l.hi = h.span(values)
	names, columns, widest := 0.0, 0.0, 0.0
	for i := range l.rows {
		names = max(names, extent(nth(h.Rows, i)))
	}
	for j := range l.cols {
		columns = max(columns, extent(nth(h.Cols, j)))
	}
	for _, v := range values {
		widest = max(widest, extent(l.write(v)))
	}
	l.left = min(names, labelRoom) + 10
	l.wide = min((mapWidth-l.left-2)/float64(max(l.cols, 1)), cellWide)
	l.high = math.Max(cellLowest, math.Min(cellHigh, 420/float64(max(l.rows, 1))))
	l.printed = widest+6 <= l.wide
	l.top = 26
	switch {
	case columns+6 <= l.wide:
	case l.wide >= 14 && columns > 24:
		l.turned, l.top = true, 16+min(columns, 130)*0.72
	default:
		l.every = int(math.Ceil((columns + 8) / l.wide))
	}
	if h.ColLabel != "" || h.RowLabel != "" {
		l.top += 18
	}
	l.height = l.top + l.high*float64(l.rows) + 58
	return l
}

// HTML implements [Fragment].
func (h HeatMap) HTML() string {
	l := h.layout()
	values, missing := h.finite()
	if len(values) == 0 {
		return figure("heat", h.Title, "", h.Caption, h.notes(values, missing))
	}
	id := identity(fmt.Sprint(h))
	v := newCanvas(id, l.width, l.height, orElse(h.Title, orElse(h.name(), "Heat map")), h.describe(values))
	fmt.Fprintf(&v.b, `<defs><pattern id="%s-h" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="pare-r" d="M0 0V6"/></pattern></defs>`, id)
	h.frame(v, l)
	for i := range l.rows {
		for j := range l.cols {
			h.cell(v, l, id, i, j)
		}
	}
	h.bar(v, l, id)
	return figure("heat", h.Title, v.String(), h.Caption, h.notes(values, missing))
}

func (h HeatMap) notes(values []float64, missing int) (notes []string) {
	if len(values) == 0 {
		return []string{"There is nothing to draw."}
	}
	if missing > 0 {
		notes = append(notes, "Hatched: "+plural(missing, "cell")+" without a finite value.")
	}
	marked, inPart := h.marks()
	if label := orElse(clean(h.MarkLabel), "marked"); inPart {
		notes = append(notes, "Crossed: "+label+". A bar at the foot: the part of the cell that is "+label+".")
	} else if marked {
		notes = append(notes, "Crossed: "+label+".")
	}
	return notes
}

func (h HeatMap) describe(values []float64) string {
	rows, cols := h.size()
	s := fmt.Sprintf("%s for %d rows and %d columns.", orElse(h.name(), "Values"), rows, cols)
	if len(values) > 0 {
		lo, hi := Axis{}.span(values)
		s += " From " + significant(lo) + " to " + significant(hi) + "."
	}
	return s
}

// frame writes the names of rows and columns.
func (h HeatMap) frame(v *canvas, l mapLayout) {
	var sides []string
	if h.RowLabel != "" {
		sides = append(sides, clean(h.RowLabel)+" ↓")
	}
	if h.ColLabel != "" {
		sides = append(sides, clean(h.ColLabel)+" →")
	}
	v.text("pare-m", start, 0, 12, shorten(strings.Join(sides, "  "), l.width))
	every := max(1, int(math.Ceil(14/l.high)))
	for i := range l.rows {
		if i%every == 0 {
			v.text(start, end, l.left-8, l.top+l.high*(float64(i)+.5)+4, shorten(nth(h.Rows, i), labelRoom))
		}
	}
	for j := range l.cols {
		x := l.left + l.wide*(float64(j)+.5)
		switch {
		case l.turned:
			v.text(start, start, x, l.top-6, shorten(nth(h.Cols, j), 130), "transform", "rotate(-45 "+px(x)+" "+px(l.top-6)+")")
		case j%l.every == 0:
			v.text(start, middle, x, l.top-7, nth(h.Cols, j))
		}
	}
}

func (h HeatMap) cell(c *canvas, l mapLayout, id string, i, j int) {
	value := h.at(i, j)
	x, y := l.left+l.wide*float64(j), l.top+l.high*float64(i)
	hover := strings.TrimSpace(orElse(clean(h.RowLabel), "row")+" "+nth(h.Rows, i)) + ", " + strings.TrimSpace(orElse(clean(h.ColLabel), "column")+" "+nth(h.Cols, j)) +
		": " + l.write(value)
	if h.Unit != "" {
		hover += " " + clean(h.Unit)
	}
	if m := h.mark(i, j); m > 0 {
		hover += ", " + Percent.writer(nil)(m) + " " + orElse(clean(h.MarkLabel), "marked")
	}
	fill := "url(#" + id + "-h)"
	ink := ""
	if math.Abs(value) <= largest {
		shade, _ := h.shade(value, l.lo, l.hi)
		fill, ink = shade.String(), shade.ink()
	}
	gap := min(1.5, l.wide/10)
	c.draw("rect", hover, "x", x, "y", y, "width", l.wide-gap, "height", l.high-1.5, "rx", min(2, l.wide/8), "fill", fill)
	h.drawMark(c, h.mark(i, j), box{x, y, l.wide - gap, l.high - 1.5}, orElse(ink, "#000"))
	if l.printed && ink != "" {
		c.text("", middle, x+(l.wide-gap)/2, y+l.high/2+3.5, l.write(value), "style", "fill:"+ink+";pointer-events:none")
	}
}

// box is a rectangle.
type box struct{ x, y, wide, high float64 }

// drawMark crosses a cell that is marked as a whole, and otherwise draws a bar as long as the part.
func (h HeatMap) drawMark(c *canvas, part float64, b box, ink string) {
	switch {
	case part >= 1:
		c.draw("path", "", "d", "M"+px(b.x)+" "+px(b.y)+"L"+px(b.x+b.wide)+" "+px(b.y+b.high)+"M"+px(b.x)+" "+px(b.y+b.high)+"L"+px(b.x+b.wide)+" "+px(b.y),
			"style", "stroke:"+ink+";stroke-opacity:.55;fill:none;pointer-events:none")
	case part > 0:
		c.draw("rect", "", "x", b.x, "y", b.y+b.high-4, "width", b.wide*part, "height", 4.0, "style", "fill:"+ink+";fill-opacity:.75;pointer-events:none")
	}
}

// bar draws the colour bar with its ends, and zero where the colours turn around it.
func (h HeatMap) bar(v *canvas, l mapLayout, id string) {
	const width, pieces = 220.0, 44
	y := l.top + l.high*float64(l.rows) + 14
	fmt.Fprintf(&v.b, `<defs><linearGradient id="%s-g">`, id)
	for k := range pieces + 1 {
		shade, _ := h.shade(l.lo+(l.hi-l.lo)*float64(k)/pieces, l.lo, l.hi)
		fmt.Fprintf(&v.b, `<stop offset="%s" stop-color="%s"/>`, px(float64(k)/pieces), shade)
	}
	v.b.WriteString("</linearGradient></defs>")
	v.draw("rect", "", "x", l.left, "y", y, "width", width, "height", colourBar, "rx", 2.0, "fill", "url(#"+id+"-g)")
	v.text("pare-m", start, l.left, y+26, l.write(l.lo))
	v.text("pare-m", end, l.left+width, y+26, l.write(l.hi))
	if h.Diverging && l.lo < 0 && l.hi > 0 {
		v.text("pare-m", middle, l.left-width*l.lo/(l.hi-l.lo), y+26, "0")
	}
	v.text("pare-m", start, l.left+width+14, y+9, shorten(h.name(), l.width-l.left-width-14))
}

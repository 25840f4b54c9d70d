package show

import (
	"fmt"
	"strings"
)

// Fact is one line of [Facts]; its value may be whatever a cell of a [Table] may be.
type Fact struct {
	Name   string
	Value  any
	Unit   string
	Format Format
}

// Facts is a short list of what there is to know about one thing, such as a model.
type Facts struct {
	Title, Caption string
	Items          []Fact
}

func (f Fact) text() string {
	s := clean(f.Format.column([]any{f.Value})(f.Value))
	if f.Unit != "" {
		s += " " + clean(f.Unit)
	}
	return s
}

// HTML implements [Fragment].
func (f Facts) HTML() string {
	var b strings.Builder
	b.WriteString(`<div class="pare-scroll"><table class="pare-table"><tbody>`)
	for _, item := range f.Items {
		text := escape(item.text())
		title := ""
		if len(text) > longCell {
			title = ` title="` + text + `"`
		}
		fmt.Fprintf(&b, `<tr><th scope="row"><span class="pare-unit">%s</span></th><td%s>%s</td></tr>`, escape(item.Name), title, text)
	}
	b.WriteString("</tbody></table></div>")
	return figure("facts", f.Title, b.String(), f.Caption, nil)
}

// Text implements [Fragment].
func (f Facts) Text(width int) string {
	width = terminal(width)
	var b strings.Builder
	headline(&b, f.Title, width)
	names := 0
	for _, item := range f.Items {
		names = max(names, cells(clean(item.Name)))
	}
	names = min(names, width/2)
	for _, item := range f.Items {
		name := pad(cut(clean(item.Name), names), names, Left)
		text := strings.Join(wrap(item.text(), width-names-2), "\n"+strings.Repeat(" ", names+2))
		b.WriteString(strings.TrimRight(name+"  "+text, " ") + "\n")
	}
	paragraph(&b, f.Caption, width)
	return b.String()
}

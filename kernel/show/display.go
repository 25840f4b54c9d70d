package show

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"
	"golang.org/x/term"
)

// patience is how long one exchange with the kernel may take. A healthy kernel answers within milliseconds; one that is gone must not
// hold the program, and its pipe would for ever.
const patience = 10 * time.Second

// Display shows items one after the other: each [Fragment] as itself, a text as a paragraph, an error as such, anything
// else as fmt prints it. In a GoNB cell they appear below the cell and have arrived when Display returns, so that the program may end;
// elsewhere their text goes to standard output.
func Display(items ...any) {
	for _, item := range items {
		f := fragment(item)
		if !gonbui.IsNotebook || !send("", f) {
			_ = Print(os.Stdout, f)
		}
	}
	if gonbui.IsNotebook {
		patiently(gonbui.Sync)
	}
}

// Print writes the text of items to w, at the width of the terminal if w is one, with an empty line between them.
func Print(w io.Writer, items ...any) error {
	for i, item := range items {
		text := fragment(item).Text(Width(w))
		if i > 0 {
			text = "\n" + text
		}
		if _, err := io.WriteString(w, text); err != nil {
			return fmt.Errorf("print: %w", err)
		}
	}
	return nil
}

// Width returns the columns of the terminal behind w, or 80 where w is none.
func Width(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			return columns
		}
	}
	return 80
}

// send hands both forms of a fragment to the kernel, under a name where a later one shall replace it. It reports whether the kernel took it.
func send(name string, f Fragment) bool {
	data := &protocol.DisplayData{
		Data:      map[protocol.MIMEType]any{protocol.MIMETextHTML: f.HTML(), protocol.MIMETextPlain: f.Text(0)},
		DisplayID: name,
	}
	return patiently(func() { gonbui.SendData(data) }) && gonbui.Error() == nil
}

// patiently runs f and reports whether it came back within [patience].
func patiently(f func()) bool {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
		return true
	case <-time.After(patience):
		return false
	}
}

// fragment makes a figure of anything.
func fragment(item any) Fragment {
	switch v := item.(type) {
	case Fragment:
		return v
	case string:
		return note{text: v}
	case error:
		return note{text: v.Error(), failed: true}
	}
	return note{text: words(item)}
}

// note is a text on its own.
type note struct {
	text   string
	failed bool
}

func (n note) lines() []string {
	return strings.Split(strings.TrimRight(strings.ReplaceAll(n.text, "\r\n", "\n"), "\n"), "\n")
}

func (n note) HTML() string {
	class := ""
	if n.failed {
		class = ` class="pare-err"`
	}
	var lines []string
	for _, line := range n.lines() {
		lines = append(lines, escape(strings.ReplaceAll(line, "\t", "    ")))
	}
	return figure("text", "", "<pre"+class+">"+strings.Join(lines, "\n")+"</pre>", "", nil)
}

func (n note) Text(int) string {
	var b strings.Builder
	for i, line := range n.lines() {
		if i == 0 && n.failed {
			line = "error: " + line
		}
		b.WriteString(clean(strings.ReplaceAll(line, "\t", "    ")) + "\n")
	}
	return b.String()
}

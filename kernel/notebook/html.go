package notebook

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"strings"
	"time"
)

//go:embed page.css
var pageCSS string

// HTML writes the notebook as one page that needs nothing else: no script, no font, no network. What a cell displayed as
// HTML or SVG stands in the page as it is, for it comes from the reader's own code; everything else is escaped.
func HTML(nb *Notebook, w io.Writer) error {
	body, prose := &bytes.Buffer{}, newProse(nb)
	for _, c := range nb.Cells {
		switch c.Type {
		case Markdown:
			fmt.Fprintf(body, "<section class=\"prose\" id=\"%s\">\n", c.ID)
			if err := prose.write(body, c); err != nil {
				return fmt.Errorf("cell %s: %w", c.ID, err)
			}
			body.WriteString("</section>\n")
		case Raw:
			fmt.Fprintf(body, "<pre class=\"out\">%s</pre>\n", html.EscapeString(c.Source))
		case Code:
			if err := writeCode(body, prose, c); err != nil {
				return fmt.Errorf("cell %s: %w", c.ID, err)
			}
		}
	}
	_, err := fmt.Fprintf(w, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"+
		"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>%s</title>\n<style>\n%s</style>\n</head>\n"+
		"<body>\n<main>\n%s%s</main>\n</body>\n</html>\n", html.EscapeString(title(nb)), pageCSS, body, footer(nb))
	return err
}

func writeCode(w *bytes.Buffer, prose *prose, c *Cell) error {
	if isBlank(c.Source) {
		return nil
	}
	fmt.Fprintf(w, "<div class=\"cell\" id=\"%s\">\n", c.ID)
	if c.ExecutionCount > 0 {
		fmt.Fprintf(w, "<span class=\"n\">[%d]</span>\n", c.ExecutionCount)
	}
	fmt.Fprintf(w, "<pre class=\"in\">%s</pre>\n", highlight(c.Source))
	for _, o := range c.Outputs {
		if err := writeOutput(w, prose, o); err != nil {
			return err
		}
	}
	if s := elapsed(c); s >= 10 {
		fmt.Fprintf(w, "<p class=\"took\">%s</p>\n", time.Duration(s*float64(time.Second)).Round(time.Second))
	}
	w.WriteString("</div>\n")
	return nil
}

// longOutput is the number of lines from which text is folded away.
const longOutput = 60

func writeOutput(w *bytes.Buffer, prose *prose, o *Output) error {
	switch o.Type {
	case StreamOutput:
		class := "out"
		if o.Name == "stderr" {
			class += " stderr"
		}
		writeText(w, class, o.Text)
	case ErrorOutput:
		text := strings.Join(o.Traceback, "\n")
		if text == "" {
			text = o.EName + ": " + o.EValue
		}
		writeText(w, "out error", text)
	default:
		return writeRich(w, prose, o.Data)
	}
	return nil
}

func writeText(w *bytes.Buffer, class, text string) {
	text = strings.TrimRight(plain(text), "\n")
	n := strings.Count(text, "\n") + 1
	if n >= longOutput {
		fmt.Fprintf(w, "<details><summary>%d lines</summary>", n)
	}
	fmt.Fprintf(w, "<pre class=\"%s\">%s</pre>", class, html.EscapeString(text))
	if n >= longOutput {
		w.WriteString("</details>")
	}
	w.WriteByte('\n')
}

// writeRich shows the richest form of a display that a page without scripts can hold.
func writeRich(w *bytes.Buffer, prose *prose, data map[string]any) error {
	text := func(mime string) string { s, _ := data[mime].(string); return s }
	for _, mime := range []string{"text/html", "image/svg+xml"} {
		if s := text(mime); s != "" {
			fmt.Fprintf(w, "<div class=\"out rich\">%s</div>\n", s)
			return nil
		}
	}
	for _, mime := range []string{"image/png", "image/jpeg", "image/gif", "image/webp"} {
		if s := text(mime); s != "" {
			fmt.Fprintf(w, "<div class=\"out rich\"><img alt=\"\" src=\"data:%s;base64,%s\"></div>\n",
				mime, html.EscapeString(strings.Join(strings.Fields(s), "")))
			return nil
		}
	}
	if s := text("text/markdown"); s != "" {
		w.WriteString("<div class=\"out rich prose\">")
		defer w.WriteString("</div>\n")
		return prose.convert(w, s)
	}
	if v, ok := data["application/json"]; ok {
		s, err := json.MarshalIndent(v, "", "  ")
		writeText(w, "out", string(s))
		return err
	}
	for _, mime := range []string{"text/latex", "text/plain"} {
		if s := text(mime); s != "" {
			writeText(w, "out", s)
			return nil
		}
	}
	return nil
}

// title returns the text of the notebook's first heading, else its file's name.
func title(nb *Notebook) string {
	for _, c := range nb.Cells {
		if c.Type != Markdown {
			continue
		}
		for line := range strings.Lines(c.Source) {
			if s, ok := strings.CutPrefix(line, "# "); ok {
				return strings.TrimSpace(s)
			}
		}
	}
	if nb.Path != "" {
		return nb.Path
	}
	return "Notebook"
}

// footer says when the notebook was run and how long it took, if the cells tell.
func footer(nb *Notebook) string {
	var last time.Time
	total := 0.0
	for _, c := range nb.Cells {
		total += elapsed(c)
		if t := stamp(c, "shell.execute_reply"); t.After(last) {
			last = t
		}
	}
	if last.IsZero() {
		return ""
	}
	return fmt.Sprintf("<footer>Run %s in %s.</footer>\n", last.UTC().Format("2 January 2006, 15:04 UTC"),
		time.Duration(total*float64(time.Second)).Round(100*time.Millisecond))
}

// elapsed returns how long a cell ran, in seconds; 0 if it does not say.
func elapsed(c *Cell) float64 {
	from, to := stamp(c, "iopub.status.busy"), stamp(c, "shell.execute_reply")
	if from.IsZero() || to.Before(from) {
		return 0
	}
	return to.Sub(from).Seconds()
}

func stamp(c *Cell, what string) time.Time {
	timing, _ := c.Metadata["execution"].(map[string]any)
	s, _ := timing[what].(string)
	t, _ := time.Parse(time.RFC3339Nano, s)
	return t
}

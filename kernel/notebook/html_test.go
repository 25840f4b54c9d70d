package notebook

import (
	"bytes"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"
)

var equateEmpty = cmpopts.EquateEmpty()

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func page(t *testing.T, nb *Notebook) string {
	var b bytes.Buffer
	if err := HTML(nb, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestHTML(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "near.svg"), []byte("<svg/>"), 0o644)
	nb := &Notebook{Path: filepath.Join(dir, "x.ipynb"), Cells: []*Cell{
		{ID: "a", Type: Markdown, Source: "# The <title>\n\nraw <script>alert(1)</script> and\n\n<div onclick=x>\nblock\n</div>\n\n" +
			"![dot](attachment:dot.png) ![near](near.svg) ![far](https://example.com/x.png) ![up](../x.png) ![js](javascript:x)\n\n" +
			"```go\nif a < b {}\n```\n\n|a|b|\n|-|-|\n|1|2|",
			Attachments: map[string]any{"dot.png": map[string]any{"image/png": "aGVsbG8="}}},
		{ID: "b", Type: Code, Source: "%%\nx := \"<&>\" // c", ExecutionCount: 3, Outputs: []*Output{
			{Type: StreamOutput, Name: "stdout", Text: "plain <i>\n"},
			{Type: StreamOutput, Name: "stderr", Text: "\x1b[31mred\x1b[0m"},
			{Type: DisplayOutput, Data: map[string]any{"text/html": "<b>as is</b>", "text/plain": "not shown"}},
			{Type: DisplayOutput, Data: map[string]any{"image/svg+xml": "<svg id=\"s\"/>"}},
			{Type: DisplayOutput, Data: map[string]any{"image/png": "aGVs\nbG8="}},
			{Type: ResultOutput, Data: map[string]any{"text/plain": "4 < 5"}},
			{Type: DisplayOutput, Data: map[string]any{"application/javascript": "alert(1)"}},
			{Type: ErrorOutput, EName: "ERROR", EValue: "exit status 2", Traceback: []string{"at <line>"}},
		}},
		{ID: "c", Type: Code, Source: " \n"},
	}}
	got := page(t, nb)
	for _, want := range []string{
		"<title>The &lt;title&gt;</title>", "&lt;script&gt;alert(1)&lt;/script&gt;", "&lt;div onclick=x&gt;",
		`<img alt="dot" src="data:image/png;base64,aGVsbG8=">`, `src="data:image/svg+xml;base64,PHN2Zy8+"`,
		`<a href="https://example.com/x.png">far</a>`, `<a href="../x.png">up</a>`, `<a href="">js</a>`,
		`<span class="k">if</span> a &lt; b`, "<td>1</td>", `<span class="n">[3]</span>`, `<span class="m">%%</span>`,
		`<span class="s">&#34;&lt;&amp;&gt;&#34;</span>`, `<span class="c">// c</span>`, "plain &lt;i&gt;", `<pre class="out stderr">red</pre>`,
		"<b>as is</b>", `<svg id="s"/>`, `src="data:image/png;base64,aGVsbG8="`, "4 &lt; 5", "at &lt;line&gt;",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, not := range []string{"<script", "not shown", "alert(1)\"", `<img alt="far"`, `id="c"`, "\x1b"} {
		if strings.Contains(got, not) {
			t.Errorf("the page has %s", not)
		}
	}
}

// The page asks for nothing: no address that a browser would fetch.
func TestHTMLNeedsNoNetwork(t *testing.T) {
	nb, err := Parse([]byte(full))
	if err != nil {
		t.Fatal(err)
	}
	fetches := regexp.MustCompile(`(?i)(src="|url\(|@import|<link|<script|<iframe)`)
	text := page(t, nb)
	for _, at := range fetches.FindAllStringIndex(text, -1) {
		if !strings.HasPrefix(text[at[1]:], "data:") {
			t.Errorf("the page fetches %q", text[at[0]:min(at[1]+40, len(text))])
		}
	}
	if !fetches.MatchString(`<img src="x">`) {
		t.Error("the expression finds nothing")
	}
}

func TestHighlightKeepsTheText(t *testing.T) {
	tags := regexp.MustCompile(`<[^>]*>`)
	for _, source := range []string{"", "package x", "%%\nfor i := range 3 {\n\tf(i, 'a', 1.5e3, `raw\nstring`)\n}\n/* c */", "\"unterminated\nx",
		"!ls -l\nx <- y", "%%bash\necho <a>", "ü := \"é\" // ñ", "x := '", "/*", "#", "\r\nvar x\r\n", "a\x00b"} {
		if got := html.UnescapeString(tags.ReplaceAllString(highlight(source), "")); got != html.UnescapeString(html.EscapeString(source)) {
			t.Errorf("%q came out as %q", source, got)
		}
	}
}

func TestOverwrite(t *testing.T) {
	for in, want := range map[string]string{"a\rb\n": "b\n", "a\r\nb": "a\nb", "10%\r20%\r100%\ndone\r": "100%\ndone", "": "", "x": "x"} {
		if got := overwrite(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

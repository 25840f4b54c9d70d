package notebook

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html"
	"mime"
	"os"
	"path/filepath"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/util"
)

// maxPicture bounds a picture file that is put into the page.
const maxPicture = 8 << 20

// prose renders Markdown. Raw HTML in it is shown as text, pictures become part of the page, or a link if they are elsewhere.
type prose struct {
	md          goldmark.Markdown
	dir         string         // of the notebook's file
	attachments map[string]any // of the cell at hand
}

func newProse(nb *Notebook) *prose {
	p := &prose{dir: filepath.Dir(nb.Path)}
	p.md = goldmark.New(goldmark.WithExtensions(extension.GFM))
	// Below the priority of goldmark's own HTML renderer (1000), so that these replace its functions.
	p.md.Renderer().AddOptions(renderer.WithNodeRenderers(util.Prioritized(p, 500)))
	return p
}

func (p *prose) write(w *bytes.Buffer, c *Cell) error {
	p.attachments = c.Attachments
	defer func() { p.attachments = nil }()
	return p.convert(w, c.Source)
}

func (p *prose) convert(w *bytes.Buffer, source string) error { return p.md.Convert([]byte(source), w) }

// RegisterFuncs replaces goldmark's rendering of some nodes.
func (p *prose) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindRawHTML, escapeSegments)
	r.Register(ast.KindHTMLBlock, escapeSegments)
	r.Register(ast.KindImage, p.image)
	r.Register(ast.KindFencedCodeBlock, fenced)
}

func escapeSegments(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkSkipChildren, nil
	}
	write := func(text []byte) { w.WriteString(html.EscapeString(string(text))) }
	switch n := n.(type) {
	case *ast.RawHTML:
		for i := range n.Segments.Len() {
			segment := n.Segments.At(i)
			write(segment.Value(source))
		}
	case *ast.HTMLBlock:
		w.WriteString("<p>")
		for i := range n.Lines().Len() {
			line := n.Lines().At(i)
			write(line.Value(source))
		}
		if n.HasClosure() {
			write(n.ClosureLine.Value(source))
		}
		w.WriteString("</p>\n")
	}
	return ast.WalkSkipChildren, nil
}

// fenced colours Go and escapes other languages.
func fenced(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	block := n.(*ast.FencedCodeBlock)
	var code strings.Builder
	for i := range block.Lines().Len() {
		line := block.Lines().At(i)
		code.Write(line.Value(source))
	}
	text := html.EscapeString(code.String())
	if string(block.Language(source)) == "go" {
		text = highlight(code.String())
	}
	fmt.Fprintf(w, "<pre>%s</pre>\n", text)
	return ast.WalkSkipChildren, nil
}

func (p *prose) image(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	img := n.(*ast.Image)
	url, alt := string(img.Destination), html.EscapeString(altText(img, source))
	if data := p.inline(url); data != "" {
		fmt.Fprintf(w, "<img alt=\"%s\" src=\"%s\">", alt, html.EscapeString(data))
		return ast.WalkSkipChildren, nil
	}
	if runsCode(url) {
		url = ""
	}
	fmt.Fprintf(w, "<a href=\"%s\">%s</a>", html.EscapeString(url), alt)
	return ast.WalkSkipChildren, nil
}

func altText(n ast.Node, source []byte) string {
	var b strings.Builder
	ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := n.(*ast.Text); ok && entering {
			b.Write(t.Value(source))
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// inline returns a picture as a data URL: an attachment of the cell, a data URL, or a file beside or below the notebook.
func (p *prose) inline(url string) string {
	if strings.HasPrefix(url, "data:image/") {
		return url
	}
	if name, ok := strings.CutPrefix(url, "attachment:"); ok {
		bundle, _ := p.attachments[name].(map[string]any)
		for mime, v := range bundle {
			if s, ok := v.(string); ok && strings.HasPrefix(mime, "image/") {
				return "data:" + mime + ";base64," + s
			}
		}
		return ""
	}
	kind := mime.TypeByExtension(filepath.Ext(url))
	if !strings.HasPrefix(kind, "image/") || !filepath.IsLocal(url) {
		return ""
	}
	path := filepath.Join(p.dir, url)
	if info, err := os.Stat(path); err != nil || info.Size() > maxPicture {
		return ""
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(data)
}

// runsCode says whether a link would run code.
func runsCode(url string) bool {
	lower := strings.ToLower(strings.TrimSpace(url))
	return strings.HasPrefix(lower, "javascript:") || strings.HasPrefix(lower, "vbscript:") || strings.HasPrefix(lower, "data:")
}

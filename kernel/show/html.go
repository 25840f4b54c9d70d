package show

import (
	"fmt"
	"hash/fnv"
	"strings"
)

// Fragment is a figure: a piece of a page, and the same for a terminal.
type Fragment interface {
	// HTML returns one self-contained element, well-formed as XML, with its style and without scripts.
	HTML() string
	// Text returns lines of at most width columns (80 when width is not positive), the last one ended.
	Text(width int) string
}

// figure wraps the body of a fragment in its element with title, caption and notes. Body is markup; the others are texts.
func figure(kind, title, body, caption string, notes []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<figure class="pare pare-%s"><style>%s</style>`, kind, StyleSheet())
	if title != "" {
		fmt.Fprintf(&b, `<div class="pare-title">%s</div>`, escape(title))
	}
	b.WriteString(body)
	if caption != "" {
		fmt.Fprintf(&b, `<figcaption>%s</figcaption>`, escape(caption))
	}
	for _, n := range notes {
		fmt.Fprintf(&b, `<div class="pare-note">%s</div>`, escape(n))
	}
	b.WriteString("</figure>\n")
	return b.String()
}

// identity returns a name for the parts of a figure that refer to one another, the same for the same contents, so that
// a notebook run twice holds the same output.
func identity(parts ...any) string {
	h := fnv.New64a()
	fmt.Fprint(h, parts...)
	return fmt.Sprintf("pare-%016x", h.Sum64())
}

// StyleSheet returns the style sheet that every fragment carries. All of it is scoped to the class pare. Dark colours apply where
// the reader's system asks for them, and where the page around says so itself: JupyterLab and exported notebooks
// (data-jp-theme-light), VS Code, or an element with data-theme.
func StyleSheet() string { return styleSheet }

var styleSheet = variables(".pare", lightTheme) +
	"@media (prefers-color-scheme:dark){" + variables(".pare", darkTheme) + "}" +
	variables(`[data-jp-theme-light="true"] .pare,.vscode-light .pare,[data-theme="light"] .pare`, lightTheme) +
	variables(`[data-jp-theme-light="false"] .pare,.vscode-dark .pare,[data-theme="dark"] .pare`, darkTheme) +
	"@media print{" + variables(".pare.pare", lightTheme) + "}" +
	strings.Join(strings.Fields(rules), " ")

func variables(selector string, t theme) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s{--pb:%s;--pt:%s;--pm:%s;--pg:%s;--pr:%s;--ph:%s", selector, t.ground, t.text, t.muted, t.grid, t.rule, t.mark)
	for i, c := range t.series {
		fmt.Fprintf(&b, ";--p%d:%s", i, c)
	}
	return b.String() + "}"
}

const rules = `
.pare{box-sizing:border-box;max-width:780px;margin:.5em 0;padding:14px 16px;border-radius:6px;background:var(--pb);color:var(--pt);
font:13px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
.pare .pare-title{font-size:15px;font-weight:600;margin:0 0 8px}
.pare figcaption,.pare .pare-note{color:var(--pm);font-size:12px;margin:8px 0 0;max-width:72ch;text-align:left}
.pare .pare-note{margin-top:4px;font-style:italic}
.pare svg{display:block;width:100%;height:auto;overflow:visible}
.pare svg text{font-family:inherit;font-size:12px;fill:var(--pt)}
.pare svg .pare-m{fill:var(--pm)}
.pare svg .pare-h{paint-order:stroke;stroke:var(--pb);stroke-width:4px;stroke-linejoin:round}
.pare svg .pare-g{stroke:var(--pg);stroke-width:1;fill:none}
.pare svg .pare-r{stroke:var(--pr);stroke-width:1;fill:none}
.pare svg .pare-ref{stroke:var(--pm);stroke-width:1.25;stroke-dasharray:5 4;fill:none}
.pare svg .pare-l{fill:none;stroke:var(--c);stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.pare svg .pare-f{stroke-width:1.25}
.pare svg .pare-b{fill:var(--c);fill-opacity:.16;stroke:none}
.pare svg .pare-e{fill:none;stroke:var(--c);stroke-width:1.25}
.pare svg .pare-p{fill:var(--c);stroke:var(--pb);stroke-width:1.25}
.pare svg .pare-o{fill:var(--pb);stroke:var(--c);stroke-width:2}
.pare svg .pare-x{fill:none;stroke:var(--c);stroke-width:2}
.pare svg .pare-k{fill:none;stroke:var(--pm);stroke-width:1.75}
.pare svg .pare-j{fill:none;stroke:var(--p0);stroke-width:1.4;stroke-linejoin:round}
.pare svg .pare-w{fill:none;stroke:transparent;stroke-width:7}
.pare svg .pare-t{fill:var(--c);fill:color-mix(in oklab,var(--c) 72%,var(--pt));font-weight:600}
.pare svg .pare-hit{fill:transparent;stroke:none}
.pare .pare-legend{display:flex;flex-wrap:wrap;gap:4px 18px;margin:0 0 6px;padding:0;list-style:none}
.pare .pare-legend li{display:flex;align-items:center;gap:6px;margin:0;max-width:100%}
.pare .pare-legend svg{width:30px;height:14px;flex:none}
.pare .pare-scroll{overflow-x:auto;max-width:100%}
.pare table.pare-table{border-collapse:collapse;margin:0;width:auto;font-size:13px;border:0;color:inherit;table-layout:auto;
font-variant-numeric:tabular-nums lining-nums}
.pare table.pare-table th,.pare table.pare-table td{border:0;padding:5px 14px 5px 0;text-align:left;vertical-align:baseline;
white-space:nowrap;max-width:44ch;overflow:hidden;text-overflow:ellipsis;background:none;color:inherit}
.pare table.pare-table th:last-child,.pare table.pare-table td:last-child{padding-right:4px}
.pare table.pare-table th:first-child,.pare table.pare-table td:first-child{padding-left:4px}
.pare table.pare-table thead th{border-bottom:1.5px solid var(--pr);font-weight:600;vertical-align:bottom}
.pare table.pare-table tbody tr:nth-child(n){background:none;border-bottom:1px solid var(--pg)}
.pare table.pare-table tbody tr:nth-child(n):hover{background:var(--ph)}
.pare table.pare-table tbody tr.pare-mark:nth-child(n){background:var(--ph)}
.pare table.pare-table .pare-n{text-align:right}
.pare table.pare-table .pare-c{text-align:center}
.pare table.pare-table .pare-best{font-weight:700;color:var(--p2)}
.pare .pare-unit{color:var(--pm);font-weight:400}
.pare .pare-err{color:var(--p1)}
.pare pre{margin:0;padding:0;background:none;color:inherit;border:0;white-space:pre-wrap;font:12px/1.5 ui-monospace,Menlo,Consolas,monospace}
.pare .pare-bar{height:6px;border-radius:3px;background:var(--pg);overflow:hidden;margin:3px 0 4px}
.pare .pare-bar div{height:100%;border-radius:3px;background:var(--p0)}
.pare .pare-stage{display:flex;justify-content:space-between;gap:16px;font-variant-numeric:tabular-nums}
.pare .pare-stage span:last-child{color:var(--pm);white-space:nowrap}
`

package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/parelab/pare/kernel/notebook"
)

// runProgress tells how far a run is: a bar on a terminal, a line for each cell elsewhere, nothing when JSON is asked for
// unless the cells' own output is.
type runProgress struct {
	w       io.Writer
	bar     *progressbar.ProgressBar
	tty     bool
	verbose bool
	quiet   bool
}

func newRunProgress(w io.Writer, verbose, quiet bool) *runProgress {
	file, ok := w.(*os.File)
	return &runProgress{w: w, tty: ok && !verbose && !quiet && term.IsTerminal(int(file.Fd())), verbose: verbose, quiet: quiet}
}

func (p *runProgress) begin(number, total int, c *notebook.Cell) {
	if p.tty {
		if p.bar == nil {
			p.bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(p.w), progressbar.OptionFullWidth(),
				progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(false), progressbar.OptionClearOnFinish())
		}
		p.bar.Describe(fmt.Sprintf("%-40.40s", gist(c.Source)))
		p.bar.RenderBlank()
		return
	}
	if p.verbose {
		fmt.Fprintf(p.w, "[%d/%d] %s\n", number, total, gist(c.Source))
	}
}

func (p *runProgress) end(number, total int, c *notebook.Cell, took float64) {
	switch {
	case p.bar != nil:
		p.bar.Add(1)
	case !p.quiet:
		fmt.Fprintf(p.w, "[%d/%d] %6.1f s  %s\n", number, total, took, gist(c.Source))
	}
}

func (p *runProgress) print(_, text string) {
	if p.verbose {
		io.WriteString(p.w, text)
	}
}

func (p *runProgress) close() {
	if p.bar != nil {
		p.bar.Clear()
	}
}

// gist returns the first line of a cell that says something: not a command of the kernel, not an import.
func gist(source string) string {
	imports := false
	for line := range strings.Lines(source) {
		line = strings.TrimSpace(line)
		imports = imports || strings.HasPrefix(line, "import (")
		skip := imports || line == "" || strings.HasPrefix(line, "%") || strings.HasPrefix(line, "import ")
		imports = imports && line != ")"
		if skip {
			continue
		}
		if r := []rune(line); len(r) > 60 {
			return string(r[:59]) + "…"
		}
		return line
	}
	return strings.Join(strings.Fields(source), " ")
}

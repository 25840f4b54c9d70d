package notebook

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/parelab/pare/kernel/wire"
)

// errCellTimeout is the cause of a cell's end by its timeout.
var errCellTimeout = errors.New("the cell took longer than its timeout")

// CellError says which cell failed and why.
type CellError struct {
	Number int    // of all cells of the notebook, from 1
	ID     string // of the cell
	Reason string // "does not compile", "failed", ...
	Detail string // the compiler's lines or the end of what the cell wrote to stderr; may be empty
	cause  error
}

func (e *CellError) Error() string {
	s := fmt.Sprintf("cell %d (%s) %s", e.Number, e.ID, e.Reason)
	if e.Detail != "" {
		s += ":\n" + indent(e.Detail)
	}
	return s
}

// Unwrap returns what ended the cell from outside, nil if it failed by itself.
func (e *CellError) Unwrap() error { return e.cause }

// interrupted is the error of a cell that was ended from outside.
func interrupted(number int, cell *Cell, cause error) error {
	e := &CellError{Number: number, ID: cell.ID, Reason: "was interrupted: " + cause.Error(), cause: cause}
	if errors.Is(cause, errCellTimeout) {
		e.Reason = "was interrupted: " + strings.TrimPrefix(cause.Error(), "the cell ")
	}
	return e
}

// failed is the error of a cell that the kernel reports as failed.
func failed(number int, cell *Cell, reply *wire.ExecuteReply) error {
	e := &CellError{Number: number, ID: cell.ID}
	if reply.Status == "aborted" {
		e.Reason = "was not run by the kernel"
		return e
	}
	if lines := compilerLines(reply); len(lines) > 0 {
		e.Reason, e.Detail = "does not compile", strings.Join(lines, "\n")
		return e
	}
	e.Reason = "failed with " + lastLine(reply.EValue)
	e.Detail = stderrTail(cell)
	return e
}

var (
	ansi      = regexp.MustCompile("\x1b\\[[0-9;]*m")
	cellPlace = regexp.MustCompile(`^Cell(?:\[(\d+)\]:)? Line (\d+)$`)
	// tracePlace is how GoNB marks a line of a stack trace that stems from a cell.
	tracePlace = regexp.MustCompile(`\[\[ Cell (\[\d+\] )?Line (\d+) \]\] +\S*main(?:_test)?\.go:\d+( \+0x[0-9a-f]+)?`)
	codePlace  = regexp.MustCompile(`^.*main(?:_test)?\.go:(\d+)(?::(\d+))?: ?`)
)

// compilerLines reads GoNB's traceback of a cell that the compiler or goimports refused: for each complaint a place in a
// cell, some lines of the composed program, and the message. It returns nothing for other failures.
func compilerLines(reply *wire.ExecuteReply) []string {
	if !codePlace.MatchString(firstPlace(reply.EValue)) {
		return nil
	}
	var out []string
	for _, entry := range reply.Traceback {
		parts := strings.Split(strings.TrimRight(ansi.ReplaceAllString(entry, ""), "\n"), "\n")
		message := parts[len(parts)-1]
		place := cellPlace.FindStringSubmatch(parts[0])
		switch {
		case place == nil && (message == "" || strings.HasPrefix(message, "# ") || strings.HasPrefix(message, "exit status")):
		case place == nil:
			out = append(out, message)
		case place[1] != "" && place[1] != strconv.Itoa(reply.ExecutionCount):
			out = append(out, fmt.Sprintf("[%s] line %s: %s", place[1], place[2], message))
		default:
			out = append(out, fmt.Sprintf("line %s: %s", place[2], message))
		}
	}
	return out
}

// firstPlace returns the first line of text that names a place in the composed program.
func firstPlace(text string) string {
	for line := range strings.Lines(text) {
		if codePlace.MatchString(line) {
			return line
		}
	}
	return ""
}

// stderrTail returns the end of what a cell wrote to stderr, without colours and without what the kernel adds.
func stderrTail(cell *Cell) string {
	const most = 40
	var all []string
	for _, o := range cell.Outputs {
		if o.Type == StreamOutput && o.Name == "stderr" {
			all = append(all, strings.Split(strings.TrimRight(plain(o.Text), "\n"), "\n")...)
		}
	}
	if n := len(all); n > 0 && strings.HasPrefix(all[n-1], "exit status") {
		all = all[:n-1]
	}
	if over := len(all) - most; over > 0 {
		all = append([]string{fmt.Sprintf("... (%d lines)", over)}, all[over:]...)
	}
	return strings.Join(all, "\n")
}

// plain removes colours, and says of a stack trace's places only which cell and line they are.
func plain(text string) string {
	return tracePlace.ReplaceAllString(ansi.ReplaceAllString(text, ""), "cell ${1}line $2")
}

func lastLine(s string) string {
	s = strings.TrimSpace(ansi.ReplaceAllString(s, ""))
	return s[strings.LastIndexByte(s, '\n')+1:]
}

func indent(s string) string { return "    " + strings.ReplaceAll(s, "\n", "\n    ") }

package notebook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parelab/pare/kernel/gonb"
)

// CellEnv names the environment variable that tells a cell its id, NotebookEnv the one that holds the notebook's path.
const (
	CellEnv     = "PARE_CELL"
	NotebookEnv = "PARE_NOTEBOOK"
)

// lateOutput is how long a cell's displays may come after its end.
const lateOutput = 30 * time.Millisecond

// RunOptions tells [Run] where and how to execute. Only Kernel is needed.
type RunOptions struct {
	Kernel      *gonb.Kernel
	CellTimeout time.Duration // for each cell; 0 is none. A cell's metadata {"pare": {"timeout": "5m"}} goes before it.

	Save  func() error                                   // called after every cell
	Begin func(number, total int, c *Cell)               // before a cell runs; number counts those that run, from 1
	End   func(number, total int, c *Cell, took float64) // after it, took in seconds
	Print func(name, text string)                        // what a cell writes to stdout and stderr, as it comes
}

// Report says what a run did.
type Report struct {
	Cells    int     `json:"cells"`    // code cells that had something to run
	Executed int     `json:"executed"` // how many of them were run, the failing one included
	Seconds  float64 `json:"seconds"`
}

// Run executes the code cells of nb in order and fills in their outputs, counts and times. What a former run left is
// removed first. It stops at the first cell that fails with a [*CellError], unless that cell bears the tag raises-exception;
// cells after it are left without outputs. When ctx ends, the cell at work is interrupted and keeps what it had put out.
func Run(ctx context.Context, nb *Notebook, opt RunOptions) (*Report, error) {
	out := newCollector(opt.Print)
	c, err := connect(ctx, opt.Kernel, out.handle)
	if err != nil {
		return nil, err
	}
	defer c.close()
	if err := c.quietly(ctx, gonb.Preamble()); err != nil {
		return nil, err
	}
	nb.Clear()
	report, start := &Report{}, time.Now()
	for _, cell := range nb.Cells {
		if cell.runs() {
			report.Cells++
		}
	}
	for i, cell := range nb.Cells {
		if !cell.runs() {
			continue
		}
		report.Executed++
		err := runCell(ctx, c, out, cell, i+1, report, opt)
		report.Seconds = time.Since(start).Seconds()
		if opt.Save != nil {
			if saveErr := opt.Save(); saveErr != nil {
				return report, errors.Join(err, saveErr)
			}
		}
		if err != nil {
			return report, err
		}
	}
	return report, nil
}

// runCell executes one cell; number counts all cells of the notebook from 1.
func runCell(ctx context.Context, c *client, out *collector, cell *Cell, number int, r *Report, opt RunOptions) error {
	timeout, err := cellTimeout(cell, opt.CellTimeout)
	if err != nil {
		return fmt.Errorf("cell %d (%s): %w", number, cell.ID, err)
	}
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, timeout, fmt.Errorf("%w of %v", errCellTimeout, timeout))
		defer cancel()
	}
	if err := c.quietly(ctx, "%env "+CellEnv+" "+gonb.Quote(cell.ID)); err != nil {
		return err
	}
	if opt.Begin != nil {
		opt.Begin(r.Executed, r.Cells, cell)
	}
	start := time.Now()
	request, err := c.request(cell.Source, false)
	if err != nil {
		return err
	}
	out.expect(request, cell)
	reply, err := c.execute(ctx, request)
	c.drain(lateOutput)
	settle(cell.Outputs)
	out.cells[request.Header.MsgID].note("shell.execute_reply")
	if reply != nil {
		cell.ExecutionCount = reply.ExecutionCount
	}
	if opt.End != nil {
		opt.End(r.Executed, r.Cells, cell, time.Since(start).Seconds())
	}
	if err != nil {
		return interrupted(number, cell, err)
	}
	if reply.Status != "ok" && !cell.HasTag(TagRaises) {
		return failed(number, cell, reply)
	}
	return nil
}

// quietly executes code that belongs to no cell.
func (c *client) quietly(ctx context.Context, code string) error {
	request, err := c.request(code, true)
	if err != nil {
		return err
	}
	reply, err := c.execute(ctx, request)
	if err != nil {
		return err
	}
	if reply.Status != "ok" {
		return fmt.Errorf("preparing the kernel: %s", reply.EValue)
	}
	return nil
}

func cellTimeout(c *Cell, standard time.Duration) (time.Duration, error) {
	own, _ := c.Metadata["pare"].(map[string]any)
	v, ok := own["timeout"]
	if !ok {
		return standard, nil
	}
	s, _ := v.(string)
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("metadata pare.timeout: expected a duration such as \"5m\", found %s", kind(v))
	}
	return d, nil
}

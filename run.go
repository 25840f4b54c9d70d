package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/parelab/pare/internal/durable"
	"github.com/parelab/pare/kernel/gonb"
	"github.com/parelab/pare/kernel/lab"
	"github.com/parelab/pare/kernel/notebook"
)

// runFlags are the options of `pare run`.
type runFlags struct {
	output, page, kernelLog    string
	noPage, inPlace            bool
	parameters                 []string
	timeout, cellTimeout       time.Duration
	verbose, asJSON, listParam bool
}

// runResult is what `pare run --json` prints.
type runResult struct {
	Notebook string            `json:"notebook"` // as given
	Output   string            `json:"output"`   // the executed notebook
	Page     string            `json:"html,omitempty"`
	Status   string            `json:"status"` // "done" or "failed"
	Report   *notebook.Report  `json:"report,omitempty"`
	Failure  *runFailure       `json:"failure,omitempty"`
	Params   map[string]string `json:"parameters,omitempty"`
}

type runFailure struct {
	Cell   int    `json:"cell,omitempty"` // of all cells, from 1; 0 if no cell was at fault
	ID     string `json:"id,omitempty"`
	Reason string `json:"reason"`
	Detail string `json:"detail,omitempty"`
}

func newRunCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run NOTEBOOK.ipynb",
		Short: "execute a notebook's Go cells without Jupyter, and keep what came out",
		Long: `Run executes the Go cells of a notebook one after the other on the GoNB kernel that go.mod pins, and writes the executed
notebook and an HTML page with its pictures. It stops at the first cell that fails; what was done until then is saved.

Cells run in the notebook's directory. A cell tagged "parameters" declares what -p can set.`,
		Example: "  pare run notebooks/01_quickstart.ipynb -p ratio=0.3",
		Args:    exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runNotebook(cmd.Context(), args[0], f, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.output, "output", "o", "", "where the executed notebook goes (default out/NAME.ipynb beside .pare)")
	flags.StringVar(&f.page, "html", "", "where the HTML page goes (default beside the executed notebook)")
	flags.BoolVar(&f.noPage, "no-html", false, "write no HTML page")
	flags.BoolVar(&f.inPlace, "inplace", false, "write the executed notebook over the given one")
	flags.StringArrayVarP(&f.parameters, "parameter", "p", nil, "set a parameter of the notebook, as name=value; may be repeated")
	flags.BoolVar(&f.listParam, "parameters", false, "list the notebook's parameters and run nothing")
	flags.DurationVar(&f.timeout, "timeout", 0, "longest time for the whole notebook, as 10m (default none)")
	flags.DurationVar(&f.cellTimeout, "cell-timeout", 0, "longest time for one cell (default none)")
	flags.StringVar(&f.kernelLog, "kernel-log", "", "append the kernel's own log to this file")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "show what cells write, as it comes")
	flags.BoolVar(&f.asJSON, "json", false, "print one JSON object about the run")
	return cmd
}

func runNotebook(ctx context.Context, path string, f runFlags, stdout, stderr io.Writer) error {
	nb, err := notebook.Read(path)
	if err != nil {
		return err
	}
	if f.listParam {
		return listParameters(nb, f.asJSON, stdout)
	}
	result := &runResult{Notebook: path, Params: map[string]string{}}
	for _, p := range f.parameters {
		name, value, ok := strings.Cut(p, "=")
		if !ok || name == "" {
			return usageError{fmt.Errorf("-p %s: expected name=value", p)}
		}
		result.Params[name] = value
	}
	if err := nb.SetParameters(result.Params); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if result.Output, result.Page, err = runTargets(path, f); err != nil {
		return err
	}
	runErr := executeNotebook(ctx, nb, f, result, stderr)
	return finishRun(nb, f, result, runErr, stdout, stderr)
}

// runTargets returns where the executed notebook and the page go, and makes their directories.
func runTargets(path string, f runFlags) (output, page string, err error) {
	output = f.output
	if f.inPlace {
		if output != "" {
			return "", "", usageError{errors.New("--inplace and --output exclude one another")}
		}
		output = path
	}
	if output == "" {
		home, err := lab.Home()
		if err != nil {
			return "", "", err
		}
		if filepath.Base(home) == ".pare" {
			home = filepath.Dir(home)
		}
		output = filepath.Join(relative(home), "out", filepath.Base(path))
	}
	if same(path, output) && !f.inPlace {
		return "", "", usageError{fmt.Errorf("--output %s is the notebook itself: say --inplace to write over it", output)}
	}
	if page = f.page; page == "" && !f.noPage {
		page = strings.TrimSuffix(output, ".ipynb") + ".html"
	}
	if f.noPage {
		page = ""
	}
	for _, file := range []string{output, page} {
		if file != "" {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				return "", "", err
			}
		}
	}
	return output, page, nil
}

// executeNotebook runs the cells on a kernel of their own, saving after each.
func executeNotebook(ctx context.Context, nb *notebook.Notebook, f runFlags, result *runResult, stderr io.Writer) error {
	tools, err := gonb.Build(ctx, gonb.BuildOptions{Log: stderr})
	if err != nil {
		return err
	}
	full, err := filepath.Abs(result.Notebook)
	if err != nil {
		return err
	}
	home, err := lab.Home() // of this working directory, where `pare trials` will look, too
	if err != nil {
		return err
	}
	opt := gonb.Options{Tools: tools, WorkDir: filepath.Dir(full),
		Env: []string{notebook.NotebookEnv + "=" + full, "PARE_HOME=" + home}}
	if f.kernelLog != "" {
		log, err := os.OpenFile(f.kernelLog, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		defer log.Close()
		opt.Log = log
	}
	if f.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, f.timeout, fmt.Errorf("the notebook took longer than --timeout %v", f.timeout))
		defer cancel()
	}
	kernel, err := gonb.Start(ctx, opt)
	if err != nil {
		return err
	}
	defer kernel.Stop()
	progress := newRunProgress(stderr, f.verbose, f.asJSON)
	defer progress.close()
	result.Report, err = notebook.Run(ctx, nb, notebook.RunOptions{
		Kernel: kernel, CellTimeout: f.cellTimeout, Begin: progress.begin, End: progress.end, Print: progress.print,
		Save: func() error { return nb.Write(result.Output) },
	})
	return err
}

// finishRun writes what there is, says where, and returns the run's error.
func finishRun(nb *notebook.Notebook, f runFlags, r *runResult, runErr error, stdout, stderr io.Writer) error {
	if r.Report == nil { // no cell was run: there is nothing to keep
		return runErr
	}
	writeErr := nb.Write(r.Output)
	if r.Page != "" && writeErr == nil {
		writeErr = writePage(nb, r.Page)
	}
	r.Status = "done"
	if runErr != nil {
		r.Status, r.Failure = "failed", &runFailure{Reason: runErr.Error()}
		var cell *notebook.CellError
		if errors.As(runErr, &cell) {
			r.Failure = &runFailure{Cell: cell.Number, ID: cell.ID, Reason: cell.Reason, Detail: cell.Detail}
		}
		runErr = fmt.Errorf("%s: %w", r.Notebook, runErr)
	}
	if f.asJSON {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		writeErr = errors.Join(writeErr, enc.Encode(r))
		return errors.Join(runErr, writeErr)
	}
	to := stdout
	if runErr != nil {
		to = stderr
	}
	fmt.Fprintf(to, "%d of %d cells in %.1f s\n  notebook  %s\n", r.Report.Executed, r.Report.Cells, r.Report.Seconds, r.Output)
	if r.Page != "" {
		fmt.Fprintf(to, "  page      %s\n", r.Page)
	}
	return errors.Join(runErr, writeErr)
}

func writePage(nb *notebook.Notebook, path string) error {
	var page bytes.Buffer
	if err := notebook.HTML(nb, &page); err != nil {
		return err
	}
	return durable.WriteFile(path, page.Bytes())
}

func listParameters(nb *notebook.Notebook, asJSON bool, w io.Writer) error {
	list, err := nb.Parameters()
	if err != nil {
		return fmt.Errorf("%s: %w", nb.Path, err)
	}
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(map[string]any{"notebook": nb.Path, "parameters": append([]notebook.Parameter{}, list...)})
	}
	for _, p := range list {
		fmt.Fprintf(w, "%-16s %-14s %s\n", p.Name, p.Type, p.Default)
	}
	return nil
}

// relative returns path as seen from the working directory if that is shorter, for messages.
func relative(path string) string {
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(wd, path); err == nil && len(rel) < len(path) {
		return rel
	}
	return path
}

// same says whether two paths name one file.
func same(a, b string) bool {
	x, errA := os.Stat(a)
	y, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(x, y)
}

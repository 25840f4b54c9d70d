package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	"github.com/parelab/pare/kernel/gonb"
	"github.com/parelab/pare/kernel/notebook"
)

// finding is one line of `pare kernel doctor`.
type finding struct {
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	Hint   string `json:"hint,omitempty"` // what to do when not OK
	Needed bool   `json:"needed"`         // whether pare run needs it, or only Jupyter
}

func newKernelDoctor() *cobra.Command {
	var prefix string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "check everything that the kernel needs, and run a cell",
		Args:  exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := kernelDir(prefix)
			if err != nil {
				return err
			}
			return reportFindings(examine(cmd.Context(), dir, cmd.ErrOrStderr()), asJSON, cmd.OutOrStdout())
		},
	}
	placeFlags(cmd, &prefix)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// examine looks at the parts in the order in which they need one another, and stops where nothing further can work.
func examine(ctx context.Context, specDir string, stderr io.Writer) []finding {
	var list []finding
	add := func(check string, needed bool, err error, detail, hint string) bool {
		f := finding{Check: check, OK: err == nil, Detail: detail, Needed: needed}
		if err != nil {
			f.Detail, f.Hint = err.Error(), hint
		}
		list = append(list, f)
		return err == nil
	}
	start := time.Now()
	tools, err := gonb.Build(ctx, gonb.BuildOptions{Log: stderr})
	if !add("tools", true, err, fmt.Sprintf("GoNB %s with %s, in %s", tools.GoNB, tools.Go, since(start)), "see the message") {
		return list
	}
	add("source", true, nil, tools.Source, "")
	took, err := tryCell(ctx, tools)
	add("cell", true, err, took, "run with --kernel-log to see what GoNB says: pare run NOTEBOOK --kernel-log FILE")
	spec, err := readSpec(specDir)
	if err == nil {
		_, err = exec.LookPath(spec.Argv[0])
	}
	add("kernelspec", false, err, specDir, "pare kernel install")
	gopls, err := exec.LookPath("gopls")
	add("gopls", false, err, gopls, "go install golang.org/x/tools/gopls@latest, for completion and help in Jupyter")
	jupyter, err := exec.LookPath("jupyter")
	add("jupyter", false, err, jupyter, "install JupyterLab to use the kernel there; pare run needs none")
	return list
}

// tryCell starts a kernel and runs a cell twice that imports from the module.
func tryCell(ctx context.Context, tools gonb.Tools) (string, error) {
	start := time.Now()
	kernel, err := gonb.Start(ctx, gonb.Options{Tools: tools})
	if err != nil {
		return "", err
	}
	defer kernel.Stop()
	detail := "started in " + since(start)
	for _, name := range []string{"first cell", "next cell"} {
		start = time.Now()
		nb := &notebook.Notebook{Cells: []*notebook.Cell{{ID: "doctor", Type: notebook.Code, Source: fmt.Sprintf(
			"import \"%s/gomlxops\"\n%%%%\nfmt.Println(gomlxops.BackendName(), %q)", gonb.Module, name)}}}
		if _, err := notebook.Run(ctx, nb, notebook.RunOptions{Kernel: kernel}); err != nil {
			return "", err
		}
		detail += fmt.Sprintf(", %s in %s", name, since(start))
	}
	return detail, nil
}

func reportFindings(list []finding, asJSON bool, w io.Writer) error {
	failed := 0
	for _, f := range list {
		if !f.OK && f.Needed {
			failed++
		}
	}
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		if err := enc.Encode(map[string]any{"ok": failed == 0, "findings": list}); err != nil {
			return err
		}
	} else {
		for _, f := range list {
			mark := "ok"
			if !f.OK {
				mark = "--"
			}
			fmt.Fprintf(w, "%s  %-11s %s\n", mark, f.Check, f.Detail)
			if f.Hint != "" {
				fmt.Fprintf(w, "    %-11s %s\n", "", f.Hint)
			}
		}
	}
	if failed > 0 {
		return errors.New("the kernel does not work here")
	}
	return nil
}

func since(start time.Time) string { return time.Since(start).Round(10 * time.Millisecond).String() }

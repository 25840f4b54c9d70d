package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/parelab/pare/kernel/show"
)

// The functions of this file are the package's calls for notebook cells: each works on the lab of the working directory,
// prints an error and ends the cell. Programs use the methods of [Lab].

// here is the lab of the working directory.
var here = sync.OnceValue(func() *Lab { return must(New()) })

// interruptible is a context that ends with an interrupt, so that a trial is recorded as interrupted and nothing is lost.
var interruptible = sync.OnceValue(func() context.Context {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() { <-ctx.Done(); stop() }()
	return ctx
})

// Exit statuses of a cell, as of the command.
const (
	statusFailed      = 1
	statusInterrupted = 130
)

// must returns v, or prints the error and ends the cell.
func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	switch {
	case err == nil:
		return
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "interrupted:", err)
		os.Exit(statusInterrupted)
	}
	fmt.Fprintln(os.Stderr, "error:", err)
	os.Exit(statusFailed)
}

// Open opens a model for a cell. See [Lab.Open].
func Open(name string) *Model { return must(here().Open(name)) }

// Calibrate runs calibration text once through the model, or reads back what an earlier run found. See [Lab.Calibrate].
func Calibrate(m *Model, opt Calibration) *Moments {
	return must(here().Calibrate(interruptible(), m, opt))
}

// Export writes the model for other programs. See [Lab.Export].
func Export(m *Model, opt Exporting) *Exported { return must(here().Export(interruptible(), m, opt)) }

// Generate continues a prompt and prints prompt and text as they come. See [Lab.Generate].
func Generate(m *Model, prompt string, opt Generation) *Continuation {
	if !opt.Chat {
		fmt.Print(prompt)
	}
	done, err := here().Generate(interruptible(), m, prompt, opt, os.Stdout)
	fmt.Println()
	return must(done, err)
}

// CellStudy is a [Study] whose methods are made for cells.
type CellStudy struct{ *Study }

// NewStudy opens or makes a study for a cell. See [Lab.NewStudy].
func NewStudy(name string, measure Measure) CellStudy {
	return CellStudy{must(here().NewStudy(interruptible(), name, measure))}
}

// Try makes the model smaller, measures it and records the trial. See [Study.Try].
func (s CellStudy) Try(m *Model, a Attempt) *Outcome {
	return must(s.Study.Try(interruptible(), m, a))
}

// Table lists the latest trial of every setting. See [Study.Table].
func (s CellStudy) Table() show.Fragment { return must(s.Study.Table(interruptible())) }

// Chart draws perplexity against ratio. See [Study.Chart].
func (s CellStudy) Chart() show.Fragment { return must(s.Study.Chart(interruptible())) }

// LostEnergy draws what an attempt's ranks leave out of every linear, as a fraction of its energy: layers by kinds of linear.
func LostEnergy(m *Model, a Attempt) show.Fragment {
	return must(here().LostEnergy(interruptible(), m, a))
}

// Show displays its arguments: figures, tables, and whatever has Facts.
func Show(items ...any) {
	for i, item := range items {
		if m, ok := item.(*Model); ok {
			item = must(m.Info())
		}
		if f, ok := item.(interface{ Facts() show.Fragment }); ok {
			items[i] = f.Facts()
		}
	}
	show.Display(items...)
}

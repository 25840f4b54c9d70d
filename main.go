// Command pare makes language models smaller and remembers every attempt.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit statuses of the command.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() { os.Exit(run(os.Args[1:])) }

// run executes one command line and returns its exit status. The first interrupt cancels the command's context, so that it
// can save what it has; a second one kills the process.
func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() { <-ctx.Done(); stop() }()

	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &usage):
		fmt.Fprintf(os.Stderr, "pare: %v\nRun 'pare help' or add --help for usage.\n", err)
		return exitUsage
	case ctx.Err() != nil:
		fmt.Fprintf(os.Stderr, "pare: interrupted: %v\n", err)
		return exitInterrupted
	default:
		fmt.Fprintf(os.Stderr, "pare: %v\n", err)
		return exitFailed
	}
}

// usageError marks a command line that was written wrong, as against one that failed.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "pare",
		Short:         "make language models smaller, and remember every attempt",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q", args[0])}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(
		newCalibrateCommand(),
		newCompressCommand(),
		newDataCommand(),
		newKernelCommand(),
		newModelCommand(),
		newPruneCommand(),
		newRecoverCommand(),
		newRunCommand(),
		newStudiesCommand(),
		newTrialsCommand(),
		newTrialCommand(),
		newVersionCommand(),
	)
	return root
}

package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// exactArgs refuses any other number of arguments.
func exactArgs(n int) cobra.PositionalArgs { return someArgs(n, n) }

// someArgs refuses fewer arguments than least and more than most, in the words of the command's own line of usage.
func someArgs(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && len(args) <= most {
			return nil
		}
		_, wanted, _ := strings.Cut(cmd.Use, " ")
		if most == 0 {
			wanted = "no arguments"
		}
		found := fmt.Sprintf("%d: %q", len(args), args)
		if len(args) == 0 {
			found = "none"
		}
		verb := strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
		return usageError{fmt.Errorf("%s takes %s, found %s", verb, wanted, found)}
	}
}

// noSubcommand refuses arguments of a command that only holds others.
func noSubcommand(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())}
	}
	return nil
}

package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// refuseZero refuses flags of numbers above 0 that were given as 0, where a program would read that as not given.
func refuseZero(cmd *cobra.Command, names ...string) error {
	for _, name := range names {
		f := cmd.Flags().Lookup(name)
		switch {
		case f == nil || !f.Changed || f.Value.String() != "0":
		case f.Value.Type() == "float64":
			return fmt.Errorf("%s: expected a number above 0, found 0", name)
		default:
			return fmt.Errorf("%s: expected a number of at least 1, found 0", name)
		}
	}
	return nil
}

// checkMeasureFlags refuses flags that say how to measure where nothing is.
func checkMeasureFlags(cmd *cobra.Command, measure bool) error {
	for _, name := range []string{"measure-text", "blocks", "block-length"} {
		if cmd.Flags().Changed(name) && !measure {
			return usageError{fmt.Errorf("--%s says how to measure; add --measure", name)}
		}
	}
	return nil
}

package main

import (
	"fmt"

	"github.com/parelab/pare/kernel/lab"
	"github.com/spf13/cobra"
)

func newModelCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "model",
		Short: "work with models",
		Args:  noSubcommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newModelTrainCommand())
	return cmd
}

func newModelTrainCommand() *cobra.Command {
	var opt lab.Training
	cmd := &cobra.Command{
		Use:   "train TEXT",
		Short: "train a small model from random weights",
		Long: `Train a model of the pocket model's shape on TEXT: "pocket" for the stories of the embedded world, or a text file or a
directory of .txt files, of which the first 95 percent of each are trained on. A tokenizer for other text is learnt from it.

'pare model train pocket' with no flags is how the embedded model was made.`,
		Example: "  pare model train pocket --out out/pocket\n  pare model train path/to/texts --out out/mine --steps 2000",
		Args:    exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opt.Text = args[0]
			l, err := lab.New()
			if err != nil {
				return err
			}
			if err := l.Train(cmd.Context(), opt); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", opt.Out)
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&opt.Out, "out", "out/model", "directory to make")
	flags.IntVar(&opt.Steps, "steps", 0, "optimiser steps (default: the pocket recipe's)")
	flags.IntVar(&opt.Batch, "batch", 0, "sequences per step (default: the pocket recipe's)")
	flags.IntVar(&opt.Length, "length", 0, "tokens per sequence (default: the pocket recipe's)")
	flags.Float64Var(&opt.LearningRate, "learning-rate", 0, "highest learning rate (default: the pocket recipe's)")
	flags.Uint64Var(&opt.Seed, "seed", 0, "seed of weights and sampling (default: the pocket recipe's)")
	return cmd
}

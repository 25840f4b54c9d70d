package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/parelab/pare/kernel/lab"
	"github.com/parelab/pare/kernel/show"
)

func newModelCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "model",
		Short: "work with models",
		Args:  noSubcommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newModelEvalCommand(), newModelExportCommand(), newModelGenerateCommand(), newModelInfoCommand(), newModelPullCommand(), newModelRandomCommand(), newModelTrainCommand())
	return cmd
}

// openModel opens the model that a command line names.
func openModel(name string) (*lab.Lab, *lab.Model, error) {
	l, err := lab.New()
	if err != nil {
		return nil, nil, err
	}
	m, err := l.Open(name)
	return l, m, err
}

func newModelInfoCommand() *cobra.Command {
	var asJSON, verify bool
	cmd := &cobra.Command{
		Use:     "info MODEL",
		Short:   "describe a model: shape, parameters, what compression works on",
		Long:    "Describe MODEL: \"pocket\", a directory in Hugging Face layout, or a name in the local Hugging Face cache.",
		Example: "  pare model info pocket --check",
		Args:    exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, m, err := openModel(args[0])
			if err != nil {
				return err
			}
			defer m.Close()
			if verify {
				watch := show.NewProgress("Check " + args[0])
				err = m.Verify(cmd.Context(), watch)
				watch.Close()
				if err != nil {
					return err
				}
			}
			info, err := m.Info()
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), info)
			}
			return show.Print(cmd.OutOrStdout(), info.Facts())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	cmd.Flags().BoolVar(&verify, "check", false, "read every tensor and check that its numbers are finite")
	return cmd
}

func newModelTrainCommand() *cobra.Command {
	var opt lab.Training
	cmd := &cobra.Command{
		Use:   "train TEXT",
		Short: "train a small model from random weights",
		Long: `Train a model of the pocket model's shape on TEXT: "pocket" for the stories of the embedded world, or a file or
directory of text, of which the first 95 percent are trained on, or a data set, whose training split is. A tokenizer for other text is learnt from it.

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

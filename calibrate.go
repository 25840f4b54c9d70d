package main

import (
	"github.com/spf13/cobra"

	"github.com/parelab/pare/kernel/lab"
	"github.com/parelab/pare/kernel/show"
)

func newCalibrateCommand() *cobra.Command {
	var opt lab.Calibration
	cmd := &cobra.Command{
		Use:   "calibrate MODEL",
		Short: "collect what calibration text says about a model's linears",
		Long: `Run calibration text once through MODEL and keep the moments of every linear's input. All low-rank methods, at every ratio,
start from them; a calibration of the same model, text and options is read back.`,
		Example: "  pare calibrate pocket --sequences 64",
		Args:    exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, m, err := openModel(args[0])
			if err != nil {
				return err
			}
			defer m.Close()
			moments, err := l.Calibrate(cmd.Context(), m, opt)
			if err != nil {
				return err
			}
			for _, w := range moments.Warnings() {
				cmd.PrintErrf("pare: %v\n", w)
			}
			return show.Print(cmd.OutOrStdout(), moments.Facts())
		},
	}
	calibrationFlags(cmd, &opt)
	return cmd
}

func calibrationFlags(cmd *cobra.Command, opt *lab.Calibration) {
	flags := cmd.Flags()
	flags.StringVar(&opt.Text, "text", lab.Pocket, "text to calibrate on"+textNames)
	flags.IntVar(&opt.Sequences, "sequences", 0, "calibration sequences (default 128)")
	flags.IntVar(&opt.Length, "length", 0, "tokens per sequence (default 256)")
	flags.IntVar(&opt.Groups, "groups", 0, "groups of sequences that the covariance is pooled over (default the largest divisor of --sequences up to 32)")
	flags.Uint64Var(&opt.Seed, "seed", 0, "chooses the sequences (default 1)")
}

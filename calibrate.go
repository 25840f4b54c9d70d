package main

import (
	"github.com/spf13/cobra"

	"github.com/parelab/pare/kernel/lab"
	"github.com/parelab/pare/kernel/show"
)

func newCalibrateCommand() *cobra.Command {
	var opt lab.Calibration
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "calibrate MODEL",
		Short: "collect what calibration text says about a model's linears",
		Long: `Run calibration text once through MODEL and keep the moments of every linear's input. All low-rank methods, at every ratio,
start from them; a calibration of the same model, text and options is read back.`,
		Example: "  pare calibrate pocket --sequences 64",
		Args:    exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := refuseZero(cmd, calibrationNumbers...); err != nil {
				return err
			}
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
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), newCalibrateResult(m, moments))
			}
			return show.Print(cmd.OutOrStdout(), moments.Facts())
		},
	}
	calibrationFlags(cmd, &opt)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// calibrateResult is what --json prints.
type calibrateResult struct {
	Model     string   `json:"model"`
	Text      string   `json:"text"`
	Sequences int      `json:"sequences"`
	Length    int      `json:"length"`
	Tokens    int      `json:"tokens"`
	Groups    int      `json:"groups"`
	Seed      uint64   `json:"seed"`
	Sites     int      `json:"sites"`
	Digest    string   `json:"digest"` // of what the moments were made from
	File      string   `json:"file"`
	ReadBack  bool     `json:"read_back"`
	Notices   []string `json:"notices"`
	Warnings  []string `json:"warnings"`
}

func newCalibrateResult(m *lab.Model, moments *lab.Moments) calibrateResult {
	r := calibrateResult{
		Model: m.Name, Text: moments.Text.String(), Sequences: moments.Sequences, Length: moments.Length, Tokens: moments.Sequences * moments.Length,
		Groups: moments.Groups, Seed: moments.Options.Seed, Sites: len(moments.Stats), Digest: moments.Digest(),
		File: moments.File, ReadBack: moments.ReadBack != "", Notices: append([]string{}, moments.Notices...), Warnings: []string{},
	}
	for _, w := range moments.Warnings() {
		r.Warnings = append(r.Warnings, w.String())
	}
	return r
}

// calibrationNumbers are flags of calibration whose zero stands for their default, so that nobody may ask for it.
var calibrationNumbers = []string{"sequences", "length", "groups", "seed"}

func calibrationFlags(cmd *cobra.Command, opt *lab.Calibration) {
	flags := cmd.Flags()
	flags.StringVar(&opt.Text, "text", lab.Pocket, "text to calibrate on"+textNames)
	flags.IntVar(&opt.Sequences, "sequences", 0, "calibration sequences (default 128)")
	flags.IntVar(&opt.Length, "length", 0, "tokens per sequence (default 256)")
	flags.IntVar(&opt.Groups, "groups", 0, "groups of sequences that the covariance is pooled over (default the largest divisor of --sequences up to 32)")
	flags.Uint64Var(&opt.Seed, "seed", 0, "chooses the sequences (default 1)")
}

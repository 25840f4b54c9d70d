package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/parelab/pare/gomlxops/lowrank"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/kernel/lab"
	"github.com/parelab/pare/kernel/show"
)

// compressRequest is a command line of pare compress.
type compressRequest struct {
	lab.Attempt
	method, allocate, centring string
	protect                    []string
	out                        string
	asJSON, overwrite          bool
}

func newCompressCommand() *cobra.Command {
	var r compressRequest
	cmd := &cobra.Command{
		Use:   "compress MODEL",
		Short: "replace a model's linears by low-rank factors",
		Long: `Make MODEL smaller by low rank and write it to a directory that pare opens as a model. What the method needs of calibration
text is computed, or read back.

Methods: ` + fmt.Sprint(lowrank.Methods()) + `. Ranks are allocated "uniform", the same fraction of every linear, or by "energy", where
they keep most under one budget.`,
		Example: "  pare compress pocket --method pcm --ratio 0.2 --allocate energy -o out/small",
		Args:    exactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return r.run(cmd, args[0]) },
	}
	flags := cmd.Flags()
	flags.StringVar(&r.method, "method", string(lowrank.FeaturePCM), "how linears are taken apart")
	flags.Float64Var(&r.Ratio, "ratio", 0.2, "fraction of the linears' parameters to remove")
	flags.StringVar(&r.allocate, "allocate", string(lowrank.ByUniform), "uniform or energy")
	flags.BoolVar(&r.Weigh, "fisher", false, "weigh the linears' energies by Fisher information, with --allocate energy")
	flags.Float64Var(&r.Settings.Alpha, "alpha", 0, "exponent of asvd (default 0.5)")
	flags.StringVar(&r.centring, "centring", "", "of pcm and scm: mean, no-bias or uncentred (default mean)")
	flags.StringSliceVar(&r.protect, "protect", nil, "kinds of linear that stay dense, such as v_proj")
	flags.IntVar(&r.Options.Multiple, "multiple", 0, "ranks are multiples of it (default 1)")
	flags.IntVar(&r.Options.Minimum, "minimum", 0, "least rank (default 1)")
	flags.StringVarP(&r.out, "out", "o", "out/small", "directory to make")
	flags.BoolVar(&r.overwrite, "overwrite", false, "replace a model that is there")
	flags.BoolVar(&r.asJSON, "json", false, "print the allocation as one JSON object")
	calibrationFlags(cmd, &r.Calibration)
	return cmd
}

func (r *compressRequest) run(cmd *cobra.Command, model string) error {
	l, m, err := openModel(model)
	if err != nil {
		return err
	}
	defer m.Close()
	r.Method, r.Allocate, r.Settings.Centring = lowrank.Method(r.method), lowrank.By(r.allocate), lowrank.Centring(r.centring)
	for _, kind := range r.protect {
		r.Options.Protect = append(r.Options.Protect, transformer.Kind(kind))
	}
	watch := show.NewProgress("Compress " + m.Name)
	small, err := l.Compress(cmd.Context(), m, r.Attempt, watch)
	watch.Close()
	if err != nil {
		return err
	}
	for _, w := range small.Warnings {
		cmd.PrintErrf("pare: %s\n", w)
	}
	if err := r.save(cmd.Context(), small.Variant); err != nil {
		return err
	}
	if r.asJSON {
		return writeJSON(cmd.OutOrStdout(), small.Allocation)
	}
	if err := show.Print(cmd.OutOrStdout(), small.Facts()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", r.out)
	return err
}

func (r *compressRequest) save(ctx context.Context, v *transformer.Variant) error {
	watch := show.NewProgress("Save " + r.out)
	defer watch.Close()
	return transformer.Save(ctx, r.out, v, transformer.SaveOptions{Overwrite: r.overwrite, Recorder: watch})
}

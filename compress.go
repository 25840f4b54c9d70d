package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/parelab/pare/gomlxops/evaluate"
	"github.com/parelab/pare/gomlxops/lowrank"
	"github.com/parelab/pare/gomlxops/prune"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/kernel/lab"
	"github.com/parelab/pare/kernel/show"
)

// compressRequest is a command line of pare compress.
type compressRequest struct {
	lab.Attempt
	searchFlags
	lowRankFlags
	pruningFlags
	method, centring string
	protect          []string

	study   string
	measure bool
	on      lab.Measure
	asJSON  bool
	found   *lab.Found // by a search; nil without
}

// protectBolaco stands for the kinds of lowrank.BolacoProtects.
const protectBolaco = "bolaco"

func newCompressCommand() *cobra.Command {
	var r compressRequest
	cmd := &cobra.Command{
		Use:   "compress MODEL",
		Short: "replace a model's linears by low-rank factors",
		Long: `Make MODEL smaller by low rank, write it to a directory that pare opens as a model, and record the attempt as a trial. What
the method needs of calibration text is computed, or read back.

Methods: ` + fmt.Sprint(lowrank.Methods()) + `. Ranks are allocated "uniform", the same fraction of every linear; by "energy", where they
keep most under one budget; or by "fisher", energy weighed by how much the loss depends on each linear.

A search measures --trials allocations and takes the best: "bayes" begins at that of "fisher" and learns from each which to try next.
By default it compares predictions with the dense model's, which tells allocations apart on fewer --search-blocks than perplexity does. It is kept as
trials of the study. Start it again after an interrupt or a crash, or beside itself in another shell, and it goes on without repeating any.

With --sequential the blocks are gone through once more, each on what the compressed blocks before it give: "recalibrate" decomposes
again on that, "update" keeps A and fits B by least squares, "both" does both. --target original lets each make up for
errors of those before it.

With --then prune heads and MLP channels are cut out of what low rank leaves, and the ratio is of both together, counted.`,
		Example: `  pare compress pocket --method pcm --ratio 0.2 --allocate energy -o out/small
  pare compress pocket --ratio 0.3 --allocate bayes --trials 20 --group-by bands --measure --overwrite
  pare compress pocket --method svdllm --allocate fisher --ratio 0.5 --then prune --score taylor-mix -o out/both
  pare compress pocket --method svdllm --ratio 0.4 --sequential recalibrate --measure --overwrite`,
		Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return r.run(cmd, args[0]) },
	}
	r.flags(cmd)
	r.searchFlags.flags(cmd)
	calibrationFlags(cmd, &r.Calibration)
	return cmd
}

func (r *compressRequest) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&r.method, "method", string(lowrank.FeaturePCM), "how linears are taken apart")
	flags.Float64Var(&r.Ratio, "ratio", 0.2, "fraction of the linears' parameters to remove")
	r.lowRankFlags.flags(cmd, "uniform, energy or fisher; or a search: bayes, paper, tpe, sobol, halton or random")
	flags.Float64Var(&r.Settings.Alpha, "alpha", 0, "exponent of asvd (default 0.5)")
	flags.StringVar(&r.centring, "centring", "", "of pcm and scm: mean, no-bias or uncentred (default mean)")
	flags.StringSliceVar(&r.protect, "protect", nil, `kinds of linear that stay dense, such as v_proj; "bolaco" is v_proj where heads are not shared`)
	flags.IntVar(&r.Options.Multiple, "multiple", 0, "ranks are multiples of it (default 1)")
	flags.IntVar(&r.Options.Minimum, "minimum", 0, "least rank (default 1)")
	flags.BoolVar(&r.Options.FreeBias, "free-bias", false, "leave biases out of the budget of energy and fisher, as papers do")
	thenFlags(cmd, &r.Attempt, `"prune": heads and MLP channels go out of what low rank leaves`)
	r.pruningFlags.flags(cmd, &r.Pruning)
	flags.StringVarP(&r.Out, "out", "o", "out/small", "directory to make")
	flags.BoolVar(&r.Overwrite, "overwrite", false, "replace a model that is there")
	flags.StringVar(&r.study, "study", "compress", "study that the trial belongs to")
	flags.BoolVar(&r.measure, "measure", false, "measure perplexity")
	flags.StringVar(&r.on.Text, "measure-text", "", "text to measure on (default: the held-out part of --text)")
	flags.IntVar(&r.on.Blocks, "blocks", 0, "blocks to measure on, spread evenly over the text; -1 takes all (default 100)")
	flags.IntVar(&r.on.Length, "block-length", 0, "tokens per block (default 256)")
	flags.BoolVar(&r.asJSON, "json", false, "print one JSON object")
}

func (r *compressRequest) run(cmd *cobra.Command, model string) error {
	if err := errors.Join(r.checkSearchFlags(cmd), r.checkFlags(cmd)); err != nil {
		return err
	}
	l, m, err := openModel(model)
	if err != nil {
		return err
	}
	defer m.Close()
	if err := r.settle(cmd, m); err != nil {
		return err
	}
	asked := r.Attempt
	if r.searched() {
		if err := r.settleSearch(); err != nil {
			return err
		}
		asked.Allocate = lowrank.ByEnergy // a search shares ranks out by ways of its own; a uniform ratio has no say
	}
	if err := l.Check(m, asked); err != nil {
		return err
	}
	if err := l.CheckMeasure(m, r.on); err != nil {
		return err
	}
	study, err := l.NewStudy(cmd.Context(), r.study, r.on)
	if err != nil {
		return err
	}
	if r.searched() {
		if err := r.find(cmd, study, m); err != nil {
			return err
		}
	}
	out, err := study.Try(cmd.Context(), m, r.Attempt)
	if err != nil {
		return err
	}
	for _, w := range out.Warnings {
		cmd.PrintErrf("pare: %s\n", w)
	}
	if r.asJSON {
		return writeJSON(cmd.OutOrStdout(), r.result(out))
	}
	return r.print(cmd, out)
}

// checkFlags refuses flags that would have no effect, and zeros that would stand for defaults.
func (r *compressRequest) checkFlags(cmd *cobra.Command) error {
	if err := refuseZero(cmd, calibrationNumbers...); err != nil {
		return err
	}
	for _, name := range []string{"score", "aggregate", "normalise", "across", "protect-first", "protect-last", "share"} {
		if r.Then == "" && cmd.Flags().Changed(name) {
			return usageError{fmt.Errorf("--%s tells of pruning, and without --then prune there is none", name)}
		}
	}
	if r.Options.FreeBias && r.allocate == string(lowrank.ByUniform) {
		return usageError{fmt.Errorf("--free-bias tells of a budget, and --allocate %s has none: it counts no biases", r.allocate)}
	}
	return checkMeasureFlags(cmd, r.measure)
}

// settle puts together what flags gave apart.
func (r *compressRequest) settle(cmd *cobra.Command, m *lab.Model) error {
	r.Method, r.Settings.Centring = lowrank.Method(r.method), lowrank.Centring(r.centring)
	r.lowRankFlags.settle(&r.Attempt)
	if r.Then != "" {
		if err := r.pruningFlags.settle(cmd, &r.Pruning); err != nil {
			return err
		}
	}
	for _, kind := range r.protect {
		if kind == protectBolaco {
			r.Options.Protect = append(r.Options.Protect, lowrank.BolacoProtects(m.Config())...)
			continue
		}
		r.Options.Protect = append(r.Options.Protect, transformer.Kind(kind))
	}
	if r.on.Text == "" {
		r.on.Text = r.Calibration.Text
	}
	r.on.Nothing = !r.measure
	return nil
}

// compressResult is what --json prints.
type compressResult struct {
	Study      string               `json:"study"`
	Trial      *int                 `json:"trial"` // null where a search was interrupted, and so far nothing was made of it
	Out        string               `json:"out"`
	Params     int64                `json:"params"`
	Linear     int64                `json:"linear_params"`
	Removed    float64              `json:"removed"` // of the linears' parameters, counted
	Allocation *lowrank.Allocation  `json:"allocation"`
	Kept       *prune.Plan          `json:"kept"`       // by --then prune; null without
	Perplexity *evaluate.Perplexity `json:"perplexity"` // null unless measured
	Warnings   []string             `json:"warnings"`
	Search     *lab.SearchReport    `json:"search"` // null unless ranks were searched for
}

func (r *compressRequest) result(out *lab.Outcome) compressResult {
	c := out.Counted
	result := compressResult{r.study, &out.Trial, r.Out, c.After, c.LinearAfter, c.Removed(), out.Allocation, nil, nil, append([]string{}, out.Warnings...), r.searchReport()}
	if out.Pruned != nil {
		result.Kept = out.Pruned.Plan
	}
	if len(out.Measured) > 0 {
		result.Perplexity = out.Measured[0]
	}
	return result
}

func (r *compressRequest) print(cmd *cobra.Command, out *lab.Outcome) error {
	w := cmd.OutOrStdout()
	if err := show.Print(w, out.Facts()); err != nil {
		return err
	}
	for _, p := range out.Measured {
		if err := show.Print(w, perplexityFacts(p)); err != nil {
			return err
		}
	}
	return printPlace(w, r.Out, out.Trial, r.study)
}

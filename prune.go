package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/parelab/pare/gomlxops/evaluate"
	"github.com/parelab/pare/gomlxops/lowrank"
	"github.com/parelab/pare/gomlxops/prune"
	"github.com/parelab/pare/kernel/lab"
	"github.com/parelab/pare/kernel/show"
)

// pruneRequest is a command line of pare prune.
type pruneRequest struct {
	lab.Attempt
	pruningFlags
	lowRankFlags
	scope string

	study   string
	measure bool
	on      lab.Measure
	asJSON  bool
}

func newPruneCommand() *cobra.Command {
	r := pruneRequest{Attempt: lab.Attempt{Method: lab.Prune}}
	cmd := &cobra.Command{
		Use:   "prune MODEL",
		Short: "cut heads, MLP channels, hidden channels or layers out of a model",
		Long: `Cut out of MODEL what matters least, write what is left to a directory that pare opens as a model, and record the attempt as a
trial. What must go together is found from the model's own computation. Where all layers end up with equal sizes the directory is an
ordinary Hugging Face model.

Scores: the Taylor kinds and vectorize run calibration text forward and backward; wanda and flap look at activations; l1, l2 and random at no text.
Scope "block" cuts heads and MLP channels of the layers that are not protected, --ratio of each; "channel" cuts the residual stream, "layer" whole
layers. With --across global all layers compete, a head counting as much as an MLP channel. With even, budget and density the ratio is of the numbers that
linears hold: every layer loses the same part; all compete by their scores; or by their scores for each number.

With --then low rank goes on from what pruning leaves, and the ratio is of both together, counted.`,
		Example: `  pare prune pocket --ratio 0.25 -o out/pruned --measure
  pare prune org/name --ratio 0.25 --score taylor-mix --protect-first 4 --protect-last 2 --sequences 10 --length 64 -o out/pruned
  pare prune pocket --ratio 0.5 --steps 4 --score flap --across budget --latency
  pare prune pocket --ratio 0.5 --then svdllm --allocate fisher --measure -o out/both`,
		Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return r.run(cmd, args[0]) },
	}
	r.flags(cmd)
	return cmd
}

func (r *pruneRequest) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	p, c := &r.Pruning, &r.Calibration
	flags.Float64Var(&r.Ratio, "ratio", 0.25, "fraction to remove of the heads and channels that are not protected")
	flags.StringVar(&r.scope, "scope", string(lab.CutBlocks), "block, channel or layer")
	r.pruningFlags.flags(cmd, p)
	thenFlags(cmd, &r.Attempt, "low rank on what pruning leaves: "+joined(lowrank.Methods()))
	r.lowRankFlags.flags(cmd, "with --then: ranks by uniform, energy or fisher")
	flags.BoolVar(&p.KeepHeads, "keep-heads", false, "attention loses nothing")
	flags.BoolVar(&p.KeepChannels, "keep-channels", false, "MLPs lose nothing")
	flags.IntVar(&p.Round, "round", 0, "what is kept of channels is a multiple of it (default 1)")
	flags.IntVar(&p.Steps, "steps", 0, "reach the ratio in so many steps, with new scores before each (default 1)")
	flags.BoolVar(&p.Compensate, "compensate", false, "biases make up for the mean of what goes; not an ordinary Hugging Face model then")
	flags.StringVar(&c.Text, "text", lab.Pocket, "text to calibrate on"+textNames)
	flags.IntVar(&c.Sequences, "sequences", 0, "calibration sequences (default 128)")
	flags.IntVar(&c.Length, "length", 0, "tokens per sequence (default 256)")
	flags.Uint64Var(&c.Seed, "seed", 0, "chooses the sequences, and random scores (default 1)")
	flags.StringVarP(&r.Out, "out", "o", "out/pruned", "directory to make")
	flags.BoolVar(&r.Overwrite, "overwrite", false, "replace a model that is there")
	flags.StringVar(&r.study, "study", "prune", "study that the trial belongs to")
	flags.BoolVar(&r.measure, "measure", false, "measure perplexity")
	flags.StringVar(&r.on.Text, "measure-text", "", "text to measure on (default: the held-out part of --text)")
	flags.IntVar(&r.on.Blocks, "blocks", 0, "blocks to measure on, spread evenly over the text; -1 takes all (default 100)")
	flags.IntVar(&r.on.Length, "block-length", 0, "tokens per block (default 256)")
	flags.BoolVar(&r.Latency, "latency", false, "measure how long batches of 1 and of 8 take, before and after")
	flags.BoolVar(&r.asJSON, "json", false, "print one JSON object")
}

// joined lists names for a help text.
func joined[T ~string](names []T) string {
	all := make([]string, len(names))
	for i, n := range names {
		all[i] = string(n)
	}
	return strings.Join(all, ", ")
}

func (r *pruneRequest) run(cmd *cobra.Command, model string) error {
	if err := r.settle(cmd); err != nil {
		return err
	}
	l, m, err := openModel(model)
	if err != nil {
		return err
	}
	defer m.Close()
	if err := l.Check(m, r.Attempt); err != nil {
		return err
	}
	if err := l.CheckMeasure(m, r.on); err != nil {
		return err
	}
	study, err := l.NewStudy(cmd.Context(), r.study, r.on)
	if err != nil {
		return err
	}
	out, err := study.Try(cmd.Context(), m, r.Attempt)
	if err != nil {
		return err
	}
	defer out.Close()
	for _, w := range out.Warnings {
		cmd.PrintErrf("pare: %s\n", w)
	}
	if r.asJSON {
		return writeJSON(cmd.OutOrStdout(), r.result(out))
	}
	return r.print(cmd, out)
}

// settle puts together what flags gave apart.
func (r *pruneRequest) settle(cmd *cobra.Command) error {
	if err := r.pruningFlags.settle(cmd, &r.Pruning); err != nil {
		return err
	}
	r.Pruning.Scope = lab.CutScope(r.scope)
	if r.Then != "" {
		r.lowRankFlags.settle(&r.Attempt)
	}
	for _, name := range []string{"allocate", "sequential", "target"} {
		if r.Then == "" && cmd.Flags().Changed(name) {
			return fmt.Errorf("%s: has no say where pruning is all; it is for --then", name)
		}
	}
	if err := refuseZero(cmd, calibrationNumbers...); err != nil {
		return err
	}
	if err := checkMeasureFlags(cmd, r.measure); err != nil {
		return err
	}
	if r.on.Text == "" {
		r.on.Text = r.Calibration.Text
	}
	r.on.Nothing = !r.measure
	return nil
}

// pruneResult is what --json prints.
type pruneResult struct {
	Study        string               `json:"study"`
	Trial        int                  `json:"trial"`
	Out          string               `json:"out"`
	Before       int64                `json:"params_before"`
	Params       int64                `json:"params"`
	LinearBefore int64                `json:"linear_params_before"`
	Linear       int64                `json:"linear_params"`
	Removed      float64              `json:"removed"` // of the linears' parameters, counted
	Kept         *prune.Plan          `json:"kept"`
	Allocation   *lowrank.Allocation  `json:"allocation"` // of --then; null without
	Perplexity   *evaluate.Perplexity `json:"perplexity"` // null unless measured, as latency
	Latency      *lab.Latencies       `json:"latency"`
	Warnings     []string             `json:"warnings"`
}

func (r *pruneRequest) result(out *lab.Outcome) pruneResult {
	c := out.Counted
	result := pruneResult{
		Study: r.study, Trial: out.Trial, Out: r.Out, Before: c.Before, Params: c.After, LinearBefore: c.LinearBefore, Linear: c.LinearAfter,
		Removed: c.Removed(), Kept: out.Pruned.Plan, Allocation: out.Allocation, Latency: out.Latency, Warnings: append([]string{}, out.Warnings...),
	}
	if len(out.Measured) > 0 {
		result.Perplexity = out.Measured[0]
	}
	return result
}

func (r *pruneRequest) print(cmd *cobra.Command, out *lab.Outcome) error {
	w := cmd.OutOrStdout()
	items := []any{out.Facts()}
	for _, p := range out.Measured {
		items = append(items, perplexityFacts(p))
	}
	if out.Latency != nil {
		items = append(items, out.Latency.Facts())
	}
	if err := show.Print(w, items...); err != nil {
		return err
	}
	return printPlace(w, r.Out, out.Trial, r.study)
}

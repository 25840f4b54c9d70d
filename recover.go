package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/parelab/pare/kernel/lab"
	"github.com/parelab/pare/kernel/show"
)

// recoverRequest is a command line of pare recover.
type recoverRequest struct {
	lab.Recovery
	instruct lab.Instruct
	adapter  string
	alphas   map[string]string
	resume   bool

	study   string
	measure bool
	on      lab.Measure
	asJSON  bool
}

func newRecoverCommand() *cobra.Command {
	var r recoverRequest
	cmd := &cobra.Command{
		Use:   "recover MODEL",
		Short: "win quality back by training: LoRA, diagonals, factors, or everything",
		Long: `Train MODEL, a directory that pare compress or pare prune has left or any other model, to win quality back, and record the training as a trial.

  --adapter lora      branches of low rank beside the linears, dense or factored; saved as PEFT's directory
  --adapter subspace  two diagonals beside each factored linear: a few thousand numbers, and the rank stays when they are merged
  --adapter twosided  the factors of factored linears, first the outer ones, then the inner ones
  --adapter full      every number of the model

An adapter is saved in --out, and with --merge a model that has it worked in. What is trained itself, by twosided and full, is a model in --out.

The state of the training is kept as it goes. The same command goes on from it after Ctrl-C, kill -9 or a power failure, and comes to the
same numbers; with --resume=false it begins anew.`,
		Example: `  pare compress pocket --ratio 0.3 -o out/small && pare recover out/small --out out/adapter --merge out/recovered
  pare recover out/small --adapter subspace --teach 0.5 --teacher pocket --out out/diagonals
  pare recover out/pruned --rank 16 --targets q_proj,v_proj --text path/to/texts --eval-every 20 --patience 3 --out out/adapter`,
		Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return r.run(cmd, args[0]) },
	}
	r.flags(cmd)
	r.trainFlags(cmd)
	return cmd
}

func (r *recoverRequest) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&r.adapter, "adapter", string(lab.ByLoRA), "what is trained: lora, subspace, twosided or full")
	flags.IntVar(&r.Rank, "rank", 0, "of lora (default 8), or directions of the subspace (default 64, or the linear's rank)")
	flags.Float64Var(&r.Alpha, "alpha", 0, "of lora: the branch counts alpha/rank (default twice the rank)")
	flags.BoolVar(&r.RSLoRA, "rslora", false, "the branch counts alpha/√rank")
	flags.StringVar(&r.Init, "init", "", "how A of lora begins: kaiming or gaussian (default kaiming); B begins with zeros")
	flags.StringToIntVar(&r.RankPattern, "rank-pattern", nil, "another rank for some linears, such as q_proj=16,layers.0.mlp.down_proj=4")
	flags.StringToStringVar(&r.alphas, "alpha-pattern", nil, "another alpha for some linears")
	flags.Float64Var(&r.Dropout, "dropout", 0, "share of a branch's inputs that a step leaves out")
	flags.StringSliceVar(&r.Targets, "targets", nil, "linears, or ends of their names such as q_proj (default: all that can be)")
	flags.StringVar(&r.Pattern, "pattern", "", "regular expression of whole names, in place of targets")
	flags.StringVar(&r.Text, "text", lab.Pocket, "text to train on, its part for training"+textNames)
	flags.StringVar(&r.instruct.Data, "data", "", "instructions to train on in place of text: pocket, a JSON, JSON lines or Parquet file, a directory, or a name in the hub's cache")
	flags.StringVar(&r.instruct.Template, "template", "", "that words instructions: alpaca (Stanford's), alpaca-lora (LLM-Pruner's) or pocket (default: pocket for its own, otherwise alpaca)")
	flags.Float64Var(&r.Teach, "teach", 0, "share of the loss that a teacher's predictions have, from 0 to 1")
	flags.StringVar(&r.Teacher, "teacher", "", "model to learn from (default: MODEL itself)")
	flags.Float64Var(&r.Temperature, "temperature", 0, "of teacher and student (default 1)")
	flags.StringVarP(&r.Out, "out", "o", "out/recovered", "directory for the adapter, or for a model that is trained itself")
	flags.StringVar(&r.Merge, "merge", "", "directory for a model with the adapter worked in")
	flags.BoolVar(&r.Overwrite, "overwrite", false, "replace a merged model that is there")
	flags.StringVar(&r.study, "study", "recover", "study that the trial belongs to")
	flags.BoolVar(&r.measure, "measure", true, "measure perplexity before and after")
	flags.StringVar(&r.on.Text, "measure-text", "", "text to measure on (default: the held-out part of --text)")
	flags.IntVar(&r.on.Blocks, "blocks", 0, "blocks to measure on, spread evenly over the text; -1 takes all (default 100)")
	flags.IntVar(&r.on.Length, "block-length", 0, "tokens per block (default 256)")
	flags.StringSliceVar(&r.on.Questions.Tasks, "tasks", nil, "tasks to ask questions of before and after, such as pocket")
	flags.IntVar(&r.on.Questions.Limit, "limit", 0, "only the first so many questions of each task (default: all, and 500 of pocket)")
	flags.BoolVar(&r.asJSON, "json", false, "print one JSON object")
}

// trainFlags are those of the training loop.
func (r *recoverRequest) trainFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.IntVar(&r.Steps, "steps", 0, "optimiser steps (default 200)")
	flags.IntVar(&r.Batch, "batch", 0, "sequences in a step (default 8)")
	flags.IntVar(&r.Length, "length", 0, "tokens that a sequence predicts (default 128)")
	flags.Float64Var(&r.LearningRate, "learning-rate", 0, "the highest (default: by what is trained)")
	flags.StringVar(&r.Schedule, "schedule", "", "of the learning rate: cosine, linear or constant (default linear)")
	flags.IntVar(&r.WarmUp, "warm-up", 0, "steps over which the learning rate rises; -1 is none (default a twentieth)")
	flags.Float64Var(&r.WeightDecay, "weight-decay", 0, "of matrices")
	flags.Float64Var(&r.Clip, "clip", 0, "largest norm of the gradients; negative is none (default 1)")
	flags.IntVar(&r.Accumulate, "accumulate", 0, "parts that a batch is cut into, for less memory (default 1)")
	flags.BoolVar(&r.Recompute, "recompute", false, "compute every block again on the way back, for less memory")
	flags.StringVar(&r.DType, "dtype", "", "of matrices while they are multiplied: f32, or bf16 for half the memory of what is not trained (default f32)")
	flags.IntVar(&r.EvalEvery, "eval-every", 0, "steps between measurements of the loss on text that is not trained on (default never)")
	flags.IntVar(&r.Patience, "patience", 0, "end after so many measurements without a better loss, and take the best")
	flags.Uint64Var(&r.Seed, "seed", 0, "of the adapter, the order of the text, and dropout (default 1)")
	flags.IntVar(&r.SaveEvery, "save-every", 0, "steps between saved states (default 50)")
	flags.BoolVar(&r.resume, "resume", true, "go on from the state of an earlier run of the same command")
}

func (r *recoverRequest) run(cmd *cobra.Command, model string) error {
	if err := refuseZero(cmd, "steps", "batch", "length", "learning-rate", "rank", "alpha", "accumulate", "save-every", "temperature", "blocks", "block-length", "limit"); err != nil {
		return err
	}
	l, m, err := openModel(model)
	if err != nil {
		return err
	}
	defer m.Close()
	r.Trained, r.Fresh = lab.Trained(r.adapter), !r.resume
	if r.AlphaPattern, err = numbers(r.alphas); err != nil {
		return usageError{fmt.Errorf("--alpha-pattern: %w", err)}
	}
	if r.on.Text == "" {
		r.on.Text = r.Text
	}
	if r.instruct.Data != "" {
		if cmd.Flags().Changed("text") {
			return usageError{errors.New("--text and --data are two things to train on; choose one")}
		}
		r.Instructions = &r.instruct
	} else if r.instruct.Template != "" {
		return usageError{errors.New("--template is for --data")}
	}
	r.on.Nothing = !r.measure && len(r.on.Questions.Tasks) == 0
	study, err := l.NewStudy(cmd.Context(), r.study, r.on)
	if err != nil {
		return err
	}
	out, err := study.Recover(cmd.Context(), m, lab.Attempt{Method: lab.Dense}, r.Recovery)
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
	if err := show.Print(cmd.OutOrStdout(), out.Facts(), out.Curve()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s, trial %d of study %s\n", r.Out, out.Trial, r.study)
	return err
}

// numbers reads the numbers that names are given; nil where there are none.
func numbers(of map[string]string) (map[string]float64, error) {
	var all map[string]float64
	for name, text := range of {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: expected a number, found %q", name, text)
		}
		if all == nil {
			all = map[string]float64{}
		}
		all[name] = v
	}
	return all, nil
}

// recoverResult is what --json prints.
type recoverResult struct {
	Study   string      `json:"study"`
	Trial   int         `json:"trial"`
	Adapter string      `json:"adapter"` // what was trained
	Out     string      `json:"out"`
	Merged  string      `json:"merged"` // "" where nothing was merged
	Params  int64       `json:"trained_params"`
	Steps   int         `json:"steps"`
	Resumed int         `json:"resumed_steps"` // of these, taken by an earlier run
	Tokens  int64       `json:"tokens"`
	Seconds float64     `json:"seconds"` // of training, since the last start
	Losses  []float64   `json:"losses"`  // of every step
	Before  lab.Quality `json:"before"`
	After   lab.Quality `json:"after"`

	Warnings []string `json:"warnings"`
}

func (r *recoverRequest) result(out *lab.Recovered) recoverResult {
	steps, resumed, tokens := out.Steps()
	return recoverResult{r.study, out.Trial, out.Recovery.Label(), r.Out, r.Merge, out.Params(), steps, resumed, tokens, out.Seconds(), out.Losses(),
		out.Before, out.After, append([]string{}, out.Warnings...)}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	_ "github.com/parelab/pare/datasets/records/parquet" // tasks come in it
	"github.com/parelab/pare/datasets/tasks"
	"github.com/parelab/pare/gomlxops/evaluate"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/kernel/lab"
	"github.com/parelab/pare/kernel/show"
)

// evalRequest is a command line of pare model eval.
type evalRequest struct {
	lab.Measure
	study, samples string
	adapter        string
	cost, asJSON   bool
	perplexity     bool // asked for by a flag of its own
}

func newModelEvalCommand() *cobra.Command {
	var r evalRequest
	cmd := &cobra.Command{
		Use:   "eval MODEL",
		Short: "measure a model: perplexity, questions, cost",
		Long: `Measure MODEL. Without other wishes that is its perplexity on a text: on the held-out part, or the part that the text's name ends
with, as in "novels:all". The text is cut into blocks of the given length; the first token of each is not predicted. With --protocol it is measured
as a paper did, on all of the text: ` + papers() + `.

With --tasks it is asked multiple-choice questions by log-likelihood, as lm-evaluation-harness does: ` + strings.Join(tasks.Names(), ", ") + `, or "papers" for
all but pocket. Their public files, JSON lines or Parquet, are looked for below --data in a folder with the name of the task or of the data set,
otherwise in the local Hugging Face cache.

With --study the model is measured on the text and asked the questions, and that is recorded as a trial.`,
		Example: `  pare model eval pocket --blocks -1
  pare model eval out/small --tasks pocket --json
  pare model eval org/name --tasks papers --data path/to/data --shots 5 --samples out/samples
  pare model eval org/name --text wiki.test.txt --protocol svd-llm
  pare model eval out/small --adapter out/adapter --tasks pocket`,
		Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range []string{"text", "protocol", "blocks", "length"} {
				r.perplexity = r.perplexity || cmd.Flags().Changed(name)
			}
			return r.run(cmd, args[0])
		},
	}
	r.flags(cmd)
	return cmd
}

// adapterFlag is the help of --adapter.
const adapterFlag = "directory of an adapter that stands beside the model: PEFT's LoRA, or ours"

// papers lists the protocols with their lengths.
func papers() string {
	var all []string
	for _, p := range evaluate.Papers {
		all = append(all, fmt.Sprintf("%s (%d tokens)", p.Name, p.Length))
	}
	return strings.Join(all, ", ")
}

func (r *evalRequest) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&r.asJSON, "json", false, "print one JSON object")
	flags.StringVar(&r.Text, "text", lab.Pocket, "text to measure on"+textNames)
	flags.StringVar(&r.Protocol, "protocol", "", "of a paper: llm-pruner, svd-llm or bolaco")
	flags.IntVar(&r.Blocks, "blocks", 0, "blocks, spread evenly over the text; -1 takes all (default 100)")
	flags.IntVar(&r.Length, "length", 0, "tokens per block (default 256)")
	flags.StringSliceVar(&r.Questions.Tasks, "tasks", nil, "tasks to ask the questions of, with commas between")
	flags.StringVar(&r.Questions.Data, "data", "", "directory with the tasks' files (default: the local Hugging Face cache)")
	flags.IntVar(&r.Questions.Shots, "shots", 0, "solved examples before each question")
	flags.IntVar(&r.Questions.Limit, "limit", 0, "only the first so many questions of each task (default: all, and 500 of pocket)")
	flags.Uint64Var(&r.Questions.Seed, "seed", 1, "of the examples, and of pocket's questions")
	flags.BoolVar(&r.Questions.Bare, "bare", false, "no special tokens around a text, as in the harness that the papers used")
	flags.StringVar(&r.samples, "samples", "", "directory for what was made of every question, as JSON lines")
	flags.BoolVar(&r.cost, "cost", false, "count parameters, bytes and multiply-accumulates, and measure latency and throughput")
	flags.StringVar(&r.adapter, "adapter", "", adapterFlag)
	flags.StringVar(&r.study, "study", "", "study to record a trial in")
}

// evalResult is what --json prints where more than perplexity was asked for.
type evalResult struct {
	Model      string               `json:"model"`
	Adapter    string               `json:"adapter,omitempty"`
	Study      string               `json:"study,omitempty"`
	Trial      int                  `json:"trial,omitempty"`
	Perplexity *evaluate.Perplexity `json:"perplexity"` // null unless measured, as the others
	Questions  *lab.Answers         `json:"questions"`
	Cost       *lab.Cost            `json:"cost"`
}

func (r *evalRequest) run(cmd *cobra.Command, model string) error {
	l, m, err := openModel(model)
	if err != nil {
		return err
	}
	defer m.Close()
	if r.study != "" && r.adapter != "" {
		return usageError{errors.New("--study records models, not adapters; leave one of --study and --adapter out")}
	}
	v, err := m.Beside(r.adapter)
	if err != nil {
		return err
	}
	result := evalResult{Model: model, Adapter: r.adapter, Study: r.study}
	if r.study != "" {
		err = r.record(cmd.Context(), l, m, &result)
	} else {
		err = r.measure(cmd.Context(), l, m, v, &result)
	}
	if err == nil && r.cost {
		result.Cost, err = l.Cost(cmd.Context(), m, v)
	}
	if err == nil && r.samples != "" && result.Questions != nil {
		err = result.Questions.SaveSamples(r.samples)
	}
	if err != nil {
		return err
	}
	return r.print(cmd, result)
}

// record measures everything as a trial of the dense model.
func (r *evalRequest) record(ctx context.Context, l *lab.Lab, m *lab.Model, result *evalResult) error {
	if err := l.CheckMeasure(m, r.Measure); err != nil {
		return err
	}
	study, err := l.NewStudy(ctx, r.study, r.Measure)
	if err != nil {
		return err
	}
	out, err := study.Try(ctx, m, lab.Attempt{Method: lab.Dense})
	if err != nil {
		return err
	}
	result.Trial, result.Perplexity, result.Questions = out.Trial, out.Measured[0], out.Answers
	return nil
}

// measure measures what was asked for: perplexity, unless it is something else only.
func (r *evalRequest) measure(ctx context.Context, l *lab.Lab, m *lab.Model, v *transformer.Variant, result *evalResult) (err error) {
	if r.perplexity || len(r.Questions.Tasks) == 0 && !r.cost {
		if result.Perplexity, err = l.PerplexityOf(ctx, m, v, r.Measure); err != nil {
			return err
		}
	}
	if len(r.Questions.Tasks) > 0 {
		result.Questions, err = l.Tasks(ctx, m, v, r.Questions)
	}
	return err
}

func (r *evalRequest) print(cmd *cobra.Command, result evalResult) error {
	w := cmd.OutOrStdout()
	if r.asJSON {
		if result.Perplexity != nil && result.Questions == nil && result.Cost == nil && r.study == "" {
			return writeJSON(w, result.Perplexity)
		}
		return writeJSON(w, result)
	}
	var items []any
	if result.Perplexity != nil {
		items = append(items, perplexityFacts(result.Perplexity))
	}
	if result.Questions != nil {
		items = append(items, result.Questions.Facts())
	}
	if result.Cost != nil {
		items = append(items, result.Cost.Facts())
	}
	if err := show.Print(w, items...); err != nil || r.study == "" {
		return err
	}
	_, err := fmt.Fprintf(w, "trial %d of study %s\n", result.Trial, r.study)
	return err
}

// perplexityFacts lays a measurement out with the protocol that it was made by.
func perplexityFacts(p *evaluate.Perplexity) show.Facts {
	protocol := "blocks of this program's"
	if p.Paper != "" {
		protocol = p.Paper
	}
	return show.Facts{
		Title: "Perplexity",
		Items: []show.Fact{
			{Name: "perplexity", Value: show.Estimate{Value: p.Value, Spread: p.Value * p.StdErr}, Format: "%.4f"},
			{Name: "on", Value: fmt.Sprintf("%s, %s", p.Data, p.Split)},
			{Name: "protocol", Value: protocol},
			{Name: "blocks", Value: fmt.Sprintf("%d of %d tokens", p.Blocks, p.Length)},
			{Name: "predictions", Value: p.Predictions},
			{Name: "start token", Value: p.BOS},
			{Name: "weights", Value: p.DType + ", computed in " + p.Compute},
			{Name: "backend", Value: p.Backend},
			{Name: "took", Value: p.Seconds, Format: show.Seconds},
			{Name: "speed", Value: float64(p.Tokens) / p.Seconds, Unit: "tokens/s", Format: "%.0f"},
		},
		Caption: strings.Join(p.Warnings, " "),
	}
}

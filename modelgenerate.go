package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/parelab/pare/kernel/lab"
)

func newModelGenerateCommand() *cobra.Command {
	var asJSON, echo bool
	var adapter string
	var opt lab.Generation
	cmd := &cobra.Command{
		Use:   "generate MODEL [PROMPT]",
		Short: "let a model continue a text",
		Long: `Let MODEL continue PROMPT, and print what is new as it comes; "-" or no PROMPT reads it from standard input, less the newline at its
end. How it went is told on standard error.

The next token is drawn after the logits were divided by --temperature, the --top-k largest were kept, and of these the most likely that
have --top-p together. Temperature 0 always takes the most likely one. The same seed makes the same text.`,
		Example: "  pare model generate pocket 'Nora went to the market'\n  pare model generate org/name --chat 'Name three rivers.' --temperature 0",
		Args:    promptArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkGeneration(opt); err != nil {
				return usageError{err}
			}
			prompt, err := readPrompt(cmd, args[1:])
			if err != nil {
				return err
			}
			l, m, err := openModel(args[0])
			if err != nil {
				return err
			}
			defer m.Close()
			if opt.Variant, err = m.Beside(adapter); err != nil {
				return err
			}
			if asJSON {
				done, err := l.Generate(cmd.Context(), m, prompt, opt, nil)
				if len(done.Tokens) == 0 && err != nil {
					return err
				}
				if printErr := writeJSON(cmd.OutOrStdout(), done); err == nil {
					err = printErr
				}
				return err
			}
			return generateText(cmd, l, m, prompt, opt, echo)
		},
	}
	generateFlags(cmd, &opt)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object at the end, in place of the text")
	cmd.Flags().StringVar(&adapter, "adapter", "", adapterFlag)
	cmd.Flags().BoolVar(&echo, "echo", false, "print the prompt before the text")
	return cmd
}

func generateFlags(cmd *cobra.Command, opt *lab.Generation) {
	flags := cmd.Flags()
	flags.IntVar(&opt.MaxTokens, "max-tokens", 128, "most tokens to generate")
	flags.IntVar(&opt.MinTokens, "min-tokens", 0, "least tokens to generate, before the text may end by itself")
	flags.Float64Var(&opt.Temperature, "temperature", 0.8, "0 takes the most likely token; higher is bolder")
	flags.IntVar(&opt.TopK, "top-k", 0, "choose among this many most likely tokens; 0 is all")
	flags.Float64Var(&opt.TopP, "top-p", 0.95, "choose among the most likely tokens that have this probability together; 0 and 1 are all")
	flags.Float64Var(&opt.RepetitionPenalty, "repetition-penalty", 1, "above 1 makes tokens rarer that the text holds already")
	flags.Uint64Var(&opt.Seed, "seed", 0, "seed of the choices")
	flags.BoolVar(&opt.Chat, "chat", false, "the prompt is said by a user, and the model answers by its chat template")
	flags.StringVar(&opt.System, "system", "", "with --chat, what the model is told before")
	flags.StringArrayVar(&opt.Stop, "stop", nil, "text that ends the text and is no part of it; may be given several times")
}

// promptArgs wants a model and perhaps a prompt.
func promptArgs(cmd *cobra.Command, args []string) error {
	err := someArgs(1, 2)(cmd, args)
	if len(args) > 2 {
		return usageError{fmt.Errorf("%w; put the prompt in quotes", err)}
	}
	return err
}

// checkGeneration finds what is wrong with the flags before a model is opened.
func checkGeneration(opt lab.Generation) error {
	if opt.MaxTokens < 1 || opt.MinTokens < 0 || opt.MinTokens > opt.MaxTokens {
		return fmt.Errorf("expected --max-tokens of at least 1 and --min-tokens from 0 to that, found %d and %d", opt.MaxTokens, opt.MinTokens)
	}
	if opt.System != "" && !opt.Chat {
		return fmt.Errorf("--system is for --chat only")
	}
	return opt.Check()
}

// readPrompt takes the prompt from the command line or from standard input.
func readPrompt(cmd *cobra.Command, args []string) (string, error) {
	if len(args) > 0 && args[0] != "-" {
		return args[0], nil
	}
	if in, ok := cmd.InOrStdin().(*os.File); ok && term.IsTerminal(int(in.Fd())) {
		cmd.PrintErrln("Type the prompt, and end it with Ctrl-D at the beginning of a line.")
	}
	type read struct {
		text []byte
		err  error
	}
	done := make(chan read, 1)
	go func() { // reading cannot be interrupted
		text, err := io.ReadAll(cmd.InOrStdin())
		done <- read{text, err}
	}()
	select {
	case <-cmd.Context().Done():
		return "", context.Cause(cmd.Context())
	case r := <-done:
		if r.err != nil {
			return "", fmt.Errorf("cannot read the prompt: %w", r.err)
		}
		return strings.TrimSuffix(strings.TrimSuffix(string(r.text), "\n"), "\r"), nil
	}
}

// generateText prints the text as it comes, and how it went.
func generateText(cmd *cobra.Command, l *lab.Lab, m *lab.Model, prompt string, opt lab.Generation, echo bool) error {
	out := cmd.OutOrStdout()
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		out = terminal{out}
	}
	if echo {
		if _, err := io.WriteString(out, prompt); err != nil {
			return err
		}
	}
	done, err := l.Generate(cmd.Context(), m, prompt, opt, out)
	if done.Text != "" || echo {
		if _, endErr := io.WriteString(out, "\n"); err == nil {
			err = endErr
		}
	}
	if len(done.Tokens) > 0 || err == nil {
		cmd.PrintErrln(generateSummary(done))
	}
	return err
}

// generateSummary says in a line how it went.
func generateSummary(c *lab.Continuation) string {
	seconds := func(s float64) string { return span(time.Duration(s * float64(time.Second))) }
	return fmt.Sprintf("%d prompt tokens in %s; %d new ones in %s, %.1f tokens/s; %s",
		c.PromptTokens, seconds(c.PromptSeconds), len(c.Tokens), seconds(c.Seconds), c.TokensPerSecond, c.Ended())
}

// terminal writes text to a terminal without what could steer it. Each call has whole characters.
type terminal struct{ io.Writer }

func (t terminal) Write(text []byte) (int, error) {
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		cells := strings.Split(line, "\t")
		for j, cell := range cells {
			cells[j] = printable(cell)
		}
		lines[i] = strings.Join(cells, "\t")
	}
	if _, err := io.WriteString(t.Writer, strings.Join(lines, "\n")); err != nil {
		return 0, err
	}
	return len(text), nil
}

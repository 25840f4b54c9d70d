package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/kernel/show"
)

func newModelRandomCommand() *cobra.Command {
	var seed uint64
	var dtype, tokenizer string
	cmd := &cobra.Command{
		Use:   "random CONFIG DIR",
		Short: "make a model of random weights, of any size",
		Long: `Make a model directory DIR with the shapes of CONFIG, a config.json, and random weights, one tensor at a time: to try what a model of
that size costs in time and memory before it is there.`,
		Example: "  pare model random config.json out/random --tokenizer pocket",
		Args:    exactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			config, err := transformer.ReadConfig(args[0])
			if err != nil {
				return err
			}
			extra, err := tokenizerFiles(tokenizer, config)
			if err != nil {
				return err
			}
			watch := show.NewProgress("Write " + args[1])
			defer watch.Close()
			if err := transformer.SaveInit(cmd.Context(), args[1], config, seed, dtype, extra, transformer.SaveOptions{Recorder: watch}); err != nil {
				return err
			}
			watch.Close()
			_, err = fmt.Fprintln(cmd.OutOrStdout(), args[1])
			return err
		},
	}
	flags := cmd.Flags()
	flags.Uint64Var(&seed, "seed", 1, "chooses the weights")
	flags.StringVar(&dtype, "dtype", "BF16", "of the weights: BF16, F16 or F32")
	flags.StringVar(&tokenizer, "tokenizer", "", "model whose tokenizer is copied; its tokens must be in CONFIG's vocabulary")
	return cmd
}

// tokenizerFiles reads a model's tokenizer, which c must have rows for; none without a name.
func tokenizerFiles(model string, c *transformer.Config) (map[string][]byte, error) {
	if model == "" {
		return nil, nil
	}
	_, m, err := openModel(model)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	if err := m.NeedTokenizer(); err != nil {
		return nil, err
	}
	if n := m.Tokenizer.VocabSize(); n > c.VocabSize {
		return nil, fmt.Errorf("the tokenizer of %s has %d tokens: expected at most vocab_size %d, as the configuration says", model, n, c.VocabSize)
	}
	files, err := m.SideFiles()
	delete(files, "generation_config.json") // speaks of the other model
	return files, err
}

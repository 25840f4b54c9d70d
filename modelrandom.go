package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

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
			extra, err := tokenizerFiles(tokenizer)
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

// tokenizerFiles reads a model's tokenizer; none without a name.
func tokenizerFiles(model string) (map[string][]byte, error) {
	if model == "" {
		return nil, nil
	}
	_, m, err := openModel(model)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	files := map[string][]byte{}
	for _, name := range []string{"tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json"} {
		data, err := os.ReadFile(filepath.Join(m.Dir(), name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		files[name] = data
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s has no tokenizer files", m.Dir())
	}
	return files, nil
}

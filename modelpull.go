package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/parelab/pare/datasets/hub"
	"github.com/parelab/pare/kernel/show"
)

func newModelPullCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "pull ORG/NAME[@REVISION]",
		Short: "bring a model from the Hugging Face hub into the local cache",
		Long: `Bring the model ORG/NAME from the Hugging Face hub into the cache that Python's huggingface_hub uses too, and print
the directory. From then on every verb takes ORG/NAME for it. REVISION is a branch, a tag or a commit (default: main).

Only the configuration, the weights in .safetensors and the tokenizer's files are fetched, and checked against the digests that the
hub lists. After an interruption the same command goes on with the files that are missing.

Environment: HF_TOKEN for private and gated models, HF_HOME or HF_HUB_CACHE for the place of the cache, HF_ENDPOINT for
another hub, HF_HUB_OFFLINE=1 to forbid the network.`,
		Example: "  pare model pull Qwen/Qwen2.5-0.5B\n  pare model info Qwen/Qwen2.5-0.5B",
		Args:    exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			watch := show.NewProgress("Pull " + args[0])
			pulled, err := hub.Pull(cmd.Context(), args[0], hub.PullOptions{Recorder: watch})
			watch.Close()
			if errors.Is(err, hub.ErrName) {
				return usageError{err}
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), pulled.Dir)
			return err
		},
	}
}

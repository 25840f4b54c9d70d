package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/parelab/pare/datasets/hub"
	"github.com/parelab/pare/kernel/lab"
	"github.com/parelab/pare/kernel/show"
)

func newModelPullCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "pull ORG/NAME[@REVISION]",
		Short: "bring a model from the Hugging Face hub into the local cache",
		Long: `Bring the model ORG/NAME from the Hugging Face hub into the cache that Python's huggingface_hub uses too, and print
the directory. From then on every verb takes ORG/NAME for it. The oldest models of the hub have a NAME alone, such as gpt2.
REVISION is a branch, a tag or a commit (default: main).

Only the configuration, the weights in .safetensors and the tokenizer's files are fetched, and checked against the digests that the
hub lists. After an interruption, of whatever kind, the same command goes on where it stopped, inside a file too.

Environment: HF_TOKEN for private and gated models, HF_HOME or HF_HUB_CACHE for the place of the cache, HF_ENDPOINT for
another hub, HF_HUB_OFFLINE=1 to forbid the network: what the cache holds is the answer then.`,
		Example: "  pare model pull Qwen/Qwen2.5-0.5B\n  pare model info Qwen/Qwen2.5-0.5B",
		Args:    exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == lab.Pocket {
				return usageError{fmt.Errorf("%q is part of this program: there is nothing to pull", args[0])}
			}
			return pull(cmd, args[0], hub.PullOptions{}, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// pull brings a repository into the cache and prints where it is.
func pull(cmd *cobra.Command, name string, opt hub.PullOptions, asJSON bool) error {
	watch := show.NewProgress("Pull " + name)
	defer watch.Close()
	opt.Recorder = watch
	pulled, err := hub.Pull(cmd.Context(), name, opt)
	switch {
	case errors.Is(err, hub.ErrName):
		return usageError{err}
	case err != nil:
		return err
	case asJSON:
		return writeJSON(cmd.OutOrStdout(), pulled)
	}
	watch.Close()
	cmd.PrintErrln(pullSummary(pulled))
	_, err = fmt.Fprintln(cmd.OutOrStdout(), pulled.Dir)
	return err
}

// pullSummary says in a line what a pull did.
func pullSummary(p *hub.Pulled) string {
	const mega = 1e6
	text := fmt.Sprintf("%s: %d files, %.1f MB", p.Name, p.Files, float64(p.Bytes)/mega)
	if p.Resumed > 0 {
		text += fmt.Sprintf("; %.1f MB were there from before", float64(p.Resumed)/mega)
	}
	if p.Offline != "" {
		return text + " in the cache; the hub was not asked, " + p.Offline
	}
	if p.Fetched == 0 {
		return text + "; nothing had to be fetched"
	}
	took := time.Duration(p.Seconds * float64(time.Second))
	return text + fmt.Sprintf("; %.1f MB fetched in %s, %.1f MB/s", float64(p.Fetched)/mega, span(took), float64(p.Fetched)/mega/p.Seconds)
}

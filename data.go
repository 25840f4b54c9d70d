package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/parelab/pare/datasets/hub"
	"github.com/parelab/pare/datasets/records"
	"github.com/parelab/pare/kernel/lab"
)

// textNames is behind what a text is for, in the help of a flag.
const textNames = ": pocket, a file or directory of text, JSON lines or Parquet, or org/name[:PART] of a data set in the hub's cache"

func newDataCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "data",
		Short: "bring data sets from the Hugging Face hub into the local cache",
		Args:  noSubcommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDataPullCommand())
	return cmd
}

func newDataPullCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "pull ORG/NAME[@REVISION][:PART]",
		Short: "bring a data set from the Hugging Face hub into the local cache",
		Long: `Bring the data set ORG/NAME from the Hugging Face hub into the cache that Python's huggingface_hub uses too, and print
the directory. From then on every verb that takes text, instructions or questions finds it by its name. REVISION is a branch, a tag or a commit
(default: main); the hub keeps many data sets converted to Parquet at refs/convert/parquet. PART is a split (train, validation, test), a
file, a pattern of files, or a folder; without it all files are fetched.

Only files that end in .parquet, .jsonl, .json, .jsonl.gz or .json.gz are fetched, and README.md, and checked against the digests that the hub lists. After an
interruption, of whatever kind, the same command goes on where it stopped, inside a file too.

Environment: HF_TOKEN for private and gated data, HF_HOME or HF_HUB_CACHE for the place of the cache, HF_ENDPOINT for
another hub, HF_HUB_OFFLINE=1 to forbid the network: what the cache holds is the answer then.`,
		Example: "  pare data pull yahma/alpaca-cleaned\n  pare data pull 'allenai/ai2_arc:ARC-Easy/test*'\n" +
			"  pare data pull Salesforce/wikitext:wikitext-2-raw-v1 && pare model eval pocket --text Salesforce/wikitext:wikitext-2-raw-v1",
		Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == lab.Pocket {
				return usageError{fmt.Errorf("%q is part of this program: there is nothing to pull", args[0])}
			}
			opt := hub.PullOptions{Kind: hub.Dataset}
			name, part, chosen := strings.Cut(args[0], ":")
			if strings.Contains(args[0], "//") { // an address, which Pull refuses
				name, chosen = args[0], false
			}
			if chosen {
				opt.Choose = func(files []string) []string { return records.Within(files, part) }
			}
			return pull(cmd, name, opt, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

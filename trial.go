package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/parelab/pare/tracker"
	"github.com/parelab/pare/tracker/boltstore"
)

func newTrialCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "trial",
		Short: "work with one trial",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q for trial", args[0])}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newTrialShowCommand())
	return cmd
}

// trialReport is what `pare trial show` knows, as --json prints it.
type trialReport struct {
	File    string          `json:"file"`
	Study   studyView       `json:"study"`
	Trial   trialView       `json:"trial"`
	History []tracker.Point `json:"history"` // of the metric asked for; null if none was
}

func newTrialShowCommand() *cobra.Command {
	var flags trackerFlags
	var metric string
	cmd := &cobra.Command{
		Use:     "show (STUDY NUMBER | ID)",
		Short:   "show everything on record of a trial: hyperparameters, metrics, files, origin",
		Example: "  pare trial show pocket 3\n  pare trial show 9f2c --metric loss\n  pare trial show pocket 3 --json | jq .trial.origin.commit",
		Args:    someArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := flags.open()
			if err != nil {
				return err
			}
			report, err := reportTrial(cmd.Context(), store, args, metric)
			switch {
			case err != nil:
				return err
			case flags.json:
				return writeJSON(cmd.OutOrStdout(), report)
			}
			return report.write(cmd.OutOrStdout())
		},
	}
	flags.register(cmd)
	cmd.Flags().StringVar(&metric, "metric", "", "also show the history of metric `NAME`")
	return cmd
}

func reportTrial(ctx context.Context, store *boltstore.Store, args []string, metric string) (*trialReport, error) {
	trial, err := findTrial(ctx, store, args)
	if err != nil {
		return nil, err
	}
	r := &trialReport{File: store.Path()}
	study, err := store.Study(ctx, trial.Study)
	if err != nil {
		return nil, err
	}
	if r.Study, err = viewStudy(ctx, store, study); err != nil {
		return nil, err
	}
	r.Trial = viewTrial(trial, study, r.Study.bestNumber(), time.Now())
	if metric != "" {
		r.History, err = store.History(ctx, trial.Study, trial.Number, metric, tracker.Range{})
	}
	return r, err
}

// findTrial reads STUDY NUMBER or ID.
func findTrial(ctx context.Context, store *boltstore.Store, args []string) (*tracker.Trial, error) {
	if len(args) == 1 {
		trial, err := store.TrialByID(ctx, args[0])
		if !errors.Is(err, tracker.ErrNotFound) {
			return trial, err
		}
		if _, known := store.Study(ctx, args[0]); known == nil {
			return nil, usageError{fmt.Errorf("which trial of study %q? Add its number, as `pare trials %s` lists them", args[0], args[0])}
		}
		return nil, fmt.Errorf("no trial in %s has an id that begins with %q; `pare trials --json` lists ids", store.Path(), args[0])
	}
	number, err := strconv.Atoi(args[1])
	if err != nil {
		return nil, usageError{fmt.Errorf("trial number %q is not an integer", args[1])}
	}
	study, err := knownStudy(ctx, store, args[0])
	if err != nil {
		return nil, err
	}
	trial, err := store.Trial(ctx, args[0], number)
	if errors.Is(err, tracker.ErrNotFound) {
		return nil, fmt.Errorf("study %q has no trial %d; its trials are numbered 1 to %d", args[0], number, study.Trials())
	}
	return trial, err
}

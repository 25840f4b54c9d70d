package main

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/parelab/pare/tracker"
	"github.com/parelab/pare/tracker/boltstore"
)

// studyView is a study with what follows from its trials, as --json prints it.
type studyView struct {
	tracker.Study
	Total int        `json:"total"` // trials in any state
	Best  *trialView `json:"best"`  // null while no trial is complete
}

func newStudiesCommand() *cobra.Command {
	var flags trackerFlags
	cmd := &cobra.Command{
		Use:   "studies",
		Short: "list the studies on record and the best trial of each",
		Args:  exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			store, err := flags.open()
			if err != nil {
				return err
			}
			views, err := viewStudies(cmd.Context(), store)
			switch {
			case err != nil:
				return err
			case flags.json:
				return writeJSON(cmd.OutOrStdout(), map[string]any{"file": store.Path(), "studies": views})
			case len(views) == 0:
				return noTrials(cmd.OutOrStdout(), store.Path())
			}
			return studiesTable(views).write(cmd.OutOrStdout())
		},
	}
	flags.register(cmd)
	return cmd
}

func viewStudies(ctx context.Context, store *boltstore.Store) ([]studyView, error) {
	studies, err := store.Studies(ctx)
	if err != nil {
		return nil, err
	}
	views := make([]studyView, len(studies))
	for i, s := range studies {
		if views[i], err = viewStudy(ctx, store, s); err != nil {
			return nil, err
		}
	}
	return views, nil
}

func viewStudy(ctx context.Context, store *boltstore.Store, s tracker.Study) (studyView, error) {
	view := studyView{Study: s, Total: s.Trials()}
	best, err := store.Best(ctx, s.Name, 1)
	if err != nil || len(best) == 0 {
		return view, err
	}
	v := viewTrial(best[0], s, best[0].Number, time.Now())
	view.Best = &v
	return view, nil
}

// bestNumber returns the number of the best trial, 0 if none is complete.
func (v studyView) bestNumber() int {
	if v.Best == nil {
		return 0
	}
	return v.Best.Number
}

func studiesTable(views []studyView) *table {
	t := &table{columns: []column{{head: "STUDY"}, {head: "METRIC"}, {head: "BEST", right: true}, {head: "TRIAL", right: true}, {head: "TRIALS", right: true}}}
	for _, s := range tracker.States {
		t.columns = append(t.columns, column{head: stateHeads[s], right: true})
	}
	t.columns = append(t.columns, column{head: "MADE"}, column{head: "NOTE"})
	for _, v := range views {
		best, trial := "–", "–"
		if v.Best != nil {
			best, trial = number(float64(*v.Best.Value)), strconv.Itoa(v.Best.Number)
		}
		row := []string{v.Name, v.Metric + " " + arrow(v.Direction), best, trial, strconv.Itoa(v.Total)}
		for _, s := range tracker.States {
			row = append(row, count(v.Counts[s]))
		}
		t.add(append(row, ago(v.Created, time.Now()), shorten(v.Note, 60))...)
	}
	return t
}

var stateHeads = map[tracker.State]string{
	tracker.Running: "RUNNING", tracker.Complete: "COMPLETE", tracker.Failed: "FAILED", tracker.Interrupted: "INTERRUPTED", tracker.Lost: "LOST",
}

// count shows nothing for zero, so that a column of zeros is left out.
func count(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

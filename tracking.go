package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/parelab/pare/kernel/lab"
	"github.com/parelab/pare/tracker"
	"github.com/parelab/pare/tracker/boltstore"
)

// trackerFlags are what the verbs that read the tracker have in common.
type trackerFlags struct {
	db   string
	json bool
}

func (f *trackerFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.db, "db", "", "tracker `file` (default tracker.db in PARE_HOME, else in .pare of this repository)")
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object")
}

// open returns the tracker. A file named with --db must exist; the default one may still have to be made.
func (f *trackerFlags) open() (*boltstore.Store, error) {
	path := f.db
	if path == "" {
		var err error
		if path, err = lab.TrackerPath(); err != nil {
			return nil, err
		}
	} else if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("tracker file of --db: %w", err)
	}
	return boltstore.Open(path)
}

// noTrials says on an empty tracker how to make the first trial.
func noTrials(w io.Writer, file string) error {
	_, err := fmt.Fprintf(w, "No trials yet in %s.\nMake the first ones with: pare run notebooks/01_quickstart.ipynb\n", file)
	return err
}

// knownStudy returns a study, or an error that lists the ones there are.
func knownStudy(ctx context.Context, store *boltstore.Store, name string) (tracker.Study, error) {
	study, err := store.Study(ctx, name)
	if !errors.Is(err, tracker.ErrNotFound) {
		return study, err
	}
	studies, err := store.Studies(ctx)
	if err != nil {
		return study, err
	}
	if len(studies) == 0 {
		return study, fmt.Errorf("there is no study %q: %s holds no study yet", name, store.Path())
	}
	names := make([]string, len(studies))
	for i, s := range studies {
		names[i] = strconv.Quote(s.Name)
	}
	return study, fmt.Errorf("there is no study %q in %s; it holds %s", name, store.Path(), strings.Join(names, ", "))
}

// trialView is a trial with what follows from it, as --json prints it.
type trialView struct {
	*tracker.Trial
	Seconds float64         `json:"seconds"` // how long it ran, or has run
	Value   *tracker.Number `json:"value"`   // of the study's metric, at its highest step; null if it has none
	Best    bool            `json:"best"`    // the study's best complete trial
	Search  *lab.Suggested  `json:"search"`  // that asked for the trial; null if none did
}

func viewTrial(t *tracker.Trial, study tracker.Study, best int, now time.Time) trialView {
	v := trialView{Trial: lab.Shown(t), Search: lab.SuggestedBy(t), Seconds: t.Duration(now).Seconds(), Best: t.Number == best}
	if s, ok := t.Metrics[study.Metric]; ok {
		v.Value = &s.Last
	}
	return v
}

// arrow tells which way a study's metric is better.
func arrow(d tracker.Direction) string {
	if d == tracker.Maximize {
		return "↑"
	}
	return "↓"
}

// remark says of a trial what its state alone does not.
func remark(t *tracker.Trial) string {
	const width = 60
	switch {
	case t.Error != "":
		return shorten(t.Error, width)
	case t.Progress != nil && t.State != tracker.Complete:
		return shorten(progressText(t.Progress), width)
	}
	return shorten(t.Note, width)
}

func progressText(p *tracker.Progress) string {
	if p.Total > 0 {
		return fmt.Sprintf("%s %d/%d", p.Stage, p.Done, p.Total)
	}
	return fmt.Sprintf("%s %d", p.Stage, p.Done)
}

package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/parelab/pare/kernel/lab"
	"github.com/parelab/pare/tracker"
	"github.com/parelab/pare/tracker/boltstore"
)

// trialsFlags are the flags of `pare trials`.
type trialsFlags struct {
	trackerFlags
	limit  int
	sort   string
	states []string
}

func newTrialsCommand() *cobra.Command {
	var flags trialsFlags
	cmd := &cobra.Command{
		Use:   "trials [STUDY]",
		Short: "list the trials of a study, or of every study",
		Long: `List the trials of a study, or of every study, with the hyperparameters that differ and the value of the study's metric.
The best complete trial is marked with *. Without --sort the newest trials are shown, the latest at the bottom.`,
		Example: "  pare trials pocket --sort value --limit 5\n  pare trials pocket --sort -ratio\n  pare trials --json | jq '.trials[] | {number, value, ratio: .params.ratio}'",
		Args:    someArgs(0, 1),
		RunE:    func(cmd *cobra.Command, args []string) error { return flags.run(cmd, args) },
	}
	flags.register(cmd)
	cmd.Flags().IntVar(&flags.limit, "limit", 20, "at most `N` trials of each study; 0 means all")
	cmd.Flags().StringVar(&flags.sort, "sort", "", "order by `KEY`: number, started, duration, state, value (best complete trial first), a hyperparameter or a metric; -KEY reverses")
	cmd.Flags().StringSliceVar(&flags.states, "state", nil, "only trials in these `STATES`: running, complete, failed, interrupted, lost")
	return cmd
}

// listing is what is shown of one study.
type listing struct {
	study  studyView
	trials []trialView
	total  int // trials that the filter lets through, before the limit
}

func (f *trialsFlags) run(cmd *cobra.Command, args []string) error {
	if f.limit < 0 {
		return usageError{fmt.Errorf("--limit is %d, want 0 (all) or more", f.limit)}
	}
	for _, s := range f.states {
		if !slices.Contains(tracker.States, tracker.State(s)) {
			return usageError{fmt.Errorf("--state %q is none of %v", s, tracker.States)}
		}
	}
	store, err := f.open()
	if err != nil {
		return err
	}
	studies, err := f.studies(cmd.Context(), store, args)
	if err != nil {
		return err
	}
	var listings []listing
	for _, s := range studies {
		l, err := f.list(cmd.Context(), store, s)
		if err != nil {
			return err
		}
		listings = append(listings, l)
	}
	if err := f.sortAll(listings); err != nil {
		return err
	}
	if f.json {
		return writeTrialsJSON(cmd.OutOrStdout(), store.Path(), listings)
	}
	return writeTrials(cmd.OutOrStdout(), store.Path(), listings)
}

func (f *trialsFlags) studies(ctx context.Context, store *boltstore.Store, args []string) ([]tracker.Study, error) {
	if len(args) == 0 {
		return store.Studies(ctx)
	}
	s, err := knownStudy(ctx, store, args[0])
	return []tracker.Study{s}, err
}

// list reads the trials of a study: a page from the newest on, or all of them where they are to be sorted.
func (f *trialsFlags) list(ctx context.Context, store *boltstore.Store, study tracker.Study) (listing, error) {
	filter := tracker.Filter{Newest: true}
	view, err := viewStudy(ctx, store, study)
	l := listing{study: view, total: view.Total}
	if err != nil {
		return l, err
	}
	if f.states != nil {
		l.total = 0
	}
	for _, s := range f.states {
		filter.States = append(filter.States, tracker.State(s))
		l.total += study.Counts[tracker.State(s)]
	}
	if f.sort == "" {
		filter.Limit = f.limit
	}
	trials, err := store.Trials(ctx, study.Name, filter)
	if err != nil {
		return l, err
	}
	now := time.Now()
	for _, t := range slices.Backward(trials) {
		l.trials = append(l.trials, viewTrial(t, study, view.bestNumber(), now))
	}
	return l, nil
}

func writeTrialsJSON(w io.Writer, file string, listings []listing) error {
	studies, trials := []studyView{}, []trialView{}
	for _, l := range listings {
		studies = append(studies, l.study)
		trials = append(trials, l.trials...)
	}
	return writeJSON(w, map[string]any{"file": file, "studies": studies, "trials": trials})
}

func writeTrials(w io.Writer, file string, listings []listing) error {
	if len(listings) == 0 {
		return noTrials(w, file)
	}
	for i, l := range listings {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if err := l.write(w); err != nil {
			return err
		}
	}
	return nil
}

func (l listing) write(w io.Writer) error {
	common, varying, ratios := splitParams(l.trials)
	head := fmt.Sprintf("%s: %d trials", l.study.Name, l.total)
	if l.total == 1 {
		head = l.study.Name + ": 1 trial"
	}
	if n := len(l.trials); n < l.total {
		head += fmt.Sprintf(", %d shown (--limit 0 shows all)", n)
	}
	if len(common) > 0 {
		head += "; all with " + strings.Join(common, ", ")
	}
	if ratios > 0 {
		head += fmt.Sprintf("; the ratios of %d groups: pare trial show %s N", ratios, l.study.Name)
	}
	if _, err := fmt.Fprintln(w, printable(head)); err != nil || len(l.trials) == 0 {
		return err
	}
	t := &table{columns: []column{{head: "TRIAL", right: true}, {head: "STATE"}, {head: l.study.Metric + " " + arrow(l.study.Direction), right: true}, {}}}
	for _, name := range varying {
		t.columns = append(t.columns, column{head: name, right: true})
	}
	t.columns = append(t.columns, column{head: "STARTED"}, column{head: "TOOK", right: true}, column{head: "REMARK"})
	now := time.Now()
	for _, v := range l.trials {
		t.add(l.row(v, varying, now)...)
	}
	return t.write(w)
}

func (l listing) row(v trialView, varying []string, now time.Time) []string {
	value, mark := "–", " "
	if v.Value != nil {
		value = number(float64(*v.Value))
	}
	if v.Best {
		mark = "*"
	}
	row := []string{fmt.Sprint(v.Number), string(v.State), value, mark}
	for _, name := range varying {
		row = append(row, paramText(v.Params[name], v.Params, name))
	}
	return append(row, ago(v.Started, now), span(v.Duration(now)), remark(v.Trial))
}

// paramText shows a hyperparameter in at most 24 characters.
func paramText(value tracker.Value, params map[string]tracker.Value, name string) string {
	if _, ok := params[name]; !ok {
		return "–"
	}
	if f, ok := value.Float64(); ok {
		return number(f)
	}
	return shorten(value.String(), 24)
}

// splitParams tells the hyperparameters that all trials share ("name = value") from the names of those that differ, both sorted. A
// single trial shows all of its own as shared. What a table has no room for is left out; see [lab.Listed].
func splitParams(trials []trialView) (common, varying []string, ratios int) {
	names := map[string]bool{}
	for _, t := range trials {
		for name := range t.Params {
			names[name] = true
		}
	}
	listed, ratios := lab.Listed(slices.Sorted(maps.Keys(names)))
	for _, name := range listed {
		first, ok := trials[0].Params[name]
		same := ok && !slices.ContainsFunc(trials, func(t trialView) bool {
			v, ok := t.Params[name]
			return !ok || !v.Equal(first)
		})
		if same {
			common = append(common, name+" = "+paramText(first, trials[0].Params, name))
		} else {
			varying = append(varying, name)
		}
	}
	return common, varying, ratios
}

package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/parelab/pare/gomlxops/bayesopt"
	"github.com/parelab/pare/kernel/lab"
	"github.com/parelab/pare/kernel/show"
)

// searchFlags are what pare compress is told of a search for ranks.
type searchFlags struct {
	search            lab.Search
	group             string
	prior             string
	within            string
	objective, choose string
	bounds            []string
}

// These are short for lab.GroupBands and lab.GroupPaperBands, whose names have a sign that keyboards lack.
const (
	groupBands      = "bands"
	groupPaperBands = "paper-bands"
)

func (r *searchFlags) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.IntVar(&r.search.Trials, "trials", 20, "trials of a search, those that the study has of it among them")
	flags.IntVar(&r.search.Workers, "workers", 1, "trials of a search that are measured at once")
	flags.StringVar(&r.group, "group-by", "", "linears that share a ratio in a search: kind, bands (kind and band of layers), linear, paper or paper-bands (q and k together, v dense) (default linear, kind without a prior)")
	flags.IntVar(&r.search.Bands, "bands", 0, "bands of layers (default 4)")
	flags.Float64Var(&r.search.Upper, "upper", 0, "most that a search removes of a group (default 0.9)")
	flags.StringArrayVar(&r.bounds, "bound", nil, "what a search may remove of one group or kind in place of 0 to --upper, such as q_proj=0.1:0.6; may be repeated")
	flags.Uint64Var(&r.search.Seed, "search-seed", 0, "of a search, and of the blocks that it measures (default 1)")
	flags.IntVar(&r.search.Blocks, "search-blocks", 0, "blocks of the calibration text that a search measures each trial on (default 16)")
	flags.StringVar(&r.objective, "objective", "", "what a search makes small: perplexity, loss, kl, reverse-kl, or a weighted sum such as perplexity+4.1*reverse-kl (default kl, of the dense model from the compressed one; for paper this sum)")
	flags.IntVar(&r.search.Objective.TopK, "top-k", 0, "outcomes kept of each of the dense model's predictions, for kl (default 64)")
	flags.StringVar(&r.choose, "choose-blocks", "", "how a search's blocks are chosen: random, or spread, those that tell random allocations apart best (default random)")
	flags.Float64Var(&r.search.StopAt, "stop-at", 0, "stop a trial after part of its blocks once it is worse than the best with this confidence, such as 0.99 (default: never)")
	flags.StringVar(&r.prior, "prior", "", "what a search knows beforehand: fisher, energy, or uniform for nothing (default fisher for bayes)")
	flags.StringVar(&r.within, "within", "", "how ranks are shared out within a group: fisher, energy or uniform (default: as --prior)")
}

// searched says whether ranks are to be searched for: --allocate names a sampler.
func (r *compressRequest) searched() bool {
	return slices.Contains(bayesopt.Samplers, bayesopt.Sampler(r.allocate))
}

// settleSearch puts together what flags gave apart.
func (r *compressRequest) settleSearch() error {
	objective, err := lab.ParseObjective(r.objective)
	if err != nil {
		return err
	}
	objective.TopK = r.search.Objective.TopK
	s := &r.search
	if s.Bounds, err = parseBounds(r.bounds); err != nil {
		return err
	}
	s.Attempt, s.Sampler, s.Groups, s.Objective = r.Attempt, bayesopt.Sampler(r.allocate), lab.Grouping(r.group), objective
	s.Allocate, s.Prior, s.Within, s.Choose = "", lab.By(r.prior), lab.By(r.within), lab.Choice(r.choose)
	switch r.group {
	case groupBands:
		s.Groups = lab.GroupBands
	case groupPaperBands:
		s.Groups = lab.GroupPaperBands
	}
	if groups := []string{"", string(lab.GroupKinds), groupBands, string(lab.GroupLinears), string(lab.GroupPaper), groupPaperBands}; !slices.Contains(groups, r.group) {
		return usageError{fmt.Errorf("--group-by: expected one of %q, found %q", groups[1:], r.group)}
	}
	return nil
}

// parseBounds reads NAME=LOWER:UPPER.
func parseBounds(texts []string) (map[string]lab.Bound, error) {
	bounds := map[string]lab.Bound{}
	for _, text := range texts {
		name, span, ok := strings.Cut(text, "=")
		lower, upper, two := strings.Cut(span, ":")
		least, err1 := strconv.ParseFloat(lower, 64)
		most, err2 := strconv.ParseFloat(upper, 64)
		if !ok || !two || name == "" || err1 != nil || err2 != nil {
			return nil, usageError{fmt.Errorf("--bound: expected a group and two ratios, such as q_proj=0.1:0.6, found %q", text)}
		}
		if _, twice := bounds[name]; twice {
			return nil, usageError{fmt.Errorf("--bound: %s stands there twice", name)}
		}
		bounds[name] = lab.Bound{Lower: least, Upper: most}
	}
	return bounds, nil
}

// searchOnly are flags that have no say where nothing is searched for.
var searchOnly = []string{"trials", "workers", "group-by", "bands", "upper", "bound", "search-seed", "search-blocks", "objective", "top-k", "choose-blocks", "stop-at", "prior", "within"}

// checkSearchFlags refuses flags that tell of a search where there is none.
func (r *compressRequest) checkSearchFlags(cmd *cobra.Command) error {
	for _, name := range searchOnly {
		if cmd.Flags().Changed(name) && !r.searched() {
			return usageError{fmt.Errorf("--%s tells of a search, and --allocate %s is none: take one of %q", name, r.allocate, bayesopt.Samplers)}
		}
	}
	return refuseZero(cmd, "workers", "bands", "upper", "search-blocks", "top-k")
}

// find searches for ranks and makes the best the request's. What an interrupted search found is printed too.
func (r *compressRequest) find(cmd *cobra.Command, study *lab.Study, m *lab.Model) error {
	found, err := study.Search(cmd.Context(), m, r.search)
	if found == nil {
		return err
	}
	r.Attempt, r.found = found.Attempt(), found
	switch {
	case r.asJSON && err != nil: // else it is part of the result
		return errors.Join(err, writeJSON(cmd.OutOrStdout(), compressResult{Study: r.study, Warnings: []string{}, Search: r.searchReport()}))
	case r.asJSON:
		return nil
	}
	if printed := show.Print(cmd.OutOrStdout(), found.Facts(), found.Chart(), found.HeatMap(), found.Importance(), found.Trust().Facts()); err == nil {
		err = printed
	}
	return err
}

// searchReport is what a search found; nil where there was none.
func (r *compressRequest) searchReport() *lab.SearchReport {
	if r.found == nil {
		return nil
	}
	report := r.found.Report()
	return &report
}

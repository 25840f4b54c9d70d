package main

import (
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/parelab/pare/gomlxops/bayesopt"
	"github.com/parelab/pare/kernel/lab"
	"github.com/parelab/pare/kernel/show"
)

// searchFlags are what pare compress is told of a search for ranks.
type searchFlags struct {
	search lab.Search
	group  string
}

// groupBands is short for lab.GroupBands, whose name has a sign that keyboards lack.
const groupBands = "bands"

func (r *searchFlags) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.IntVar(&r.search.Trials, "trials", 20, "trials of a search, those that the study has of it among them")
	flags.IntVar(&r.search.Workers, "workers", 1, "trials of a search that are measured at once")
	flags.StringVar(&r.group, "group-by", string(lab.GroupKinds), "linears that share a ratio in a search: by kind, bands (kind and band of layers), or linear")
	flags.IntVar(&r.search.Bands, "bands", 0, "bands of layers (default 4)")
	flags.Float64Var(&r.search.Upper, "upper", 0, "most that a search removes of a group (default 0.9)")
	flags.Uint64Var(&r.search.Seed, "search-seed", 0, "of a search, and of the blocks that it measures (default 1)")
	flags.IntVar(&r.search.Blocks, "search-blocks", 0, "blocks of the calibration text that a search measures each trial on (default 16)")
	flags.BoolVar(&r.search.Fisher, "fisher-start", false, "let a search begin at the allocation of fisher too")
}

// searched says whether ranks are to be searched for: --allocate names a sampler.
func (r *compressRequest) searched() bool {
	return slices.Contains(bayesopt.Samplers, bayesopt.Sampler(r.allocate))
}

// find searches for ranks and makes the best the request's. What an interrupted search found is printed too.
func (r *compressRequest) find(cmd *cobra.Command, study *lab.Study, m *lab.Model) error {
	r.search.Attempt, r.search.Sampler, r.search.Groups = r.Attempt, bayesopt.Sampler(r.allocate), lab.Grouping(r.group)
	r.search.Allocate = ""
	if r.group == groupBands {
		r.search.Groups = lab.GroupBands
	}
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

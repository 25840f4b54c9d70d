package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/parelab/pare/gomlxops/importance"
	"github.com/parelab/pare/gomlxops/lowrank"
	"github.com/parelab/pare/gomlxops/prune"
	"github.com/parelab/pare/kernel/lab"
)

// Two verbs make a model smaller, and each may let the other's method follow: what both take of flags stands here.

// lowRankFlags say how low rank goes about it, but for its method.
type lowRankFlags struct{ allocate, sequential, target string }

func (f *lowRankFlags) flags(cmd *cobra.Command, allocate string) {
	flags := cmd.Flags()
	flags.StringVar(&f.allocate, "allocate", string(lowrank.ByUniform), allocate)
	flags.StringVar(&f.sequential, "sequential", "", "block after block: recalibrate, update or both (default: inputs of the dense model)")
	flags.StringVar(&f.target, "target", "", "of --sequential: shifted or original outputs (default shifted)")
}

func (f *lowRankFlags) settle(a *lab.Attempt) {
	a.Allocate, a.Sequential, a.Target = lab.By(f.allocate), lab.Mode(f.sequential), lab.Target(f.target)
}

// pruningFlags say what pruning cuts.
type pruningFlags struct{ score, aggregate, normalise, across string }

func (f *pruningFlags) flags(cmd *cobra.Command, p *lab.Pruning) {
	flags := cmd.Flags()
	flags.StringVar(&f.score, "score", string(lab.TaylorFirst), "what makes a weight worth keeping: "+joined(lab.Scores()))
	flags.StringVar(&f.aggregate, "aggregate", string(importance.Sum), "over the weights that go together: "+joined(importance.Aggregations))
	flags.StringVar(&f.normalise, "normalise", "", "scores within a layer's heads and channels: mean, max or standard (default not)")
	flags.StringVar(&f.across, "across", "", "what competes, and what the ratio is of: "+joined(prune.Scopes())+" (default local, or density where both methods share a ratio)")
	flags.IntVar(&p.ProtectFirst, "protect-first", 0, "layers at the front that lose nothing (default 4 of 16 or more with scope block, else 0)")
	flags.IntVar(&p.ProtectLast, "protect-last", 0, "layers at the end that lose nothing (default 2 of 16 or more with scope block, else 0)")
}

func (f *pruningFlags) settle(cmd *cobra.Command, p *lab.Pruning) error {
	p.Score, p.Aggregate = lab.Score(f.score), importance.Aggregation(f.aggregate)
	p.Normalise, p.Across = importance.Normalisation(f.normalise), lab.Across(f.across)
	for name, n := range map[string]*int{"protect-first": &p.ProtectFirst, "protect-last": &p.ProtectLast} {
		switch {
		case *n < 0:
			return fmt.Errorf("%s: expected a number of layers, found %d", name, *n)
		case *n == 0 && cmd.Flags().Changed(name):
			*n = -1
		}
	}
	return nil
}

// thenFlags say what follows.
func thenFlags(cmd *cobra.Command, a *lab.Attempt, usage string) {
	cmd.Flags().StringVar((*string)(&a.Then), "then", "", usage)
	cmd.Flags().Float64Var(&a.Share, "share", 0, "with --then: fraction of all that goes which the first removes (default 0.5)")
}

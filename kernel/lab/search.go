package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/parelab/pare/gomlxops/bayesopt"
	"github.com/parelab/pare/gomlxops/lowrank"
)

// Search looks for the allocation of ranks that keeps perplexity lowest, in few trials. The attempt's method and ratio and Trials must
// be set; the zero value of everything else works. Allocate has no say.
type Search struct {
	Attempt
	Trials  int              // of the whole search, those of earlier runs and of other processes among them
	Workers int              // trials that are measured at once; default 1
	Sampler bayesopt.Sampler // default bayesopt.Bayes
	Groups  Grouping         // which linears share a ratio; default GroupLinears up to 200 of them, then GroupBands; GroupKinds where Prior knows nothing
	Bands   int              // of layers, for GroupBands; default 4, or the number of layers if that is less
	Upper   float64          // most that a group may lose; default 0.9
	Seed    uint64           // of the search and of its blocks; default 1

	// Bounds hold some groups between a least and a most that they lose, in the place of 0 and Upper: by a group's name ("q_proj", with GroupBands
	// "q_proj 2/4", with GroupLinears that of the linear), or for all groups of a kind by the kind. Ranks are whole, and may end some beside.
	Bounds map[string]Bound

	// Prior is what is known before the first trial: where to begin, and for Bayes how each group's loss depends on its ratio. ByFisher, the
	// default of Bayes, takes gradients; lowrank.ByEnergy does not; lowrank.ByUniform, the default of the others, knows nothing.
	Prior By

	// Within says how ranks are shared out among the linears of a group: lowrank.ByUniform, lowrank.ByEnergy or ByFisher. Default is the Prior.
	Within By

	// Objective is what is made small; default KL, the divergence from the dense model's predictions; for bayesopt.Paper the paper's.
	Objective Objective

	// Blocks of BlockLength tokens are what every trial is measured on, drawn from the calibration text, so that the study's held-out text stays
	// unseen. Defaults 16 and 256. Choose says how; default AtRandom.
	Blocks, BlockLength int
	Choose              Choice

	// StopAt is the confidence with which a trial has to be worse than the best, after a part of its blocks, to be stopped there: 0.99, say; see
	// bayesopt.ClearlyWorse. 0 measures every trial on all blocks.
	StopAt float64
}

// Bound is the least and the most that a group may lose, as fractions of its parameters. Equal ones fix it; the zero value keeps it dense.
type Bound struct{ Lower, Upper float64 }

const (
	defaultBands  = 4
	defaultUpper  = 0.9
	defaultLooks  = 16  // blocks
	mostVariables = 200 // that a search has by default
	blockSeedSalt = 977 // sets the search's blocks apart from the calibration's sequences of the same seed
)

func (s Search) withDefaults(m *Model) Search {
	s.Workers, s.Seed = cmp.Or(s.Workers, 1), cmp.Or(s.Seed, 1)
	s.Sampler, s.Choose = cmp.Or(s.Sampler, bayesopt.Bayes), cmp.Or(s.Choose, AtRandom)
	s.Objective = s.Objective.withDefaults(s.Sampler)
	if s.Prior == "" {
		if s.Prior = lowrank.ByUniform; s.Sampler == bayesopt.Bayes {
			s.Prior = ByFisher
		}
	}
	s.Within = cmp.Or(s.Within, s.Prior)
	if s.Groups == "" {
		if s.Groups = GroupKinds; s.Prior != lowrank.ByUniform {
			if s.Groups = GroupLinears; len(m.Linears()) > mostVariables {
				s.Groups = GroupBands
			}
		}
	}
	s.Upper, s.Blocks = cmp.Or(s.Upper, defaultUpper), cmp.Or(s.Blocks, defaultLooks)
	s.BlockLength = cmp.Or(s.BlockLength, min(longestDefault, m.Config().MaxPositions))
	s.Allocate = ""
	return s
}

// priors are the values of Prior and Within.
var priors = []By{lowrank.ByUniform, lowrank.ByEnergy, ByFisher}

func (s Search) check() error {
	if err := s.Attempt.check(); err != nil {
		return err
	}
	switch {
	case s.Method == Dense || s.Method == Prune || s.Then != "":
		return fmt.Errorf("method %q, then %q, has no ranks to search for: expected low rank alone", s.Method, s.Then)
	case s.Sequential != "":
		return fmt.Errorf("a search measures slices of one decomposition: expected no sequential mode, found %q", s.Sequential)
	case s.Workers < 1:
		return fmt.Errorf("workers: expected at least 1, found %d", s.Workers)
	case s.Trials < 1:
		return fmt.Errorf("trials: expected at least 1, found %d", s.Trials)
	case !slices.Contains(bayesopt.Samplers, s.Sampler):
		return fmt.Errorf("sampler: expected one of %q, found %q", bayesopt.Samplers, s.Sampler)
	case !slices.Contains(Groupings, s.Groups):
		return fmt.Errorf("groups: expected one of %q, found %q", Groupings, s.Groups)
	case !slices.Contains(priors, s.Prior):
		return fmt.Errorf("prior: expected one of %q, found %q", priors, s.Prior)
	case !slices.Contains(priors, s.Within):
		return fmt.Errorf("within: expected one of %q, found %q", priors, s.Within)
	case s.Bands < 0 || s.Blocks < 1 || s.BlockLength < 2:
		return fmt.Errorf("bands, blocks, block length: expected none below 0, 1 and 2, found %d, %d and %d", s.Bands, s.Blocks, s.BlockLength)
	case !(s.Upper > 0 && s.Upper <= 1):
		return fmt.Errorf("upper: expected a ratio in (0,1], found %v", s.Upper)
	case !slices.Contains(Choices, s.Choose):
		return fmt.Errorf("blocks: expected to be chosen by one of %q, found %q", Choices, s.Choose)
	case !(s.StopAt >= 0 && s.StopAt < 1):
		return fmt.Errorf("stop: expected a confidence of at least 0 and below 1, found %v", s.StopAt)
	case s.StopAt > 0 && s.Objective.Function != nil:
		return fmt.Errorf("stop: objective %s measures no blocks, after some of which a trial could be stopped; take 0", s.Objective)
	}
	if err := s.checkBounds(); err != nil {
		return err
	}
	return s.Objective.check()
}

// Search runs a search, or goes on with it, and returns what it found. Every suggestion is a trial of the study before it is measured;
// a search of the same model, text, method, groups and seeds continues from the trials that are there, also from those of other
// processes that search at the same time. A trial whose process is gone is measured again. A trial that fails does not end the search.
//
// An interrupt keeps all that was measured, and returns it with the error.
func (s *Study) Search(ctx context.Context, m *Model, search Search) (*Found, error) {
	search = search.withDefaults(m)
	if err := search.check(); err != nil {
		return nil, err
	}
	watch := s.lab.watch(fmt.Sprintf("Search %s at %.4g%%", search.Label(), 100*search.Ratio))
	defer watch.Close()
	h, err := s.hunt(ctx, m, search, watch)
	if err != nil {
		return nil, err
	}
	err = h.run(ctx)
	found, seen := h.found(context.WithoutCancel(ctx))
	return found, errors.Join(err, seen)
}

// hunt prepares a search: spectra, the space, the blocks, and the digest that its trials are known by.
func (s *Study) hunt(ctx context.Context, m *Model, search Search, watch Watcher) (*hunt, error) {
	h := &hunt{Search: search, study: s, model: m, watch: watch, padded: !compilesQuickly()}
	needs, err := s.lab.needs(ctx, m, search.Attempt)
	if err != nil {
		return nil, err
	}
	spectra, err := s.lab.decompose(ctx, m, search.Attempt, needs, nil)
	if err != nil {
		return nil, err
	}
	var weights map[string]float64
	if search.Prior == ByFisher || search.Within == ByFisher {
		g, err := s.lab.Gradients(ctx, m, search.Calibration)
		if err != nil {
			return nil, err
		}
		if weights, err = g.Salience(m.Model); err != nil {
			return nil, err
		}
	}
	if h.space, err = newSearchSpace(spectra, search, weights); err != nil {
		return nil, err
	}
	h.options = bayesopt.Options{Sampler: search.Sampler, Seed: search.Seed}
	if h.options.Starts, err = h.space.starts(search); err != nil {
		return nil, err
	}
	on := h.calibration(h.model)
	if h.text, err = s.lab.Tokens(m, on.Text, CalibrationPart); err != nil {
		return nil, err
	}
	if err := h.draw(ctx); err != nil {
		return nil, err
	}
	h.digest = key("search 3", h.made(), fmt.Sprintf("%+v", h.options), h.Objective.String(), h.Objective.TopK, h.StopAt)[:16]
	return h, nil
}

// made is what a search's blocks and space were made from.
func (h *hunt) made() string {
	first := h.space.spectra[0]
	return key(first.Model, first.Moments, first.Fisher, first.Method, first.Settings, h.text.Digest, h.text.Part, h.Blocks, h.BlockLength, h.Choose, h.Seed,
		fmt.Sprintf("%+v", h.space.Space), h.Options.Multiple, h.Options.FreeBias, h.Within)
}

// best returns the trial with the least value, the earliest of equals.
func best(trials []bayesopt.Trial) (out bayesopt.Trial, found bool) {
	out.Value = math.Inf(1)
	for _, t := range trials {
		if t.State == bayesopt.Done && t.Value < out.Value {
			out, found = t, true
		}
	}
	return out, found
}

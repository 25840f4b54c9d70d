package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/parelab/pare/datasets"
	"github.com/parelab/pare/gomlxops/bayesopt"
)

// Search looks for the allocation of ranks that keeps perplexity lowest, in few trials. The attempt's method and ratio and Trials must
// be set; the zero value of everything else works. Allocate has no say.
type Search struct {
	Attempt
	Trials  int              // of the whole search, those of earlier runs and of other processes among them
	Workers int              // trials that are measured at once; default 1
	Sampler bayesopt.Sampler // default bayesopt.Bayes
	Groups  Grouping         // which linears share a ratio; default GroupKinds
	Bands   int              // of layers, for GroupBands; default 4, or the number of layers if that is less
	Upper   float64          // most that a group may lose; default 0.9
	Seed    uint64           // of the search and of its blocks; default 1
	Flat    bool             // keep from the optimiser what energy each ratio discards
	Fisher  bool             // begin at the allocation by Fisher-weighed energy too, which takes gradients

	// Blocks of BlockLength tokens are what every trial is measured on, drawn at random from the calibration text, so that the study's
	// held-out text stays unseen. Defaults 16 and 256.
	Blocks, BlockLength int
}

const (
	defaultBands  = 4
	defaultUpper  = 0.9
	defaultLooks  = 16  // blocks
	blockSeedSalt = 977 // sets the search's blocks apart from the calibration's sequences of the same seed
)

func (s Search) withDefaults(m *Model) Search {
	s.Workers, s.Seed = max(s.Workers, 1), cmp.Or(s.Seed, 1)
	s.Sampler, s.Groups = cmp.Or(s.Sampler, bayesopt.Bayes), cmp.Or(s.Groups, GroupKinds)
	s.Upper, s.Blocks = cmp.Or(s.Upper, defaultUpper), cmp.Or(s.Blocks, defaultLooks)
	s.BlockLength = cmp.Or(s.BlockLength, min(longestDefault, m.Config().MaxPositions))
	s.Allocate = ""
	return s
}

func (s Search) check() error {
	if err := s.Attempt.check(); err != nil {
		return err
	}
	switch {
	case s.Method == Dense || s.Method == Prune || s.Then != "":
		return fmt.Errorf("method %q, then %q, has no ranks to search for: expected low rank alone", s.Method, s.Then)
	case s.Sequential != "":
		return fmt.Errorf("a search measures slices of one decomposition: expected no sequential mode, found %q", s.Sequential)
	case s.Trials < 1:
		return fmt.Errorf("trials: expected at least 1, found %d", s.Trials)
	case !slices.Contains(bayesopt.Samplers, s.Sampler):
		return fmt.Errorf("sampler: expected one of %q, found %q", bayesopt.Samplers, s.Sampler)
	case !slices.Contains(Groupings, s.Groups):
		return fmt.Errorf("groups: expected one of %q, found %q", Groupings, s.Groups)
	case s.Bands < 0 || s.Blocks < 1 || s.BlockLength < 2:
		return fmt.Errorf("bands, blocks, block length: expected none below 0, 1 and 2, found %d, %d and %d", s.Bands, s.Blocks, s.BlockLength)
	case !(s.Upper > 0 && s.Upper <= 1):
		return fmt.Errorf("upper: expected a ratio in (0,1], found %v", s.Upper)
	}
	return nil
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
	h, err := s.hunt(ctx, m, search)
	if err != nil {
		return nil, err
	}
	h.watch = s.lab.watch(fmt.Sprintf("Search %s at %.4g%%", search.Label(), 100*search.Ratio))
	defer h.watch.Close()
	err = h.run(ctx)
	found, seen := h.found(context.WithoutCancel(ctx))
	return found, errors.Join(err, seen)
}

// hunt prepares a search: spectra, the space, the blocks, and the digest that its trials are known by.
func (s *Study) hunt(ctx context.Context, m *Model, search Search) (*hunt, error) {
	h := &hunt{Search: search, study: s, model: m}
	needs, err := s.lab.needs(ctx, m, search.Attempt)
	if err != nil {
		return nil, err
	}
	spectra, err := s.lab.decompose(ctx, m, search.Attempt, needs, nil)
	if err != nil {
		return nil, err
	}
	if h.space, err = newSearchSpace(spectra, search); err != nil {
		return nil, err
	}
	var weights map[string]float64
	if search.Fisher {
		g, err := s.lab.Gradients(ctx, m, search.Calibration)
		if err != nil {
			return nil, err
		}
		if weights, err = g.Salience(m.Model); err != nil {
			return nil, err
		}
	}
	h.options = bayesopt.Options{Sampler: search.Sampler, Seed: search.Seed}
	if h.options.Starts, err = h.space.starts(search, weights); err != nil {
		return nil, err
	}
	return h, h.draw()
}

// draw chooses the blocks and names the search.
func (h *hunt) draw() (err error) {
	on := h.calibration(h.model)
	if h.text, err = h.study.lab.Tokens(h.model, on.Text, CalibrationPart); err != nil {
		return err
	}
	if h.blocks, err = datasets.Sample(h.text.IDs, h.Blocks, h.BlockLength, h.Seed+blockSeedSalt); err != nil {
		return fmt.Errorf("text %s: %w", h.text, err)
	}
	first := h.space.spectra[0]
	h.digest = key("search 1", first.Model, first.Moments, first.Fisher, first.Method, first.Settings, h.text.Digest, h.text.Part,
		h.Blocks, h.BlockLength, fmt.Sprintf("%+v", h.space.Space), fmt.Sprintf("%+v", h.options), h.Options.Multiple, h.Options.FreeBias)[:16]
	return nil
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

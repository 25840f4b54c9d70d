package lab

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/parelab/pare/datasets"
	"github.com/parelab/pare/gomlxops/bayesopt"
	"github.com/parelab/pare/gomlxops/lowrank"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/internal/durable"
)

// Choice says how the blocks that a [Search] measures are chosen.
type Choice string

// The choices.
const (
	AtRandom Choice = "random"

	// BySpread is Bolaco's (arXiv 2405.10616, section 3): of several times as many blocks, those whose perplexity differs most between 20 random
	// allocations. That takes as long as 80 trials; it is kept, and read back.
	BySpread Choice = "spread"
)

// Choices lists them all.
var Choices = []Choice{AtRandom, BySpread}

const (
	spreadPool        = 4  // times the blocks wanted
	spreadAllocations = 20 // Bolaco's
)

// draw chooses the blocks. They stay in the random order in which they were drawn, so that the first ones tell of all.
func (h *hunt) draw(ctx context.Context) error {
	n := h.Blocks
	if h.Choose == BySpread {
		n *= spreadPool
	}
	blocks, err := datasets.Sample(h.text.IDs, n, h.BlockLength, h.Seed+blockSeedSalt)
	if err != nil {
		return fmt.Errorf("text %s: %w", h.text, err)
	}
	if h.Choose == BySpread {
		blocks, err = h.spread(ctx, blocks)
	}
	h.blocks = blocks
	return err
}

// spread keeps the blocks whose perplexity differs most between random allocations.
func (h *hunt) spread(ctx context.Context, pool [][]int32) ([][]int32, error) {
	path := h.study.lab.result("blocks", key("spread 1", h.made(), spreadPool, spreadAllocations), ".json")
	chosen, found, err := readBack(path, func(path string) (chosen []int, err error) {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if err = json.Unmarshal(data, &chosen); err == nil && (len(chosen) != h.Blocks || slices.Min(chosen) < 0 || slices.Max(chosen) >= len(pool)) {
			err = fmt.Errorf("expected %d numbers below %d, found %v", h.Blocks, len(pool), chosen)
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", path, err)
		}
		return chosen, err
	})
	if err != nil {
		return nil, err
	}
	if !found {
		spreads, err := h.spreads(ctx, pool)
		if err != nil {
			return nil, err
		}
		chosen = largest(spreads, h.Blocks)
		data, err := json.Marshal(chosen)
		if err != nil {
			return nil, err
		}
		if err := saveResult(path, func(path string) error { return durable.WriteFile(path, data) }); err != nil {
			return nil, err
		}
	}
	blocks := make([][]int32, len(chosen))
	for i, at := range chosen {
		blocks[i] = pool[at]
	}
	return blocks, nil
}

// spreads are the standard deviations of each block's perplexity over random allocations.
func (h *hunt) spreads(ctx context.Context, pool [][]int32) ([]float64, error) {
	random, err := bayesopt.New(h.space.Space, bayesopt.Options{Sampler: bayesopt.Random, Seed: h.Seed})
	if err != nil {
		return nil, err
	}
	perplexities := make([][]float64, len(pool))
	for i := range spreadAllocations {
		s, err := random.Ask()
		if err != nil {
			return nil, err
		}
		forms, _, err := lowrank.Apply(h.space.spectra, h.space.ranks(s.X, h.Options))
		if err != nil {
			return nil, err
		}
		v, err := h.model.With(forms)
		if err != nil {
			return nil, err
		}
		losses, err := v.Losses(ctx, pool, transformer.RunOptions{})
		if err != nil {
			return nil, err
		}
		for b, sum := range losses.Sum {
			perplexities[b] = append(perplexities[b], math.Exp(sum/float64(losses.Predictions)))
		}
		h.watch.Progress("blocks by spread", i+1, spreadAllocations)
	}
	out := make([]float64, len(pool))
	for b, p := range perplexities {
		out[b] = stat.StdDev(p, nil)
	}
	return out, nil
}

// largest returns where the n largest values are, in ascending order; of equal values the earlier.
func largest(values []float64, n int) []int {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(values[b], values[a]) })
	chosen := slices.Clone(order[:n])
	slices.Sort(chosen)
	return chosen
}

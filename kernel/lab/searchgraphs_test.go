package lab

import (
	"fmt"
	"math"
	"testing"

	"github.com/parelab/pare/gomlxops/bayesopt"
)

// With padded factors a trial compiles nothing but for a pattern of dense and factored linears that no block had before, and values are those of
// the factors as they are; without, ranks that are new compile. No trial decomposes: spectra are made before the first.
func TestSearchCompilesForNoTrial(t *testing.T) {
	const trials = 8
	values := map[bool][]float64{}
	for _, padded := range []bool{true, false} {
		l := newTestLab(t)
		m := openTiny(t, l)
		s := quickSearch(trials)
		s.Sampler, s.Prior, s.Seed = bayesopt.Random, "uniform", 3
		s.Objective.Perplexity = 1 // which needs no predictions of the dense model, and so no graphs for them
		h, err := testStudy(t, l).hunt(t.Context(), m, s.withDefaults(m), silent{})
		if err != nil {
			t.Fatal(err)
		}
		h.padded, h.watch = padded, silent{}
		patterns, quiet := map[string]bool{}, 0
		for range trials {
			before, known := m.Graphs(), len(patterns)
			oneTrial(t, h, patterns)
			if padded && m.Graphs() != 1+len(patterns) { // and the head's
				t.Errorf("%d graphs for %d patterns", m.Graphs(), len(patterns))
			}
			if m.Graphs() == before && len(patterns) == known {
				quiet++
			}
		}
		if padded && quiet < 3 || !padded && quiet > 1 {
			t.Errorf("padded %v: %d of %d trials compiled nothing", padded, quiet, trials)
		}
		ended, _, err := h.replay(t.Context())
		if err != nil || len(ended) != trials {
			t.Fatal(ended, err)
		}
		for _, trial := range ended {
			values[padded] = append(values[padded], trial.Value)
		}
	}
	for i, v := range values[true] {
		if math.Abs(v/values[false][i]-1) > 1e-5 {
			t.Errorf("trial %d: %v, padded %v", i, values[false][i], v)
		}
	}
}

// oneTrial runs the next trial and notes which linears of each block were factored.
func oneTrial(t *testing.T, h *hunt, patterns map[string]bool) {
	t.Helper()
	q, run, err := h.ask(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	spectra := &h.space.spectra[0]
	if err := h.try(t.Context(), q, run); err != nil {
		t.Fatal(err)
	}
	if &h.space.spectra[0] != spectra {
		t.Error("the trial decomposed")
	}
	ranks, blocks := h.space.ranks(q.X, h.Options), map[int]string{}
	for _, l := range h.space.linears {
		if ranks[l.Name] > 0 {
			blocks[l.Layer] += string(l.Kind)
		} else {
			blocks[l.Layer] += "-"
		}
	}
	for _, pattern := range blocks {
		patterns[pattern] = true
	}
}

// BenchmarkSearchTrial times a trial of a search on pocket, and what padding costs it.
func BenchmarkSearchTrial(b *testing.B) {
	for _, ratio := range []float64{0.2, 0.5} {
		for _, padded := range []bool{false, true} {
			b.Run(fmt.Sprintf("ratio=%v/padded=%v", ratio, padded), func(b *testing.B) {
				l := newTestLab(b)
				m, err := l.Open("pocket")
				if err != nil {
					b.Fatal(err)
				}
				defer m.Close()
				s := Search{Attempt: Attempt{Method: "svd", Ratio: ratio, Calibration: Calibration{Text: "pocket", Sequences: 4}}, Sampler: bayesopt.Random, Groups: GroupLinears,
					Objective: Objective{Loss: 1}, Trials: 1 << 20}
				h, err := testStudy(b, l).hunt(b.Context(), m, s.withDefaults(m), silent{})
				if err != nil {
					b.Fatal(err)
				}
				h.padded = padded
				for b.Loop() {
					q, run, err := h.ask(b.Context())
					if err == nil {
						err = h.try(b.Context(), q, run)
					}
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

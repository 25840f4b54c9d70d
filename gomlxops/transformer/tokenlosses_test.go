package transformer

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// ragged makes sequences of random tokens and lengths in [2, longest].
func ragged(seed uint64, n, longest, vocab int) [][]int32 {
	rng := rand.New(rand.NewPCG(seed, 1))
	sequences := make([][]int32, n)
	for i := range sequences {
		sequences[i] = make([]int32, 2+rng.IntN(longest-1))
		for j := range sequences[i] {
			sequences[i][j] = int32(rng.IntN(vocab))
		}
	}
	return sequences
}

// TestTokenLosses compares with the plain loop: each sequence alone through Logits, and the softmax in float64.
func TestTokenLosses(t *testing.T) {
	const seed = 11
	checked, worst := 0, 0.0
	for _, name := range oracleModels {
		m := openOracle(t, name)
		vocab := m.Config().VocabSize
		sequences := ragged(seed, 40, 45, vocab)
		watch := &lastProgress{}
		got, err := m.Dense().TokenLosses(t.Context(), sequences, RunOptions{Recorder: watch})
		if err != nil {
			t.Fatal(err)
		}
		if watch.done != len(sequences) || watch.total != len(sequences) {
			t.Errorf("%s: progress ended at %d of %d, expected %d", name, watch.done, watch.total, len(sequences))
		}
		for i, s := range sequences {
			logits, err := m.Dense().Logits(t.Context(), [][]int32{s})
			if err != nil {
				t.Fatal(err)
			}
			if len(got[i]) != len(s)-1 {
				t.Fatalf("%s sequence %d: %d losses of %d tokens", name, i, len(got[i]), len(s))
			}
			for j, loss := range got[i] {
				want := surprise(logits[j*vocab:(j+1)*vocab], s[j+1])
				worst = max(worst, math.Abs(float64(loss)-want))
				checked++
			}
		}
	}
	if !(worst <= 5e-5) || checked < 1000 { // measured 7.6e-6
		t.Errorf("seed %d: %d losses, the worst off by %v", seed, checked, worst)
	}
	t.Logf("%d losses, the worst off by %.2g", checked, worst)
}

// surprise is −ln of the probability that logits give to a token.
func surprise(logits []float32, token int32) float64 {
	top, sum := float64(slices.Max(logits)), 0.0
	for _, l := range logits {
		sum += math.Exp(float64(l) - top)
	}
	return top + math.Log(sum) - float64(logits[token])
}

type lastProgress struct{ done, total int }

func (p *lastProgress) Metric(string, int, float64)        {}
func (p *lastProgress) Progress(_ string, done, total int) { p.done, p.total = done, total }

func TestTokenLossesRefuses(t *testing.T) {
	m := openOracle(t, "mha")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Dense().TokenLosses(ctx, [][]int32{{1, 2}}, RunOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	long := make([]int32, m.Config().MaxPositions+1)
	for _, c := range []struct {
		name      string
		sequences [][]int32
		opt       RunOptions
		want      string
	}{
		{"none", nil, RunOptions{}, "no sequence"},
		{"one token", [][]int32{{1, 2}, {1}}, RunOptions{}, "sequence 1: expected at least 2"},
		{"too long", [][]int32{{1, 2}, long}, RunOptions{}, "sequence 1: expected at most"},
		{"vocabulary", [][]int32{{1, 2, 3}, {1, 101}}, RunOptions{}, "sequence 1, position 1"},
		{"aligned", [][]int32{{1, 2}}, RunOptions{Align: 2}, "no alignment"},
		{"probed", [][]int32{{1, 2}}, RunOptions{Probe: &sumProbe{}}, "no probe"},
	} {
		if _, err := m.Dense().TokenLosses(t.Context(), c.sequences, c.opt); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
	huge, err := m.With(map[string]Form{"model.layers.1.self_attn.o_proj": &Dense{Out: 48, In: 48, W: slices.Repeat([]float32{3e38}, 48*48)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := huge.TokenLosses(t.Context(), [][]int32{{1, 2, 3}}, RunOptions{}); err == nil || !strings.Contains(err.Error(), "sequence 0") {
		t.Errorf("activations beyond float32: error %v, want one that names the sequence", err)
	}
}

// TestByLength holds the groups against all ways to divide the lengths.
func TestByLength(t *testing.T) {
	for seed := range uint64(20) {
		sequences := ragged(seed, 30, 68, 9)
		const perGroup, longest = 100, 68
		groups := byLength(sequences, perGroup, longest)
		cost, seen := 0, make([]bool, len(sequences))
		for _, g := range groups {
			cost += perGroup + g.length*len(g.members)
			for _, m := range g.members {
				if seen[m] || len(sequences[m]) > g.length {
					t.Fatalf("seed %d: sequence %d of %d tokens in a group of %d, seen %v", seed, m, len(sequences[m]), g.length, seen[m])
				}
				seen[m] = true
			}
		}
		if slices.Contains(seen, false) {
			t.Fatalf("seed %d: a sequence is in no group", seed)
		}
		if want := leastCost(sequences, perGroup, longest); cost != want {
			t.Errorf("seed %d: %d groups cost %d, expected %d", seed, len(groups), cost, want)
		}
	}
}

// leastCost tries every set of the possible lengths.
func leastCost(sequences [][]int32, perGroup, longest int) int {
	var lengths []int
	for l := lengthStep; l < longest; l += lengthStep {
		lengths = append(lengths, l)
	}
	lengths = append(lengths, longest)
	best := math.MaxInt
	for set := range 1 << len(lengths) {
		cost, ok := 0, true
		used := make([]bool, len(lengths))
		for _, s := range sequences {
			at := slices.IndexFunc(lengths, func(l int) bool { return l >= len(s) })
			for at >= 0 && at < len(lengths) && set>>at&1 == 0 {
				at++
			}
			if ok = ok && at >= 0 && at < len(lengths); ok {
				cost += lengths[at]
				used[at] = true
			}
		}
		for _, u := range used {
			if u {
				cost += perGroup
			}
		}
		if ok {
			best = min(best, cost)
		}
	}
	return best
}

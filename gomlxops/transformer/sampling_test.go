package transformer

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// logitsOf makes logits of probabilities, moved by a constant that must not matter.
func logitsOf(p ...float64) []float32 {
	l := make([]float32, len(p))
	for i, v := range p {
		l[i] = float32(math.Log(v) + 3)
	}
	return l
}

// Sets and probabilities worked out by hand.
func TestChoices(t *testing.T) {
	five := logitsOf(0.1, 0.4, 0.05, 0.3, 0.15) // by falling probability: 1, 3, 4, 0, 2
	for _, c := range []struct {
		name         string
		s            Sampling
		logits       []float32
		text, banned []int32
		want         []choice
	}{
		{"greedy", Sampling{}, five, nil, nil, []choice{{1, 1}}},
		{"greedy, equals", Sampling{}, logitsOf(0.1, 0.3, 0.3, 0.3), nil, nil, []choice{{1, 1}}},
		{"greedy, banned", Sampling{}, five, nil, []int32{1, 77}, []choice{{3, 1}}},
		{"all", Sampling{Temperature: 1}, five, nil, nil, []choice{{0, 0.1}, {1, 0.4}, {2, 0.05}, {3, 0.3}, {4, 0.15}}},
		{"half the temperature squares", Sampling{Temperature: 0.5}, logitsOf(0.2, 0.8), nil, nil, []choice{{0, 0.04 / 0.68}, {1, 0.64 / 0.68}}},
		{"twice takes roots", Sampling{Temperature: 2}, logitsOf(0.2, 0.8), nil, nil, []choice{{0, 1.0 / 3}, {1, 2.0 / 3}}},
		{"nearly none", Sampling{Temperature: 1e-300}, logitsOf(0.2, 0.8), nil, nil, []choice{{0, 0}, {1, 1}}},
		{"top-k", Sampling{Temperature: 1, TopK: 2}, five, nil, nil, []choice{{1, 4.0 / 7}, {3, 3.0 / 7}}},
		{"top-k of more than all", Sampling{Temperature: 1, TopK: 9}, logitsOf(0.2, 0.8), nil, nil, []choice{{0, 0.2}, {1, 0.8}}},
		{"top-k, equals stay", Sampling{Temperature: 1, TopK: 2}, logitsOf(0.2, 0.4, 0.2, 0.2), nil, nil, []choice{{0, 0.2}, {1, 0.4}, {2, 0.2}, {3, 0.2}}},
		{"top-p", Sampling{Temperature: 1, TopP: 0.6}, five, nil, nil, []choice{{1, 4.0 / 7}, {3, 3.0 / 7}}},
		{"top-p, one more", Sampling{Temperature: 1, TopP: 0.71}, five, nil, nil, []choice{{1, 0.4 / 0.85}, {3, 0.3 / 0.85}, {4, 0.15 / 0.85}}},
		{"top-p of almost nothing", Sampling{Temperature: 1, TopP: 1e-9}, five, nil, nil, []choice{{1, 1}}},
		{"top-p of all", Sampling{Temperature: 1, TopP: 1}, logitsOf(0.2, 0.8), nil, nil, []choice{{0, 0.2}, {1, 0.8}}},
		{"top-p among equals, met exactly", Sampling{Temperature: 1, TopP: 0.5}, logitsOf(0.25, 0.25, 0.25, 0.25), nil, nil, []choice{{0, 0.5}, {1, 0.5}}},
		// After top-k the three have 0.4, 0.3 and 0.15 of 0.85: two of them are 0.82.
		{"top-p of top-k", Sampling{Temperature: 1, TopK: 3, TopP: 0.8}, five, nil, nil, []choice{{1, 4.0 / 7}, {3, 3.0 / 7}}},
		// Squares: 0.16, 0.09, 0.0225 of 0.285, and so on: the first alone has more than half.
		{"top-p of a temperature", Sampling{Temperature: 0.5, TopP: 0.5}, five, nil, nil, []choice{{1, 1}}},
		{"banned", Sampling{Temperature: 1}, logitsOf(0.2, 0.4, 0.4), nil, []int32{2}, []choice{{0, 1.0 / 3}, {1, 2.0 / 3}, {2, 0}}},
		// Logits 2 and −1, each of a token of the text, become 1 and −2; once, however often the token is there.
		{"penalty", Sampling{Temperature: 1, RepetitionPenalty: 2}, []float32{2, -1, 0}, []int32{1, 0, 0, 1}, nil,
			probabilities(1, -2, 0)},
		{"penalty, greedy", Sampling{RepetitionPenalty: 3}, []float32{2, -1, 1}, []int32{0}, nil, []choice{{2, 1}}},
	} {
		got := newSampler(c.s).choices(c.logits, c.text, c.banned)
		same := slices.EqualFunc(got, c.want, func(a, b choice) bool { return a.id == b.id && math.Abs(a.p-b.p) < 1e-6 })
		if !same {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func probabilities(logits ...float64) []choice {
	sum := 0.0
	for _, l := range logits {
		sum += math.Exp(l)
	}
	var all []choice
	for i, l := range logits {
		all = append(all, choice{int32(i), math.Exp(l) / sum})
	}
	return all
}

// Top-k and top-p against the order that sorting gives, on many tokens.
func TestChoicesOfMany(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	for range 50 {
		logits := gauss(rng, 3000)
		for i := range logits {
			logits[i] *= 4
		}
		order := probabilities(widened(logits)...)
		slices.SortStableFunc(order, func(a, b choice) int {
			if a.p > b.p {
				return -1
			} else if a.p < b.p {
				return 1
			}
			return 0
		})
		k := 1 + rng.IntN(3000)
		got := newSampler(Sampling{Temperature: 1, TopK: k}).choices(logits, nil, nil)
		if len(got) != k {
			t.Errorf("top %d: %d are left", k, len(got))
		}
		for _, c := range got {
			if !slices.ContainsFunc(order[:k], func(o choice) bool { return o.id == c.id }) {
				t.Errorf("top %d holds token %d", k, c.id)
			}
		}
		p, before, n := rng.Float64(), 0.0, 0
		for before < p {
			before += order[n].p
			n++
		}
		nucleus := newSampler(Sampling{Temperature: 1, TopP: p}).choices(logits, nil, nil)
		if len(nucleus) != n || nucleus[0].id != order[0].id || math.Abs(nucleus[0].p-order[0].p/before) > 1e-9 {
			t.Errorf("top-p %v: %d are left, want %d", p, len(nucleus), n)
		}
	}
}

// What is drawn has the frequencies of the probabilities: within five standard deviations.
func TestDraws(t *testing.T) {
	p := []float64{0.1, 0.4, 0.05, 0.3, 0.15}
	s, count := newSampler(Sampling{Temperature: 1, Seed: 3}), make([]float64, len(p))
	const n = 20000
	for range n {
		count[s.next(logitsOf(p...), nil, nil)]++
	}
	for i, want := range p {
		if got := count[i] / n; math.Abs(got-want) > 5*math.Sqrt(want*(1-want)/n) {
			t.Errorf("token %d was drawn in %v of the cases, want %v", i, got, want)
		}
	}
}

package evaluate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/transformer"
)

// randomItems makes questions of random tokens, with choices of different length, some too long for the model.
func randomItems(seed uint64, n int, c *transformer.Config) []Item {
	rng := rand.New(rand.NewPCG(seed, 2))
	tokens := func(n int) []int32 {
		t := make([]int32, n)
		for i := range t {
			t[i] = int32(rng.IntN(c.VocabSize))
		}
		return t
	}
	items := make([]Item, n)
	for i := range items {
		context := tokens(1 + rng.IntN(40))
		if i%10 == 3 {
			context = tokens(c.MaxPositions + rng.IntN(5) - 2)
		}
		items[i] = Item{ID: fmt.Sprint("q", i), Answer: rng.IntN(3)}
		for range 3 {
			y := tokens(1 + rng.IntN(9))
			chars := 1 + rng.IntN(30)
			items[i].Options = append(items[i].Options, Option{
				Tokens: slices.Concat(context, y), From: len(context), Chars: chars, Bytes: chars + rng.IntN(4),
			})
		}
	}
	return items
}

// plain is what MeasureChoices does, in a plain loop: one choice at a time through Logits, softmax and sums in float64.
func plain(t *testing.T, v *transformer.Variant, o Option) float64 {
	c := v.Model().Config()
	tokens, from := o.Tokens, o.From
	for len(tokens) > c.MaxPositions {
		tokens, from = tokens[1:], from-1
	}
	logits, err := v.Logits(t.Context(), [][]int32{tokens})
	if err != nil {
		t.Fatal(err)
	}
	ll := 0.0
	for i := from; i < len(tokens); i++ {
		row := logits[(i-1)*c.VocabSize : i*c.VocabSize]
		sum := 0.0
		for _, x := range row {
			sum += math.Exp(float64(x))
		}
		ll += float64(row[tokens[i]]) - math.Log(sum)
	}
	return ll
}

func TestChoicesMatchPlainLoop(t *testing.T) {
	const seed = 5
	m, _ := open(t, "gqa")
	items := randomItems(seed, 30, m.Config())
	got, err := MeasureChoices(t.Context(), m.Dense(), items, nil)
	if err != nil {
		t.Fatal(err)
	}
	worst, truncated := 0.0, 0
	var right [3]int
	for i, item := range items {
		best := [3]float64{math.Inf(-1), math.Inf(-1), math.Inf(-1)}
		var pick [3]int
		for j, o := range item.Options {
			ll := plain(t, m.Dense(), o)
			worst = max(worst, math.Abs(ll-got.Answers[i].LogLikelihoods[j]))
			for k, score := range [3]float64{ll, ll / float64(o.Chars), ll / float64(o.Bytes)} {
				if score > best[k] {
					best[k], pick[k] = score, j
				}
			}
		}
		a := got.Answers[i]
		if pick != [3]int{a.Pick, a.PickNorm, a.PickBytes} || a.ID != item.ID {
			t.Errorf("seed %d, question %d: picked %+v, expected %v", seed, i, a, pick)
		}
		for k := range right {
			right[k] += one(pick[k] == item.Answer)
		}
		truncated += one(slices.ContainsFunc(item.Options, func(o Option) bool { return len(o.Tokens) > m.Config().MaxPositions }))
	}
	if !(worst <= 1e-4) { // measured 7.1e-6, on sums of up to 9 losses
		t.Errorf("seed %d: log-likelihoods are off by %v", seed, worst)
	}
	for k, a := range []Accuracy{got.Acc, got.AccNorm, got.AccBytes} {
		p := float64(right[k]) / 30
		if math.Abs(a.Value-p) > 1e-12 || math.Abs(a.StdErr-math.Sqrt(p*(1-p)/29)) > 1e-12 {
			t.Errorf("metric %d: %+v, expected %v", k, a, p)
		}
	}
	if truncated == 0 || got.Truncated != truncated || len(got.Warnings) != 1 || math.Abs(got.Chance-1./3) > 1e-12 || got.N != 30 {
		t.Errorf("%d truncated, chance %v, warnings %v; expected %d and a third", got.Truncated, got.Chance, got.Warnings, truncated)
	}
	t.Logf("%d questions, log-likelihoods off by at most %.2g, acc %v", got.N, worst, got.Acc)
}

// TestPicks goes through the definitions by hand: sums over the continuation only, division by characters and by bytes, the first of
// equals.
func TestPicks(t *testing.T) {
	option := func(from, length, chars, bytes int) Option {
		return Option{Tokens: make([]int32, length), From: from, Chars: chars, Bytes: bytes}
	}
	for _, c := range []struct {
		name    string
		options []Option
		losses  [][]float32
		lls     []float64
		picks   [3]int
	}{
		{"the context counts for nothing", []Option{option(2, 4, 1, 1), option(2, 4, 1, 1)}, [][]float32{{9, 1, 2}, {0, 2, 2}}, []float64{-3, -4}, [3]int{0, 0, 0}},
		{"longer is cheaper by character", []Option{option(1, 2, 2, 2), option(1, 3, 8, 8)}, [][]float32{{1}, {1, 1}}, []float64{-1, -2}, [3]int{0, 1, 1}},
		{"characters are not bytes", []Option{option(1, 2, 4, 4), option(1, 2, 3, 9)}, [][]float32{{2}, {3}}, []float64{-2, -3}, [3]int{0, 0, 1}},
		{"equals", []Option{option(1, 2, 2, 2), option(1, 2, 2, 2)}, [][]float32{{1}, {1}}, []float64{-1, -1}, [3]int{0, 0, 0}},
		{"no text", []Option{option(1, 2, 0, 0), option(1, 2, 2, 2)}, [][]float32{{1}, {3}}, []float64{-1, -3}, [3]int{0, 1, 1}},
	} {
		item := Item{Options: c.options}
		q, err := newQuestions([]Item{item}, 99)
		if err != nil {
			t.Fatal(err)
		}
		a := q.answered(0, item, c.losses)
		if !slices.Equal(a.LogLikelihoods, c.lls) || c.picks != [3]int{a.Pick, a.PickNorm, a.PickBytes} {
			t.Errorf("%s: %+v, expected %v and picks %v", c.name, a, c.lls, c.picks)
		}
	}
}

func TestChoicesRefuse(t *testing.T) {
	m, _ := open(t, "mha")
	good := Option{Tokens: []int32{1, 2, 3}, From: 2, Chars: 1, Bytes: 1}
	for want, items := range map[string][]Item{
		"at least one question":            nil,
		"number 2 of 2":                    {{ID: "a", Options: []Option{good, good}, Answer: 2}},
		"question 1 (b), choice 0":         {{ID: "a", Options: []Option{good}}, {ID: "b", Options: []Option{{Tokens: []int32{1}, From: 0}}}},
		"found 3 and 0 tokens":             {{ID: "a", Options: []Option{{Tokens: []int32{1, 2, 3}, From: 3}}}},
		"fit into 64 tokens, found 1 and ": {{ID: "a", Options: []Option{{Tokens: make([]int32, m.Config().MaxPositions+1), From: 1}}}},
		"position 1":                       {{ID: "a", Options: []Option{{Tokens: []int32{1, 101}, From: 1}}}},
	} {
		want = strings.Replace(want, "64", fmt.Sprint(m.Config().MaxPositions), 1)
		if _, err := MeasureChoices(t.Context(), m.Dense(), items, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

package pocket

import (
	"flag"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

var card = flag.Bool("card", false, "compute the numbers of CARD.md: five million tokens, up to 5-grams")

// TestNGramSumsToOne: over all next tokens, after histories seen and unseen, of every length.
func TestNGramSumsToOne(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	ids := make([]int32, 3000)
	for i := range ids {
		ids[i] = int32(rng.IntN(1 + rng.IntN(20)))
	}
	for order := 1; order <= 4; order++ {
		m, err := TrainNGram(ids, 25, order)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range [][]int32{{}, {3}, {24}, {0, 1}, {24, 0}, {1, 24, 0}, {0, 0, 0}, {5, 4, 3, 2, 1}} {
			var sum float64
			for w := range int32(25) {
				p := m.Prob(h, w)
				if !(p > 0) {
					t.Errorf("order %d: p(%d|%v) = %g, expected more than 0", order, w, h, p)
				}
				sum += p
			}
			if math.Abs(sum-1) > 1e-12 { // 25 sums of rounding errors of 1e-16
				t.Errorf("order %d: probabilities after %v sum to %.15f", order, h, sum)
			}
		}
	}
}

// TestNGramByHand holds a bigram model of "0 1 0 1 0 2" against the formula worked out on paper: bigrams 01 twice, 10 twice,
// 02 once; D = 1/(1+2·2) = 0.2. One level down 1 and 2 each follow one token, 0 follows one: c = 1, 1, 1 of 3; D there is 0.5.
func TestNGramByHand(t *testing.T) {
	m, err := TrainNGram([]int32{0, 1, 0, 1, 0, 2}, 4, 2)
	if err != nil {
		t.Fatal(err)
	}
	lower := func(c float64) float64 { return math.Max(c-0.5, 0)/3 + 0.5*3/3/4 }
	for w, want := range map[int32]float64{
		1: (2-0.2)/3 + 0.2*2/3*lower(1),
		2: (1-0.2)/3 + 0.2*2/3*lower(1),
		3: 0.2 * 2 / 3 * lower(0),
	} {
		if got := m.Prob([]int32{0}, w); math.Abs(got-want) > 1e-15 {
			t.Errorf("p(%d|0) = %.15f, expected %.15f", w, got, want)
		}
	}
}

func TestNGramErrors(t *testing.T) {
	for name, f := range map[string]func() (*NGram, error){
		"order": func() (*NGram, error) { return TrainNGram(make([]int32, 9), 2048, 6) },
		"short": func() (*NGram, error) { return TrainNGram(make([]int32, 2), 2048, 3) },
		"range": func() (*NGram, error) { return TrainNGram([]int32{1, 2, 9}, 9, 2) },
	} {
		if _, err := f(); err == nil {
			t.Errorf("%s: expected an error, found none", name)
		}
	}
}

// TestBaselines prints the numbers of CARD.md and holds the trigram one within a range: text that a trigram model predicts
// better than this has lost its long-range facts, worse and it is no longer simple.
//
//	go test ./datasets/pocket -run Baselines -v -card       (with the sizes of the card; 40 s)
func TestBaselines(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED under -short: n-gram baselines")
	}
	size := 2 << 20
	if *card {
		size = 22 << 20 // 5 million tokens and more
	}
	tok, err := Tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	train := tok.Encode(Text(Train, size, DefaultSeed))
	t.Logf("train: %d bytes, %d tokens, told and encoded in %v", size, len(train), time.Since(start).Round(time.Millisecond))
	test := tok.Encode(Text(Test, 1<<20, DefaultSeed))
	var blocks [][]int32
	for ids := test; len(ids) >= 256; ids = ids[256:] {
		blocks = append(blocks, ids[:256])
	}
	var perplexity [6]float64
	for order := 1; order <= 5; order++ {
		if order > 3 && !*card {
			break
		}
		start := time.Now()
		m, err := TrainNGram(train, VocabSize, order)
		if err != nil {
			t.Fatal(err)
		}
		perplexity[order] = m.Perplexity(blocks)
		t.Logf("%d-gram: perplexity %.3f, %.3f bits per token, on %d blocks of 256 (%v)",
			order, perplexity[order], math.Log2(perplexity[order]), len(blocks), time.Since(start).Round(time.Millisecond))
	}
	if p := perplexity[3]; p < 4 || p > 12 {
		t.Errorf("trigram perplexity %.3f, expected 4 to 12", p)
	}
}

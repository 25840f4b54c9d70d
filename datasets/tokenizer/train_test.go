package tokenizer

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// someText is a few thousand words drawn unevenly from a small list, so that pairs have many counts and ties.
func someText(seed uint64, words int) string {
	rng := rand.New(rand.NewPCG(seed, 1))
	stems := strings.Fields("the a red apple apples was were walk walked walking talk talked house houses naïve 12 123 🌧 and ate")
	var b strings.Builder
	for range words {
		b.WriteString(stems[rng.IntN(1+rng.IntN(len(stems)))])
		b.WriteString([]string{" ", " ", ", ", "\n", ". ", "'s "}[rng.IntN(6)])
	}
	return b.String()
}

func trained(t testing.TB, text string, size int) *Tokenizer {
	tok, err := Train(slices.Values([]string{text}), TrainOptions{
		VocabSize: size, SpecialTokens: []string{"<s>", "</s>"}, BOS: "<s>", EOS: "</s>", MaxLength: 64})
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// TestTrainMatchesSlow compares Train with a trainer that counts everything anew for each merge.
func TestTrainMatchesSlow(t *testing.T) {
	for seed := range uint64(5) {
		text := someText(seed, 1500)
		tok := trained(t, text, 320)
		want := slowMerges(text, 2, 320)
		got := tok.tokens[258:]
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: merges\n%q\nexpected\n%q", seed, got, want)
		}
	}
}

// slowMerges returns the merged tokens in the order learnt.
func slowMerges(text string, special, size int) []string {
	alphabet := slices.Sorted(slices.Values(byteAlphabet[:]))
	rank := map[string]int{}
	for i, s := range alphabet {
		rank[s] = i + special
	}
	var words [][]string
	byteLevel{}.split(text, false, func(w string, _ bool) {
		var symbols []string
		for i := range len(w) {
			symbols = append(symbols, byteAlphabet[w[i]])
		}
		words = append(words, symbols)
	})
	var learnt []string
	for special+256+len(learnt) < size {
		counts := map[[2]string]int{}
		for _, w := range words {
			for j := 1; j < len(w); j++ {
				counts[[2]string{w[j-1], w[j]}]++
			}
		}
		var best [2]string
		for p, n := range counts {
			m := counts[best]
			if n > m || n == m && (rank[p[0]] < rank[best[0]] || rank[p[0]] == rank[best[0]] && rank[p[1]] < rank[best[1]]) {
				best = p
			}
		}
		token := best[0] + best[1]
		rank[token] = special + 256 + len(learnt)
		learnt = append(learnt, token)
		for i, w := range words {
			var kept []string
			for j := 0; j < len(w); j++ {
				if j+1 < len(w) && w[j] == best[0] && w[j+1] == best[1] {
					kept = append(kept, token)
					j++
				} else {
					kept = append(kept, w[j])
				}
			}
			words[i] = kept
		}
	}
	return learnt
}

func TestTrainSaveOpen(t *testing.T) {
	text := someText(3, 1500)
	tok := trained(t, text, 300)
	dir := t.TempDir()
	if err := tok.Save(dir); err != nil {
		t.Fatal(err)
	}
	again, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if again.VocabSize() != 300 || again.BOS() != 0 || again.EOS() != 1 {
		t.Errorf("read back %d tokens, bos %d, eos %d; expected 300, 0, 1", again.VocabSize(), again.BOS(), again.EOS())
	}
	if !bytes.Equal(again.JSON(), tok.JSON()) || !bytes.Equal(again.ConfigJSON(), tok.ConfigJSON()) {
		t.Error("the files read back differ from those written")
	}
	text += "<s>naïve</s>"
	if got, want := again.Encode(text), tok.Encode(text); !slices.Equal(got, want) {
		t.Errorf("read back encodes as %v, expected %v", got, want)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("Save left %v, %v; expected two files", left, err)
	}
}

func TestTrainErrors(t *testing.T) {
	cases := []struct {
		name, text, want string
		o                TrainOptions
	}{
		{"too small", "a", "VocabSize: expected 256", TrainOptions{VocabSize: 255}},
		{"too little text", "a b c", "give 256 tokens, expected 300", TrainOptions{VocabSize: 300}},
		{"unknown bos", "a", `"<x>" is not among`, TrainOptions{VocabSize: 300, BOS: "<x>"}},
		{"twice", "a", "occurs twice", TrainOptions{VocabSize: 300, SpecialTokens: []string{"<s>", "<s>"}}},
		{"byte", "a", "spells a byte", TrainOptions{VocabSize: 300, SpecialTokens: []string{"Ġ"}}},
	}
	for _, c := range cases {
		_, err := Train(slices.Values([]string{c.text}), c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, expected one with %q", c.name, err, c.want)
		}
	}
	if err := trained(t, someText(1, 500), 260).Save(filepath.Join(t.TempDir(), "absent")); err == nil {
		t.Error("Save into a missing directory: expected an error, found none")
	}
}

package pocket

import (
	"slices"
	"strings"
	"testing"
)

// TestLengths measures what CARD.md says about sizes and holds the lengths to what a window of 256 tokens asks for.
func TestLengths(t *testing.T) {
	tok, err := Tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	var lengths []int
	text := Text(Test, 1<<20, DefaultSeed)
	for _, story := range strings.Split(text, Separator) {
		lengths = append(lengths, len(tok.Encode(story)))
	}
	slices.Sort(lengths)
	at := func(percent int) int { return lengths[percent*(len(lengths)-1)/100] }
	ids := len(tok.Encode(text))
	t.Logf("%d stories of %d, %d, %d, %d, %d tokens at 1, 10, 50, 90, 99 percent", len(lengths), at(1), at(10), at(50), at(90), at(99))
	t.Logf("%.3f tokens per word, %.3f bytes per token", float64(ids)/float64(len(strings.Fields(text))), float64(len(text))/float64(ids))
	t.Logf("test: %d tokens in 1 MiB; calibration: %d in 2 MiB; train: %d in 8 MiB", ids,
		len(tok.Encode(Text(Calibration, 2<<20, DefaultSeed))), len(tok.Encode(Text(Train, 8<<20, DefaultSeed))))
	if at(10) < 80 || at(99) > 220 {
		t.Errorf("nine tenths of the stories have %d tokens or more, and one in a hundred more than %d; expected 80 and 220", at(10), at(99))
	}
}

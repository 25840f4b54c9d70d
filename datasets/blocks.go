package datasets

import (
	"fmt"
	"math/rand/v2"
)

// Joiner stands between documents when a corpus is tokenized. It belongs to the protocol of a perplexity.
const Joiner = "\n\n"

// Encoder turns text into token ids; tokenizer.Tokenizer is one.
type Encoder interface{ Encode(text string) []int32 }

// Tokenize returns the ids of all documents, with the ids of [Joiner] between them. Documents are encoded one at a time, so no
// token reaches from one into the next.
func Tokenize(c *Corpus, enc Encoder) []int32 {
	joiner := enc.Encode(Joiner)
	var ids []int32
	for i, d := range c.Documents {
		if i > 0 {
			ids = append(ids, joiner...)
		}
		ids = append(ids, enc.Encode(d.Text)...)
	}
	return ids
}

// Blocks cuts ids into consecutive blocks of length tokens; what remains at the end is dropped. The blocks share memory with
// ids. There is none when ids are fewer than length, or length is not positive.
func Blocks(ids []int32, length int) [][]int32 {
	if length <= 0 {
		return nil
	}
	blocks := make([][]int32, 0, len(ids)/length)
	for ; len(ids) >= length; ids = ids[length:] {
		blocks = append(blocks, ids[:length:length])
	}
	return blocks
}

// BlocksOf is [Tokenize] and [Blocks] with an error where the corpus is too short for one block.
func BlocksOf(c *Corpus, enc Encoder, length int) ([][]int32, error) {
	ids := Tokenize(c, enc)
	blocks := Blocks(ids, length)
	if len(blocks) == 0 {
		return nil, tooShort(c.Name, len(ids), length)
	}
	return blocks, nil
}

// Sample returns n windows of length tokens that begin anywhere in ids, each place equally likely and none twice as long as
// there are enough; the same seed gives the same windows. The windows share memory with ids. More windows than there are places are an error, but for
// small numbers ([mostRepeated]).
func Sample(ids []int32, n, length int, seed uint64) ([][]int32, error) {
	if n <= 0 {
		return nil, fmt.Errorf("datasets: expected at least one sample, found n = %d", n)
	}
	starts := len(ids) - length + 1
	if length <= 0 || starts <= 0 {
		return nil, tooShort("sample", len(ids), length)
	}
	if n > starts && n > mostRepeated/length {
		return nil, fmt.Errorf("datasets: expected at most %d samples, as many different windows of %d tokens as a text of %d tokens has, found n = %d", starts, length, len(ids), n)
	}
	rng := rand.New(rand.NewPCG(seed, uint64(length)))
	taken := make(map[int]bool, n)
	windows := make([][]int32, n)
	for i := range windows {
		at := rng.IntN(starts)
		for taken[at] && len(taken) < starts {
			at = rng.IntN(starts)
		}
		taken[at] = true
		windows[i] = ids[at : at+length : at+length]
	}
	return windows, nil
}

// mostRepeated is how many tokens are drawn from a text that has fewer windows than that: a slip of the finger beyond it.
const mostRepeated = 1 << 20

// tooShort is the error for a text without one whole block.
func tooShort(name string, have, length int) error {
	if length <= 0 {
		return fmt.Errorf("datasets: %s: expected a length of at least one token, found %d", name, length)
	}
	return fmt.Errorf("datasets: %s: expected at least %d tokens for one block, found %d; take a longer text or a shorter block",
		name, length, have)
}

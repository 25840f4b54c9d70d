package pocket

import (
	"fmt"
	"math"
	"math/bits"
)

// Notation of this file:
//
//	w      a token               h      the up to n-1 tokens before it       h'     h without its first token
//	c(·)   how often, in the training text; below the highest order: after how many different tokens
//	D      discount of an order  N(h)   how many different tokens follow h   V      size of the vocabulary

// NGram is an interpolated Kneser-Ney model over token ids, the honest baseline that a small transformer must beat:
//
//	p(w|h) = max(c(hw) - D, 0)/c(h) + D N(h)/c(h) · p(w|h'),   p(w|) = max(c(w) - D, 0)/c() + D N()/c() / V
//
// with D = n1/(n1 + 2 n2) of each order, where n1 and n2 count the n-grams seen once and twice (Kneser and Ney, ICASSP 1995;
// Chen and Goodman, TR-10-98, section 2.7). Training on T tokens costs O(nT) and memory for the different n-grams.
type NGram struct {
	order, vocab int
	shift        uint // bits of an id in a key
	levels       []level
}

// level holds the counts of one length of n-gram.
type level struct {
	counts   map[uint64]uint32 // by n-gram
	totals   map[uint64]uint32 // c(h) by history
	distinct map[uint64]uint32 // N(h) by history
	discount float64
}

// TrainNGram counts ids, all of them in [0, vocab), into a model of the given order (3 for a trigram model).
func TrainNGram(ids []int32, vocab, order int) (*NGram, error) {
	shift := uint(bits.Len(uint(max(vocab-1, 1))))
	if order < 1 || order*int(shift) > 64 {
		return nil, fmt.Errorf("pocket: n-gram order %d: expected 1 to %d for %d tokens", order, 64/shift, vocab)
	}
	if len(ids) < order {
		return nil, fmt.Errorf("pocket: expected at least %d tokens to count, found %d", order, len(ids))
	}
	for i, id := range ids {
		if id < 0 || int(id) >= vocab {
			return nil, fmt.Errorf("pocket: token %d: expected an id from 0 to %d, found %d", i, vocab-1, id)
		}
	}
	m := &NGram{order: order, vocab: vocab, shift: shift, levels: make([]level, order)}
	counts := make(map[uint64]uint32, len(ids)/4)
	for i := order; i <= len(ids); i++ {
		counts[m.key(ids[i-order:i])]++
	}
	for n := order; n >= 1; n-- {
		m.levels[n-1] = m.newLevel(counts)
		counts = m.shorter(counts, n)
	}
	return m, nil
}

// key packs tokens into one number, the last one lowest.
func (m *NGram) key(ids []int32) uint64 {
	var k uint64
	for _, id := range ids {
		k = k<<m.shift | uint64(id)
	}
	return k
}

// shorter counts, for each n-gram without its first token, after how many different tokens it stands.
func (m *NGram) shorter(counts map[uint64]uint32, n int) map[uint64]uint32 {
	mask := uint64(1)<<(uint(n-1)*m.shift) - 1
	out := make(map[uint64]uint32, len(counts)/2)
	for k := range counts {
		out[k&mask]++
	}
	return out
}

func (m *NGram) newLevel(counts map[uint64]uint32) level {
	l := level{counts: counts, totals: make(map[uint64]uint32), distinct: make(map[uint64]uint32)}
	var once, twice float64
	for k, c := range counts {
		l.totals[k>>m.shift] += c
		l.distinct[k>>m.shift]++
		switch c {
		case 1:
			once++
		case 2:
			twice++
		}
	}
	if l.discount = once / (once + 2*twice); once == 0 || twice == 0 {
		l.discount = 0.5 // too little text for the estimate; any discount in (0, 1) gives a proper distribution
	}
	return l
}

// Prob returns p(w|h). Of history the last n-1 tokens count.
func (m *NGram) Prob(history []int32, w int32) float64 {
	if len(history) >= m.order {
		history = history[len(history)-m.order+1:]
	}
	p := 1 / float64(m.vocab)
	for n := 0; n <= len(history); n++ {
		l := &m.levels[n]
		h := m.key(history[len(history)-n:])
		total := float64(l.totals[h])
		if total == 0 {
			return p
		}
		c := float64(l.counts[h<<m.shift|uint64(w)])
		p = max(c-l.discount, 0)/total + l.discount*float64(l.distinct[h])/total*p
	}
	return p
}

// Perplexity returns exp of the mean of -ln p over all tokens of the blocks but each one's first, the protocol of
// evaluate.MeasurePerplexity: a history does not reach over the beginning of its block.
func (m *NGram) Perplexity(blocks [][]int32) float64 {
	var sum float64
	n := 0
	for _, b := range blocks {
		for i := 1; i < len(b); i++ {
			sum -= math.Log(m.Prob(b[max(0, i-m.order+1):i], b[i]))
			n++
		}
	}
	return math.Exp(sum / float64(n))
}

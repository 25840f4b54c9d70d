package tokenizer

import (
	"container/heap"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// TrainOptions says what [Train] makes. Only VocabSize must be set.
type TrainOptions struct {
	VocabSize     int      // tokens in all: special ones, 256 bytes, and merges
	SpecialTokens []string // they get the ids 0, 1, … and are not looked into where the text holds them
	BOS, EOS      string   // written into tokenizer_config.json; each "" or one of SpecialTokens
	MaxLength     int      // written into tokenizer_config.json as model_max_length; 0 writes none
	MinFrequency  int      // a pair seen less often is not merged; 0 means 2
}

func (o *TrainOptions) validate() error {
	least := len(o.SpecialTokens) + 256
	if o.VocabSize < least || o.VocabSize > maxVocab {
		return fmt.Errorf("tokenizer: VocabSize: expected %d (%d special tokens and 256 bytes) to %d, found %d",
			least, len(o.SpecialTokens), maxVocab, o.VocabSize)
	}
	for i, s := range o.SpecialTokens {
		if s == "" || slices.Contains(o.SpecialTokens[:i], s) || slices.Contains(byteAlphabet[:], s) {
			return fmt.Errorf("tokenizer: SpecialTokens[%d]: %q is empty, occurs twice or spells a byte", i, s)
		}
	}
	for _, s := range []string{o.BOS, o.EOS} {
		if s != "" && !slices.Contains(o.SpecialTokens, s) {
			return fmt.Errorf("tokenizer: BOS or EOS %q is not among SpecialTokens %q", s, o.SpecialTokens)
		}
	}
	if o.MinFrequency <= 0 {
		o.MinFrequency = 2
	}
	return nil
}

// Train learns a byte-level BPE tokenizer with GPT-2's splitting from texts. The most frequent pair is merged first; of equally
// frequent pairs the one with the lower left id, then the lower right id, so the result depends on the texts alone. It is an
// error when the texts hold too few pairs for VocabSize.
//
// Pairs are counted over distinct words and the counts updated for the words that a merge changes (Sennrich et al. 2016,
// section 3.2), so the cost is one pass over the texts, then proportional to the distinct words.
func Train(texts iter.Seq[string], o TrainOptions) (*Tokenizer, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	tr := newTrainer(o)
	tr.count(texts)
	tr.index()
	for len(tr.tokens) < o.VocabSize {
		p, n := tr.best()
		if n < int64(o.MinFrequency) {
			return nil, fmt.Errorf("tokenizer: the texts have %d distinct words and give %d tokens, expected %d: "+
				"train on more varied text or lower VocabSize", len(tr.words), len(tr.tokens), o.VocabSize)
		}
		tr.merge(p)
	}
	return Parse(tr.file(), o.configJSON())
}

// trainer is the state of one Train.
type trainer struct {
	options TrainOptions
	tokens  []string // spelling by id
	merges  []pair   // in the order learnt
	words   []trainWord
	pairs   map[pair]*pairCount
	heap    pairHeap
}

// trainWord is a distinct word as its symbols now stand, and how often the texts hold it.
type trainWord struct {
	ids   []int32
	count int64
}

// pairCount is how often a pair stands in the texts, and the words that hold it or once held it.
type pairCount struct {
	pair    pair
	count   int64
	words   []int32
	stamped int64 // the count at which it stands in the heap
}

func newTrainer(o TrainOptions) *trainer {
	tr := &trainer{options: o, pairs: make(map[pair]*pairCount)}
	tr.tokens = append(tr.tokens, o.SpecialTokens...)
	symbols := byteAlphabet[:]
	tr.tokens = append(tr.tokens, slices.Sorted(slices.Values(symbols))...)
	return tr
}

// count cuts the texts into words and counts them.
func (tr *trainer) count(texts iter.Seq[string]) {
	special := newAddedTokens(tr.options.added(), nil)
	seen := make(map[string]int64)
	for text := range texts {
		special.segments(text, func(segment string, _ bool, id int32) {
			if id >= 0 {
				return
			}
			byteLevel{}.split(segment, false, func(word string, _ bool) { seen[word]++ })
		})
	}
	var byteID [256]int32
	for b, s := range byteAlphabet {
		byteID[b] = int32(slices.Index(tr.tokens, s))
	}
	words := make([]string, 0, len(seen))
	for w := range seen {
		words = append(words, w)
	}
	slices.Sort(words)
	for _, w := range words {
		ids := make([]int32, len(w))
		for i := range len(w) {
			ids[i] = byteID[w[i]]
		}
		tr.words = append(tr.words, trainWord{ids: ids, count: seen[w]})
	}
}

// index counts the pairs of all words.
func (tr *trainer) index() {
	for i := range tr.words {
		w := &tr.words[i]
		for j := 1; j < len(w.ids); j++ {
			tr.add(pairOf(w.ids[j-1], w.ids[j]), w.count, int32(i))
		}
	}
	for _, c := range tr.pairs {
		c.stamped = c.count
		tr.heap = append(tr.heap, entry{c.pair, c.count})
	}
	heap.Init(&tr.heap)
}

func (tr *trainer) add(p pair, n int64, word int32) {
	c := tr.pairs[p]
	if c == nil {
		c = &pairCount{pair: p}
		tr.pairs[p] = c
	}
	c.count += n
	if n > 0 && (len(c.words) == 0 || c.words[len(c.words)-1] != word) {
		c.words = append(c.words, word)
	}
}

// best takes the pair to merge next off the heap, with its count; 0 when no pair is left. Entries whose count has changed
// go back with the new one.
func (tr *trainer) best() (pair, int64) {
	for len(tr.heap) > 0 {
		e := heap.Pop(&tr.heap).(entry)
		c := tr.pairs[e.pair]
		if c == nil || e.count != c.stamped {
			continue
		}
		if c.count == e.count {
			return e.pair, e.count
		}
		tr.push(c)
	}
	return 0, 0
}

// push puts a pair with its present count on the heap; an older entry of it is then void.
func (tr *trainer) push(c *pairCount) {
	c.stamped = c.count
	if c.count > 0 {
		heap.Push(&tr.heap, entry{c.pair, c.count})
	}
}

// merge makes p one token in every word that holds it.
func (tr *trainer) merge(p pair) {
	id := int32(len(tr.tokens))
	tr.tokens = append(tr.tokens, tr.tokens[p.left()]+tr.tokens[p.right()])
	tr.merges = append(tr.merges, p)
	holders := tr.pairs[p].words
	grown := make(map[pair]bool)
	slices.Sort(holders)
	for _, i := range slices.Compact(holders) {
		tr.mergeIn(i, p, id, grown)
	}
	delete(tr.pairs, p)
	for q := range grown {
		if c := tr.pairs[q]; c != nil {
			tr.push(c)
		}
	}
}

// mergeIn rewrites word i: its pairs are taken off the counts, p is merged, and its new pairs are counted.
func (tr *trainer) mergeIn(i int32, p pair, id int32, grown map[pair]bool) {
	w := &tr.words[i]
	for j := 1; j < len(w.ids); j++ {
		tr.add(pairOf(w.ids[j-1], w.ids[j]), -w.count, i)
	}
	kept := w.ids[:0]
	for j := 0; j < len(w.ids); j++ {
		if j+1 < len(w.ids) && pairOf(w.ids[j], w.ids[j+1]) == p {
			kept = append(kept, id)
			j++
			continue
		}
		kept = append(kept, w.ids[j])
	}
	w.ids = kept
	for j := 1; j < len(w.ids); j++ {
		q := pairOf(w.ids[j-1], w.ids[j])
		tr.add(q, w.count, i)
		if q.left() == id || q.right() == id {
			grown[q] = true
		}
	}
}

// entry is a pair on the heap with the count it had when pushed.
type entry struct {
	pair  pair
	count int64
}

// pairHeap orders by count, largest first, then by ids.
type pairHeap []entry

func (h pairHeap) Len() int      { return len(h) }
func (h pairHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *pairHeap) Push(x any)   { *h = append(*h, x.(entry)) }
func (h pairHeap) Less(i, j int) bool {
	if h[i].count != h[j].count {
		return h[i].count > h[j].count
	}
	return h[i].pair < h[j].pair
}
func (h *pairHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// added returns the special tokens as entries of added_tokens.
func (o *TrainOptions) added() []addedToken {
	list := make([]addedToken, len(o.SpecialTokens))
	for i, s := range o.SpecialTokens {
		list[i] = addedToken{ID: int32(i), Content: s, Special: true}
	}
	return list
}

// spellMerges spells the merges as "left right".
func (tr *trainer) spellMerges() []string {
	lines := make([]string, len(tr.merges))
	for i, p := range tr.merges {
		lines[i] = strings.Join([]string{tr.tokens[p.left()], tr.tokens[p.right()]}, " ")
	}
	return lines
}

package tokenizer

import (
	"strings"
	"sync"
)

// bpe is byte-pair encoding (Sennrich, Haddow and Birch, ACL 2016, arXiv 1508.07909): of all neighbouring pairs the one that
// was learnt first is merged, the leftmost first, until no pair is known. It begins from bytes or, where chars is set, from
// characters.
type bpe struct {
	bytes  [256]int32       // id of each byte's symbol
	chars  *alphabet        // symbols of characters; nil where symbols are bytes
	merges *mergeTable      // what two neighbours become
	whole  map[string]int32 // ignore_merges: pieces that are tokens as they stand; nil otherwise
	atWord bool             // no merge reaches over the beginning of a word, so words are encoded on their own
	cache  cache
}

func (m *bpe) encode(dst []int32, piece string) []int32 {
	if m.chars == nil && len(piece) == 1 {
		return append(dst, m.bytes[piece[0]])
	}
	if !m.atWord {
		return m.cache.encode(dst, piece, m.encodeWord)
	}
	for len(piece) > 0 {
		n := nextWord(piece)
		dst = m.cache.encode(dst, piece[:n], m.encodeWord)
		piece = piece[n:]
	}
	return dst
}

// nextWord returns the length of the space symbols that s begins with and what follows them up to the next.
func nextWord(s string) int {
	n := 0
	for strings.HasPrefix(s[n:], spaceSymbol) {
		n += len(spaceSymbol)
	}
	if i := strings.Index(s[n:], spaceSymbol); i >= 0 {
		return n + i
	}
	return len(s)
}

// encodeWord encodes one piece of n symbols in O(n log n): symbols in a linked list, candidate pairs in a heap. A candidate
// whose symbols have changed since it was pushed is dropped when it comes up.
func (m *bpe) encodeWord(dst []int32, piece string) []int32 {
	if id, ok := m.whole[piece]; ok {
		return append(dst, id)
	}
	w := wordPool.Get().(*word)
	defer wordPool.Put(w)
	w.load(m, piece)
	w.mergeAll(m)
	if m.chars != nil {
		return m.chars.appendIDs(dst, w.symbols)
	}
	for i := int32(0); i >= 0; i = w.symbols[i].next {
		dst = append(dst, w.symbols[i].id)
	}
	return dst
}

var wordPool = sync.Pool{New: func() any { return new(word) }}

// word is the scratch of one encodeWord.
type word struct {
	symbols []symbol
	heap    []candidate
	steps   int // comparisons in the heap, which is what the time goes to
}

// symbol is a node of the linked list; id is -1 once it has been merged into its left neighbour.
type symbol struct{ id, previous, next int32 }

// candidate is a pair that stood at symbol at when it was pushed.
type candidate struct {
	rank, at int32
	pair     pair
}

func (c candidate) before(d candidate) bool {
	return c.rank < d.rank || c.rank == d.rank && c.at < d.at
}

func (w *word) load(m *bpe, piece string) {
	w.symbols, w.heap, w.steps = w.symbols[:0], w.heap[:0], 0
	if m.chars != nil {
		m.chars.load(w, piece)
	} else {
		for i := range len(piece) {
			w.add(m.bytes[piece[i]])
		}
	}
	if n := len(w.symbols); n > 0 {
		w.symbols[n-1].next = -1
	}
	for i := range len(w.symbols) - 1 {
		w.offer(m, int32(i))
	}
}

// add appends a symbol.
func (w *word) add(id int32) {
	i := int32(len(w.symbols))
	w.symbols = append(w.symbols, symbol{id: id, previous: i - 1, next: i + 1})
}

func (w *word) mergeAll(m *bpe) {
	for len(w.heap) > 0 {
		c := w.pop()
		s := &w.symbols[c.at]
		if s.id < 0 || s.next < 0 || pairOf(s.id, w.symbols[s.next].id) != c.pair {
			continue
		}
		found, _ := m.merges.find(c.pair)
		w.join(m, c.at, found.id)
	}
}

// offer pushes the pair that begins at symbol i, where it is one that merges.
func (w *word) offer(m *bpe, i int32) {
	if i < 0 || w.symbols[i].next < 0 {
		return
	}
	p := pairOf(w.symbols[i].id, w.symbols[w.symbols[i].next].id)
	if mg, ok := m.merges.find(p); ok {
		w.push(candidate{rank: mg.rank, at: i, pair: p})
	}
}

// join makes symbol i and its right neighbour one symbol and offers the two new pairs.
func (w *word) join(m *bpe, i, id int32) {
	s := &w.symbols[i]
	gone := &w.symbols[s.next]
	if gone.next >= 0 {
		w.symbols[gone.next].previous = i
	}
	s.id, s.next = id, gone.next
	gone.id = -1
	w.offer(m, s.previous)
	w.offer(m, i)
}

func (w *word) push(c candidate) {
	w.heap = append(w.heap, c)
	h := w.heap
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		w.steps++
		if !h[i].before(h[parent]) {
			return
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
}

func (w *word) pop() candidate {
	h := w.heap
	top := h[0]
	h[0] = h[len(h)-1]
	h = h[:len(h)-1]
	w.heap = h
	for i := 0; ; {
		least := i
		for _, child := range [...]int{2*i + 1, 2*i + 2} {
			if child < len(h) && h[child].before(h[least]) {
				least = child
			}
		}
		w.steps++
		if least == i {
			return top
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
}

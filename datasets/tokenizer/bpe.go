package tokenizer

import (
	"sync"
)

// Bounds of the word cache: words longer than this are rare and long to hash, and 64k words cover ordinary text.
const (
	maxCachedWord  = 64
	maxCachedWords = 1 << 16
)

// bpe is byte-pair encoding (Sennrich, Haddow and Birch, ACL 2016, arXiv 1508.07909) over bytes: of all neighbouring pairs the
// one that was learnt first is merged, the leftmost first, until no pair is known.
type bpe struct {
	bytes  [256]int32         // id of each byte's symbol
	merges map[pair]merge     // what two neighbours become
	whole  map[string]int32   // ignore_merges: pieces that are tokens as they stand; nil otherwise
	mu     sync.RWMutex       // guards cache
	cache  map[string][]int32 // pieces encoded before
}

// pair is two neighbouring symbols, left in the upper half.
type pair uint64

func pairOf(left, right int32) pair { return pair(uint32(left))<<32 | pair(uint32(right)) }

func (p pair) left() int32  { return int32(p >> 32) }
func (p pair) right() int32 { return int32(uint32(p)) }

// merge tells when a pair is merged (lower rank first) and into what.
type merge struct{ rank, id int32 }

func (m *bpe) encode(dst []int32, piece string) []int32 {
	if len(piece) == 1 {
		return append(dst, m.bytes[piece[0]])
	}
	if len(piece) > maxCachedWord {
		return m.encodeWord(dst, piece)
	}
	m.mu.RLock()
	ids, ok := m.cache[piece]
	m.mu.RUnlock()
	if ok {
		return append(dst, ids...)
	}
	start := len(dst)
	dst = m.encodeWord(dst, piece)
	m.remember(piece, dst[start:])
	return dst
}

func (m *bpe) remember(piece string, ids []int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cache == nil || len(m.cache) >= maxCachedWords {
		m.cache = make(map[string][]int32, 1024)
	}
	// The piece is a slice of the caller's text: a copy keeps the cache from keeping the text.
	m.cache[string([]byte(piece))] = append([]int32(nil), ids...)
}

// encodeWord encodes one piece of n bytes in O(n log n): symbols in a linked list, candidate pairs in a heap. A candidate
// whose symbols have changed since it was pushed is dropped when it comes up.
func (m *bpe) encodeWord(dst []int32, piece string) []int32 {
	if id, ok := m.whole[piece]; ok {
		return append(dst, id)
	}
	w := wordPool.Get().(*word)
	defer wordPool.Put(w)
	w.load(m, piece)
	for len(w.heap) > 0 {
		c := w.pop()
		s := &w.symbols[c.at]
		if s.next < 0 || pairOf(s.id, w.symbols[s.next].id) != c.pair || s.id < 0 {
			continue
		}
		w.join(m, c.at, m.merges[c.pair].id)
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
	w.symbols, w.heap = w.symbols[:0], w.heap[:0]
	for i := range len(piece) {
		w.symbols = append(w.symbols, symbol{id: m.bytes[piece[i]], previous: int32(i) - 1, next: int32(i) + 1})
	}
	w.symbols[len(piece)-1].next = -1
	for i := range len(piece) - 1 {
		w.offer(m, int32(i))
	}
}

// offer pushes the pair that begins at symbol i, where it is one that merges.
func (w *word) offer(m *bpe, i int32) {
	if i < 0 || w.symbols[i].next < 0 {
		return
	}
	p := pairOf(w.symbols[i].id, w.symbols[w.symbols[i].next].id)
	if mg, ok := m.merges[p]; ok {
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
		if least == i {
			return top
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
}

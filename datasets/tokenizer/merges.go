package tokenizer

// pair is two neighbouring symbols, left in the upper half.
type pair uint64

func pairOf(left, right int32) pair { return pair(uint32(left))<<32 | pair(uint32(right)) }

func (p pair) left() int32  { return int32(p >> 32) }
func (p pair) right() int32 { return int32(uint32(p)) }

// merge tells when a pair is merged (lower rank first) and into what.
type merge struct{ rank, id int32 }

// mergeTable finds the merge of a pair. It is a hash table with open addressing, at most half full; looking up a pair that is
// not there, which is what encoding mostly does, costs one probe or two.
type mergeTable struct {
	keys   []pair // with the empty pair where a place is free
	merges []merge
	mask   uint64
	count  int
}

// noPair is no pair of symbols: ids are not negative.
const noPair = ^pair(0)

func newMergeTable(expected int) *mergeTable {
	size := 16
	for size < 2*expected {
		size *= 2
	}
	t := &mergeTable{keys: make([]pair, size), merges: make([]merge, size), mask: uint64(size - 1)}
	for i := range t.keys {
		t.keys[i] = noPair
	}
	return t
}

// place returns where p stands, or the free place where it would.
func (t *mergeTable) place(p pair) uint64 {
	h := uint64(p) * 0x9e3779b97f4a7c15
	for i := (h ^ h>>32) & t.mask; ; i = (i + 1) & t.mask {
		if t.keys[i] == p || t.keys[i] == noPair {
			return i
		}
	}
}

func (t *mergeTable) find(p pair) (merge, bool) {
	i := t.place(p)
	return t.merges[i], t.keys[i] == p
}

// set stores the merge of a pair, in place of an earlier one.
func (t *mergeTable) set(p pair, m merge) {
	i := t.place(p)
	if t.keys[i] != p {
		t.count++
	}
	t.keys[i], t.merges[i] = p, m
	if 2*t.count <= len(t.keys) {
		return
	}
	bigger := newMergeTable(len(t.keys))
	for i, q := range t.keys {
		if q != noPair {
			bigger.set(q, t.merges[i])
		}
	}
	*t = *bigger
}

package tokenizer

import (
	"bytes"
	"slices"
)

// trie finds the strings of a set that a text begins with. Nodes are numbered breadth first, so that the children of a node
// stand in a row; node 0 is the root.
type trie struct {
	labels []byte     // the byte that leads to each node
	first  []int32    // first child of each node; one more at the end, so that the children of n are first[n] to first[n+1]
	values []int32    // of the string that ends at each node, -1 where none does
	roots  [256]int32 // the child of the root by its byte, -1 where there is none
}

// newTrie makes a trie of keys with their values, which are not negative. Of equal keys the last one's value counts.
func newTrie(keys []string, values []int32) *trie {
	order := make([]int32, 0, len(keys))
	for i, k := range keys {
		if k != "" {
			order = append(order, int32(i))
		}
	}
	slices.SortStableFunc(order, func(a, b int32) int { return compareStrings(keys[a], keys[b]) })
	t := &trie{labels: []byte{0}, values: []int32{-1}}
	type group struct{ from, to, depth int32 } // the keys below a node
	queue := []group{{0, int32(len(order)), 0}}
	for n := 0; n < len(queue); n++ {
		g := queue[n]
		t.first = append(t.first, int32(len(t.labels)))
		for i := g.from; i < g.to; {
			key := keys[order[i]]
			if int(g.depth) == len(key) {
				t.values[n] = values[order[i]]
				i++
				continue
			}
			j := i + 1
			for j < g.to && keys[order[j]][g.depth] == key[g.depth] {
				j++
			}
			t.labels, t.values = append(t.labels, key[g.depth]), append(t.values, -1)
			queue = append(queue, group{i, j, g.depth + 1})
			i = j
		}
	}
	t.first = append(t.first, int32(len(t.labels)))
	for c := range t.roots {
		t.roots[c] = t.search(0, byte(c))
	}
	return t
}

func compareStrings(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// step returns the child of node that c leads to, -1 where there is none.
func (t *trie) step(node int32, c byte) int32 {
	if node == 0 {
		return t.roots[c]
	}
	return t.search(node, c)
}

func (t *trie) search(node int32, c byte) int32 {
	from, to := t.first[node], t.first[node+1]
	i := bytes.IndexByte(t.labels[from:to], c)
	if i < 0 {
		return -1
	}
	return from + int32(i)
}

// longest returns the length and the value of the longest string of the set that s begins with; length 0 where there is none.
func (t *trie) longest(s string) (length int, value int32) {
	node := int32(0)
	for i := range len(s) {
		if node = t.step(node, s[i]); node < 0 {
			break
		}
		if v := t.values[node]; v >= 0 {
			length, value = i+1, v
		}
	}
	return length, value
}

package prune

import (
	"math/big"
	"slices"

	"github.com/gomlx/compute"
)

// Branch is a part of a computation whose result is only added to something that goes past it. Without the branch the computation still
// fits together, so a branch can be cut as a whole.
type Branch struct {
	Add     int      // the addition
	Nodes   []int    // the operations on activations that nothing else needs, in order
	Weights []string // the weights that nothing else needs, in order
}

// ancestors returns for every value the set of values that it depends on, itself among them.
func (b *builder) ancestors() []*big.Int {
	past := make([]*big.Int, len(b.nodes))
	for i, n := range b.nodes {
		past[i] = new(big.Int)
		past[i].SetBit(past[i], i, 1)
		for _, p := range n.Producers {
			past[i].Or(past[i], past[p])
		}
	}
	return past
}

// markScores tells query heads and channels of heads apart. Scores are a product of two activations that a later product of two
// activations reads.
func (b *builder) markScores(past []*big.Int) {
	for _, read := range b.products {
		if !read.x.data || !read.y.data {
			continue
		}
		for _, scores := range b.products {
			if !scores.x.data || !scores.y.data || scores.out.id == read.out.id {
				continue
			}
			inX, inY := past[read.x.id].Bit(scores.out.id) == 1, past[read.y.id].Bit(scores.out.id) == 1
			if inX == inY || b.linearBetween(past, scores.out.id, read.out.id) {
				continue
			}
			for _, x := range scores.out.axes {
				b.labels.set(x, markScores)
			}
			values := read.y
			if inY {
				values = read.x
			}
			for _, x := range values.axes {
				b.labels.set(x, markAttended)
			}
		}
	}
}

// linearBetween says whether a way from one value to another goes through a product with a weight.
func (b *builder) linearBetween(past []*big.Int, from, to int) bool {
	return slices.ContainsFunc(b.products, func(p dot) bool {
		return p.x.data != p.y.data && past[p.out.id].Bit(from) == 1 && past[to].Bit(p.out.id) == 1
	})
}

// branches finds the residual additions: one operand is, or is itself a residual addition to, something that the other was computed from
// with a weight.
func (b *builder) branches(past []*big.Int) (all []Branch) {
	stream := make(map[int][]int) // a residual addition, and what it carries on
	for i, n := range b.nodes {
		if n.Op != compute.OpTypeAdd.String() || !b.activation(n.Producers[0], n.Shape) || !b.activation(n.Producers[1], n.Shape) {
			continue
		}
		for side := range 2 {
			carried, branch := n.Producers[side], n.Producers[1-side]
			from := slices.IndexFunc(append([]int{carried}, stream[carried]...), func(c int) bool {
				return c != branch && past[branch].Bit(c) == 1 && b.linearBetween(past, c, branch)
			})
			if from < 0 {
				continue
			}
			base := append([]int{carried}, stream[carried]...)[from]
			stream[i] = append([]int{carried}, stream[carried]...)
			for _, x := range b.values[i].axes {
				b.labels.set(x, markResidual)
			}
			all = append(all, b.branch(past, i, base, branch))
			break
		}
	}
	return all
}

// activation says whether a value depends on data, with a shape as given.
func (b *builder) activation(i int, shape []int) bool {
	return b.values[i].data && slices.Equal(b.values[i].shape.Dimensions, shape)
}

// branch gathers what leads to the value end, from base on, and to nothing else.
func (b *builder) branch(past []*big.Int, add, base, end int) Branch {
	br := Branch{Add: add}
	own := map[int]bool{end: true}
	for i := end; i >= 0; i-- {
		n := b.nodes[i]
		if i != end && (len(n.Consumers) == 0 || slices.ContainsFunc(n.Consumers, func(c int) bool { return !own[c] })) {
			continue
		}
		own[i] = true
		switch {
		case n.Weight:
			br.Weights = append(br.Weights, n.Operand)
		case past[i].Bit(base) == 1 && i != base:
			br.Nodes = append(br.Nodes, i)
		}
	}
	slices.Reverse(br.Nodes)
	slices.Reverse(br.Weights)
	return br
}

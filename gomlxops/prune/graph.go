package prune

import (
	"slices"
)

// Graph is a computation, and what must be cut together in it.
type Graph struct {
	Nodes      []Node      // in the order of the computation: a node's producers come before it
	Dimensions []Dimension // in the order in which the computation meets them
	Branches   []Branch    // likewise
}

// Node is an operand or an operation.
type Node struct {
	ID        int
	Op        string // "Parameter", "DotGeneral", "Add", …
	Operand   string // the name of a parameter
	Weight    bool   // the parameter is a weight
	Data      bool   // it varies with the data
	Shape     []int
	Producers []int   // the nodes that it reads
	Consumers []int   // the nodes that read it
	Axes      [][]int // for every axis, the dimensions that its indices are made of, outermost first
}

// Kind says what a dimension counts, as the computation shows.
type Kind string

// The kinds of dimensions.
const (
	Hidden       Kind = "hidden"        // channels of the residual stream
	Heads        Kind = "heads"         // attention heads with keys and values of their own, each with all query heads that read them
	QueryHeads   Kind = "query heads"   // query heads of the same place in every group that shares keys and values
	HeadChannels Kind = "head channels" // channels inside a head, the same in every head
	Channels     Kind = "channels"      // all others: channels inside an MLP
	Indexed      Kind = "indexed"       // rows that the data chooses by number: the vocabulary
	Parts        Kind = "parts"         // what the computation takes apart: queries, keys and values in one matrix, the two of a rotary pair
)

// Dimension is something that a model has a number of, and can have fewer of: heads, channels.
type Dimension struct {
	ID     int
	Kind   Kind
	Groups []Group // one for each of what it counts, in natural order
	Slots  []Slot  // the axes of weights that it runs along

	// Why nothing can be cut out of it by leaving weights out alone; empty where it can.
	Fixed string
}

// Slot is an axis of a weight.
type Slot struct {
	Weight string
	Axis   int
}

// Group is what must be cut together.
type Group struct{ Members []Member }

// Member is the indices of one axis of one weight, ascending.
type Member struct {
	Slot
	Indices []int
}

func newGraph(b *builder) (*Graph, error) {
	g := &Graph{Nodes: b.nodes}
	past := b.ancestors()
	b.markScores(past)
	g.Branches = b.branches(past)
	for _, v := range b.values {
		for i, x := range v.axes {
			if x != nil {
				b.labels.refresh(v.axes[i])
			}
		}
	}
	of := g.readDimensions(b)
	for i, v := range b.values {
		for _, x := range v.axes {
			g.Nodes[i].Axes = append(g.Nodes[i].Axes, along(x, of))
		}
	}
	return g, nil
}

// along lists the dimensions of an axis' atoms.
func along(x axis, of map[atom]int) []int {
	dims := []int{}
	for _, t := range x {
		for _, a := range t {
			if d, ok := of[a]; ok && !slices.Contains(dims, d) {
				dims = append(dims, d)
			}
		}
	}
	return dims
}

// readDimensions gathers the atoms of weights into groups and the groups into dimensions: atoms are of one dimension where they came into
// being together and lie on the same axes of the same weights.
func (g *Graph) readDimensions(b *builder) map[atom]int {
	var order []atom
	groups := make([]*Group, len(b.labels.sub))
	for i, n := range b.nodes {
		if !n.Weight {
			continue
		}
		for at, x := range b.values[i].axes {
			for index, t := range x {
				for _, a := range t {
					if groups[a] == nil {
						groups[a] = &Group{}
						order = append(order, a)
					}
					groups[a].put(Slot{n.Operand, at}, index)
				}
			}
		}
	}
	type name struct {
		family int32
		slots  string
	}
	dims, of := make(map[name]int), make(map[atom]int)
	var marks []mark
	for _, a := range order {
		k := name{b.labels.familyOf(a), groups[a].slots()}
		d, ok := dims[k]
		if !ok {
			d = len(g.Dimensions)
			dims[k] = d
			g.Dimensions = append(g.Dimensions, Dimension{ID: d, Slots: groups[a].where()})
			marks = append(marks, 0)
		}
		of[a] = d
		g.Dimensions[d].Groups = append(g.Dimensions[d].Groups, *groups[a])
		marks[d] |= b.labels.marks[a]
	}
	for d := range g.Dimensions {
		g.Dimensions[d].describe(marks[d])
	}
	return of
}

// put adds an index; those of one slot come in ascending order.
func (g *Group) put(s Slot, index int) {
	if n := len(g.Members); n > 0 && g.Members[n-1].Slot == s {
		if list := g.Members[n-1].Indices; list[len(list)-1] != index {
			g.Members[n-1].Indices = append(list, index)
		}
		return
	}
	g.Members = append(g.Members, Member{s, []int{index}})
}

func (g *Group) where() (slots []Slot) {
	for _, m := range g.Members {
		slots = append(slots, m.Slot)
	}
	return slots
}

// slots is where the group lies, as a key.
func (g *Group) slots() string {
	var key []byte
	for _, m := range g.Members {
		key = append(append(key, m.Weight...), 0, byte(m.Axis))
	}
	return string(key)
}

// describe says what the marks of a dimension's atoms mean for it.
func (d *Dimension) describe(m mark) {
	d.Kind = kindOf(m)
	switch {
	case m&(markTied|markMixed) != 0:
		d.Fixed = "an operation mixes its indices, so that all of them belong together"
	case d.Kind == Parts:
		d.Fixed = "the computation takes its indices apart by their position"
	case d.Kind == Indexed:
		d.Fixed = "the data chooses its indices by number"
	case m&markConstant != 0:
		d.Fixed = "a table of constants, such as rotary angles, runs along it"
	}
}

func kindOf(m mark) Kind {
	switch {
	case m&markIndexed != 0:
		return Indexed
	case m&markApart != 0:
		return Parts
	case m&markResidual != 0:
		return Hidden
	case m&markBatch != 0 && m&markSpread == 0:
		return Heads
	case m&(markScores|markSpread) != 0:
		return QueryHeads
	case m&markAttended != 0:
		return HeadChannels
	}
	return Channels
}

// Of lists the dimensions of a kind, in order.
func (g *Graph) Of(k Kind) (all []Dimension) {
	for _, d := range g.Dimensions {
		if d.Kind == k {
			all = append(all, d)
		}
	}
	return all
}

// Kept returns the indices, ascending, of every slot that loses some when the given groups are cut. Slots that lose nothing are not there.
func Kept(shapes map[string][]int, removed []Group) map[Slot][]int {
	gone := make(map[Slot]map[int]bool)
	for _, g := range removed {
		for _, m := range g.Members {
			if gone[m.Slot] == nil {
				gone[m.Slot] = make(map[int]bool)
			}
			for _, i := range m.Indices {
				gone[m.Slot][i] = true
			}
		}
	}
	kept := make(map[Slot][]int, len(gone))
	for s, out := range gone {
		kept[s] = make([]int, 0, max(0, shapes[s.Weight][s.Axis]-len(out)))
		for i := range shapes[s.Weight][s.Axis] {
			if !out[i] {
				kept[s] = append(kept[s], i)
			}
		}
	}
	return kept
}

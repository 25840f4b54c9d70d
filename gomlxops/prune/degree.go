package prune

import "slices"

// Neurons is a directed graph of neurons, or of whatever else takes from some and gives to others: N_j ∈ Out(N_i) where N_i gives to N_j.
type Neurons struct {
	Names []string
	Out   [][]int // for each neuron, those that it gives to
}

// In lists for each neuron those that it takes from.
func (n Neurons) In() [][]int {
	in := make([][]int, len(n.Out))
	for i, out := range n.Out {
		for _, j := range out {
			in[j] = append(in[j], i)
		}
	}
	return in
}

// Dependents lists for each neuron those that must go when it goes, by two rules:
//
//	N_j ∈ Out(N_i) ∧ Deg⁻(N_j) = 1  ⇒  N_j depends on N_i    (1)
//	N_i ∈ In(N_j)  ∧ Deg⁺(N_i) = 1  ⇒  N_i depends on N_j    (2)
//
// Deg⁻ counts what a neuron takes from, Deg⁺ what it gives to: a neuron that takes from one alone, or gives to one alone, is of no use
// without it.
//
// X. Ma, G. Fang, X. Wang, "LLM-Pruner", NeurIPS 2023, https://arxiv.org/abs/2305.11627, section 3.1.
func (n Neurons) Dependents() [][]int {
	in := n.In()
	dependents := make([][]int, len(n.Out))
	add := func(i, j int) {
		if i != j && !slices.Contains(dependents[i], j) {
			dependents[i] = append(dependents[i], j)
		}
	}
	for i, out := range n.Out {
		for _, j := range out {
			if len(in[j]) == 1 {
				add(i, j)
			}
			if len(out) == 1 {
				add(j, i)
			}
		}
	}
	return dependents
}

// Triggered lists, ascending, what goes when neuron i goes: i, what depends on it, what depends on that, and so on.
func (n Neurons) Triggered(i int) []int {
	return reach([]int{i}, n.Dependents())
}

// Groups gathers the neurons so that whatever triggers whatever is in one group, each ascending, in the order of their first. This is the
// paper's reading: every neuron is tried as a trigger, and what overlaps is one group.
func (n Neurons) Groups() [][]int {
	dependents := n.Dependents()
	both := make([][]int, len(dependents))
	for i, list := range dependents {
		for _, j := range list {
			both[i], both[j] = append(both[i], j), append(both[j], i)
		}
	}
	var groups [][]int
	seen := make([]bool, len(both))
	for i := range both {
		if seen[i] {
			continue
		}
		group := reach([]int{i}, both)
		for _, j := range group {
			seen[j] = true
		}
		groups = append(groups, group)
	}
	return groups
}

func reach(todo []int, next [][]int) []int {
	seen := slices.Clone(todo)
	for len(todo) > 0 {
		i := todo[0]
		todo = todo[1:]
		for _, j := range next[i] {
			if !slices.Contains(seen, j) {
				seen, todo = append(seen, j), append(todo, j)
			}
		}
	}
	slices.Sort(seen)
	return seen
}

// Neurons returns what the computation says of one index of dimension d: a neuron for each of d.Slots, in their order, that gives to those
// which the dimension leads to through operations without weights of the dimension.
//
// The rules then find an MLP channel and an attention head, as [Dimension.Groups] does. They do not hold the residual stream together,
// whose neurons take from many and give to many: that takes what Groups follows, that an addition needs operands of equal shape.
func (g *Graph) Neurons(d Dimension) Neurons {
	n := Neurons{Out: make([][]int, len(d.Slots))}
	at := make(map[int][]int) // node of a weight: its neurons
	for i, s := range d.Slots {
		n.Names = append(n.Names, s.Weight)
		for _, node := range g.Nodes {
			if node.Weight && node.Operand == s.Weight {
				at[node.ID] = append(at[node.ID], i)
			}
		}
	}
	for id, neurons := range at {
		for _, i := range neurons {
			n.Out[i] = g.fed(d.ID, id, at)
			slices.Sort(n.Out[i])
		}
	}
	return n
}

// fed lists the neurons that the dimension leads to from weight from.
func (g *Graph) fed(dim, from int, at map[int][]int) (neurons []int) {
	seen := map[int]bool{from: true}
	for todo := []int{from}; len(todo) > 0; todo = todo[1:] {
		for _, c := range g.Nodes[todo[0]].Consumers {
			met := g.met(dim, c, from, at)
			for _, i := range met {
				if !slices.Contains(neurons, i) {
					neurons = append(neurons, i)
				}
			}
			if len(met) == 0 && !seen[c] && g.carries(c, dim) {
				seen[c] = true
				todo = append(todo, c)
			}
		}
	}
	return neurons
}

// met lists the neurons of the weights that operation c reads, as they are or after operations on weights alone, other than from.
func (g *Graph) met(dim, c, from int, at map[int][]int) (neurons []int) {
	if !g.Nodes[c].Data {
		return nil
	}
	for todo := slices.Clone(g.Nodes[c].Producers); len(todo) > 0; todo = todo[1:] {
		p := todo[0]
		if g.Nodes[p].Data || !g.carries(p, dim) {
			continue
		}
		if p != from {
			neurons = append(neurons, at[p]...)
		}
		todo = append(todo, g.Nodes[p].Producers...)
	}
	return neurons
}

// carries says whether an axis of the node is made of dimension dim.
func (g *Graph) carries(node, dim int) bool {
	return slices.ContainsFunc(g.Nodes[node].Axes, func(x []int) bool { return slices.Contains(x, dim) })
}

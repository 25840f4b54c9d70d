package prune

import (
	"slices"

	"github.com/parelab/pare/gomlxops/transformer"
)

// Picture is a computation as it is drawn: weights, what goes in and comes out, products and residual additions. Everything between them is an
// edge. Data only; drawing is for others.
type Picture struct {
	Nodes      []Spot      `json:"nodes"` // in the order of the computation
	Edges      [][2]int    `json:"edges"` // from one of Nodes to another
	Dimensions []Dimension `json:"-"`     // what the colours mean
}

// Spot is a node of a picture.
type Spot struct {
	Label  string `json:"label"`  // a weight's or an input's name, an operation's word
	Weight bool   `json:"weight"` // drawn apart
	Level  int    `json:"level"`  // the longest way to it, in edges; weights stand a level above what reads them
	Colors []int  `json:"colors"` // the dimensions along its axes, by ID
	Shape  []int  `json:"shape"`
}

// Block traces one layer of a model of configuration c with what is around it, embedding and head, for a picture.
func Block(c *transformer.Config, layer int) (*Graph, error) {
	plan := Whole(c)
	if layer >= 0 && layer < c.Layers {
		plan.Layers = plan.Layers[layer : layer+1]
	} else {
		plan.Layers = []Layer{{Index: layer}}
	}
	one, err := plan.Config(c)
	if err != nil {
		return nil, err
	}
	return Of(one)
}

// Picture returns what is drawn of the graph.
func (g *Graph) Picture() Picture {
	p := Picture{Dimensions: g.Dimensions}
	from := make([][]int, len(g.Nodes))
	adds := make(map[int]bool)
	for _, b := range g.Branches {
		adds[b.Add] = true
	}
	for i, n := range g.Nodes {
		for _, q := range n.Producers {
			for _, at := range from[q] {
				if !slices.Contains(from[i], at) {
					from[i] = append(from[i], at)
				}
			}
		}
		label := n.Operand
		if label == "" {
			label = drawn(n, adds, g.Nodes)
		}
		if label == "" {
			continue
		}
		at := len(p.Nodes)
		s := Spot{Label: label, Weight: n.Weight, Shape: n.Shape}
		for _, x := range n.Axes {
			for _, d := range x {
				if !slices.Contains(s.Colors, d) {
					s.Colors = append(s.Colors, d)
				}
			}
		}
		for _, q := range from[i] {
			p.Edges = append(p.Edges, [2]int{q, at})
			s.Level = max(s.Level, p.Nodes[q].Level+1)
		}
		p.Nodes = append(p.Nodes, s)
		from[i] = []int{at}
	}
	p.lowerWeights()
	return p
}

// drawn is the word for an operation that is drawn; empty for others.
func drawn(n Node, adds map[int]bool, all []Node) string {
	switch {
	case adds[n.ID]:
		return "add"
	case n.Op == "Gather" && n.Data:
		return "look up"
	case n.Data && len(n.Consumers) == 0:
		return "result"
	case n.Op != "DotGeneral" || !n.Data:
		return ""
	case all[n.Producers[0]].Data && all[n.Producers[1]].Data:
		return "attend"
	}
	return "linear"
}

// lowerWeights puts each weight a level above the first node that reads it.
func (p *Picture) lowerWeights() {
	for i := range p.Nodes {
		if !p.Nodes[i].Weight {
			continue
		}
		level := -1
		for _, e := range p.Edges {
			if e[0] == i && (level < 0 || p.Nodes[e[1]].Level-1 < level) {
				level = p.Nodes[e[1]].Level - 1
			}
		}
		p.Nodes[i].Level = max(0, level)
	}
}

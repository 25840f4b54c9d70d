package prune

import (
	"fmt"
	"slices"
	"strings"

	"github.com/parelab/pare/gomlxops/importance"
	"github.com/parelab/pare/gomlxops/transformer"
)

// Scoring says how scores of weights become scores of what is cut.
type Scoring struct {
	By        importance.Criterion
	Members   importance.Aggregation   // over the weights of a group, channel by channel; "" is Sum
	Units     importance.Aggregation   // over the channels of a head; "" is Sum
	Normalise importance.Normalisation // within a layer's heads and within its channels, so that layers and kinds can be compared
}

// Scores scores the heads, MLP channels, hidden channels and layers of a model of configuration c, whose graph g is, from scores of its weights. Members of
// a group are those on which the graph says that it lies; those without scores, such as biases and the embedding, are passed over.
//
// The first member, for importance.First, is the one that has no more rows than others (keys where query heads share them), of these the first. The second is
// the weight that reads the group, or of MLPs the next one that makes it, as in LLM-Pruner's program. A layer's score is the sum over its linears.
func (g *Graph) Scores(c *transformer.Config, s *importance.Scores, o Scoring) (Scores, error) {
	if o.Members == "" {
		o.Members = importance.Sum
	}
	if o.Units == "" {
		o.Units = importance.Sum
	}
	layers, err := g.byLayer(c)
	if err != nil {
		return Scores{}, err
	}
	var out Scores
	for l, in := range layers {
		heads, err := g.score(s, o, in.heads, fmt.Sprintf("heads of layer %d", l))
		if err != nil {
			return Scores{}, err
		}
		channels, err := g.score(s, o, in.channels, fmt.Sprintf("MLP channels of layer %d", l))
		if err != nil {
			return Scores{}, err
		}
		out.Heads, out.Channels = append(out.Heads, heads), append(out.Channels, channels)
	}
	if hidden := g.Of(Hidden); len(hidden) == 1 {
		if out.Hidden, err = g.score(s, o, hidden[0], "hidden channels"); err != nil {
			return Scores{}, err
		}
	}
	out.Layers, err = layerScores(c, s, o.By)
	return out, err
}

// score scores the groups of one dimension. What there is a single one of cannot be cut and gets 0.
func (g *Graph) score(s *importance.Scores, o Scoring, d Dimension, name string) ([]float64, error) {
	if len(d.Groups) == 0 {
		return []float64{0}, nil
	}
	group, unit := g.group(s, o.By, d, name)
	if len(group.Members) == 0 {
		return nil, fmt.Errorf("%s: none of %d weights has scores by %s", name, len(d.Slots), o.By)
	}
	channels, err := s.Channels(o.By, group, o.Members)
	if err != nil {
		return nil, err
	}
	units, err := importance.Units(channels, unit, o.Units)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return importance.Normalise(units, o.Normalise)
}

// group is the dimension as package importance takes it: channels, each group of the dimension a run of unit of them. A weight with more rows in a
// group than unit has the rows of several heads there, which share its channels.
func (g *Graph) group(s *importance.Scores, by importance.Criterion, d Dimension, name string) (importance.Group, int) {
	unit := 0
	for _, m := range d.Groups[0].Members {
		if n := len(m.Indices); unit == 0 || n < unit {
			unit = n
		}
	}
	group := importance.Group{Name: name, Channels: unit * len(d.Groups)}
	for _, slot := range g.listed(d, unit) {
		weight, ok := strings.CutSuffix(d.Slots[slot].Weight, ".weight")
		if !ok {
			continue
		}
		w, err := s.Of(weight)
		if err != nil {
			continue
		}
		m := importance.Member{Weight: weight, Axis: importance.Rows, Step: g.step(d.Slots[slot].Weight)}
		n := w.Rows
		if d.Slots[slot].Axis == 1 {
			m.Axis, n = importance.Columns, w.Columns
		}
		if _, err := w.Vector(by, m.Axis); err != nil {
			continue
		}
		m.Channel = slices.Repeat([]int{-1}, n)
		for i, part := range d.Groups {
			for j, at := range part.Members[slot].Indices {
				m.Channel[at] = i*unit + j%unit
			}
		}
		group.Members = append(group.Members, m)
	}
	return group, unit
}

// listed puts the slots of a dimension into the order of LLM-Pruner's program, as far as an aggregation looks at it: for heads the root, then the weight
// that reads them, then the others.
func (g *Graph) listed(d Dimension, unit int) []int {
	order := upTo(len(d.Slots))
	if d.Kind != Heads && d.Kind != QueryHeads {
		return order
	}
	root := slices.IndexFunc(d.Groups[0].Members, func(m Member) bool { return m.Axis == 0 && len(m.Indices) == unit })
	slices.SortStableFunc(order, func(a, b int) int {
		rank := func(i int) int {
			switch {
			case i == root:
				return -2
			case d.Slots[i].Axis == 1:
				return -1
			}
			return 0
		}
		return rank(a) - rank(b)
	})
	return order
}

// step is when a weight is first used.
func (g *Graph) step(weight string) int {
	for _, n := range g.Nodes {
		if n.Operand == weight && len(n.Consumers) > 0 {
			return slices.Min(n.Consumers)
		}
	}
	return 0
}

// layerScores adds up the scores of each layer's linears, by row where they have them.
func layerScores(c *transformer.Config, s *importance.Scores, by importance.Criterion) ([]float64, error) {
	sums := make([]float64, c.Layers)
	for _, l := range c.Linears() {
		w, err := s.Of(l.Name)
		if err != nil {
			return nil, err
		}
		v, err := w.Vector(by, importance.Rows)
		if err != nil {
			if v, err = w.Vector(by, importance.Columns); err != nil {
				return nil, fmt.Errorf("%s: %w", l.Name, err)
			}
		}
		for _, x := range v {
			sums[l.Layer] += x
		}
	}
	return sums, nil
}

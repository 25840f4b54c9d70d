package prune

import (
	"fmt"
	"math"
	"slices"

	"github.com/parelab/pare/gomlxops/transformer"
)

// Scores say what matters: the lowest go first. Where they come from is the caller's business.
type Scores struct {
	Heads    [][]float64 // for every layer, each of its [Units]
	Channels [][]float64 // for every layer, each MLP channel
	Hidden   []float64   // each channel of the residual stream, for [ChannelPlan]
	Layers   []float64   // each layer, for [LayerPlan]
}

// Plan says what is kept of a model. All lists are of indices in the model as it is, ascending.
type Plan struct {
	Layers []Layer `json:"layers"`           // the layers that are kept, in order
	Hidden []int   `json:"hidden,omitempty"` // channels of the residual stream; nil is all
}

// Layer says what is kept of a layer.
type Layer struct {
	Index    int   `json:"index"`    // in the model as it is
	Heads    []int `json:"heads"`    // of its [Units]
	Channels []int `json:"channels"` // of its MLP
}

// Whole is the plan that keeps all of a model.
func Whole(c *transformer.Config) *Plan {
	p := &Plan{}
	for l := range c.Layers {
		units, _ := Units(c, l)
		p.Layers = append(p.Layers, Layer{l, upTo(units), upTo(c.Shape(l).MLP)})
	}
	return p
}

func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// Plan chooses the heads and MLP channels that are kept of a model of configuration c, in one step: LLM-Pruner's block-wise pruning.
// Ties are cut in the order of layers and indices. Impossible options, and scores that are missing, of another number or not finite, are errors.
func (o Options) Plan(c *transformer.Config, s Scores) (*Plan, error) {
	o.Steps = 1
	return o.Step(1, c, c, s)
}

// Step chooses what is kept in step i of o.Steps, from 1: after it, i/Steps of the ratio is gone. initial is the model before the first step,
// c and the scores are those of the model as it is now; make new scores before each step.
func (o Options) Step(i int, initial, c *transformer.Config, s Scores) (*Plan, error) {
	steps := max(1, o.Steps)
	if i < 1 || i > steps {
		return nil, fmt.Errorf("step: expected one of 1 to %d, found %d", steps, i)
	}
	if initial.Layers != c.Layers {
		return nil, fmt.Errorf("initial model: expected %d layers as now, found %d", c.Layers, initial.Layers)
	}
	if err := o.check(c.Layers); err != nil {
		return nil, err
	}
	pools, err := o.pools(initial, c, s)
	if err != nil {
		return nil, err
	}
	ratio := o.Ratio * float64(i) / float64(steps)
	if o.Scope.Counts() {
		err = o.cutNumbers(pools, float64(i)/float64(steps))
	} else {
		err = o.cutUnits(pools, ratio)
	}
	if err != nil {
		return nil, err
	}
	plan := Whole(c)
	for _, p := range pools {
		p.round()
		*p.keeps(plan) = p.kept()
	}
	return plan, nil
}

// pool is the units of one kind in one layer.
type pool struct {
	layer    int
	channels bool      // of the MLP; otherwise heads
	scores   []float64 // of each unit
	units    int       // now
	order    []int     // units by score, lowest first
	initial  int       // units at first
	unit     int       // rows of a unit in its first weight
	held     counter   // of numbers
	before   int       // numbers at first
	multiple int       // of which as many as are kept must be one
	least    int       // units that stay whatever their scores
	gone     int       // leading units of order that go
}

// pools lists what may be cut.
func (o Options) pools(initial, c *transformer.Config, s Scores) (all []*pool, err error) {
	for l := range c.Layers {
		if !o.open(l, c.Layers) {
			continue
		}
		if !o.KeepHeads {
			p := o.headPool(initial, c, l)
			if err := p.take(s.Heads, "heads"); err != nil {
				return nil, err
			}
			all = append(all, p)
		}
		if !o.KeepChannels {
			p := &pool{layer: l, channels: true, units: c.Shape(l).MLP, initial: initial.Shape(l).MLP, unit: 1, multiple: o.Round, least: 1}
			if err := p.take(s.Channels, "channels"); err != nil {
				return nil, err
			}
			all = append(all, p)
		}
	}
	for _, p := range all {
		p.count(o, initial, c)
	}
	return all, nil
}

// headPool is layer l's heads, without scores.
func (o Options) headPool(initial, c *transformer.Config, l int) *pool {
	first := initial.Shape(l)
	p := &pool{layer: l, initial: first.KVHeads, unit: c.HeadDim, multiple: 1, least: 1}
	var queries bool
	if p.units, queries = Units(c, l); queries {
		p.initial = first.Heads
		if first.KVHeads > 1 { // the last key-value head of several, after earlier steps
			p.least = p.units
		}
	}
	return p
}

// take gives the pool its scores and puts them in order.
func (p *pool) take(scores [][]float64, what string) error {
	if p.layer >= len(scores) {
		return fmt.Errorf("scores of %s: expected one list for each layer, found %d; layer %d has none", what, len(scores), p.layer)
	}
	var err error
	p.scores = scores[p.layer]
	p.order, err = ascending(p.scores, p.units)
	if err != nil {
		return fmt.Errorf("scores of %s, layer %d: %w", what, p.layer, err)
	}
	return nil
}

// ascending orders n units by their scores, equal ones by index.
func ascending(scores []float64, n int) ([]int, error) {
	if len(scores) != n {
		return nil, fmt.Errorf("expected %d, one for each, found %d", n, len(scores))
	}
	for i, v := range scores {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("expected finite numbers, found %v at index %d", v, i)
		}
	}
	order := upTo(n)
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case scores[a] < scores[b]:
			return -1
		case scores[a] > scores[b]:
			return 1
		}
		return 0
	})
	return order, nil
}

// round takes back as many as make what is kept a multiple.
func (p *pool) round() {
	n := len(p.order)
	p.gone = n - roundUp(n-p.gone, p.multiple, n)
}

// kept lists the units that stay.
func (p *pool) kept() []int {
	kept := slices.Clone(p.order[p.gone:])
	slices.Sort(kept)
	return kept
}

// keeps is where the plan says so.
func (p *pool) keeps(plan *Plan) *[]int {
	if p.channels {
		return &plan.Layers[p.layer].Channels
	}
	return &plan.Layers[p.layer].Heads
}

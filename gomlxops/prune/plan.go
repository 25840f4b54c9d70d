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
	plan := Whole(c)
	for _, p := range pools {
		if err := p.mayLose(ratio); err != nil {
			return nil, err
		}
	}
	if o.Scope == Global || o.Scope == Budget {
		cutAcross(pools, ratio, o.Scope == Budget)
	} else {
		for _, p := range pools {
			p.cut(drop(p.initial*p.unit, len(p.scores)*p.unit, p.unit, ratio))
		}
	}
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
	order    []int     // units by score, lowest first
	initial  int       // units at first
	unit     int       // rows of a unit in its first weight
	weights  int       // numbers that a unit holds
	multiple int       // of which as many as are kept must be one
	gone     int       // leading units of order that go
}

// pools lists what may be cut.
func (o Options) pools(initial, c *transformer.Config, s Scores) (all []*pool, err error) {
	for l := range c.Layers {
		if !o.open(l, c.Layers) {
			continue
		}
		shape, first := c.Shape(l), initial.Shape(l)
		units, queries := Units(c, l)
		last := queries && first.KVHeads > 1 // the last key-value head of several, after earlier steps
		if !o.KeepHeads && !last {
			was, rows := first.KVHeads, shape.Heads/shape.KVHeads
			if queries {
				was, rows = first.Heads, 1
			}
			p := &pool{layer: l, initial: was, unit: c.HeadDim, multiple: 1, weights: 2 * rows * c.HeadDim * c.HiddenSize}
			if !queries {
				p.weights += 2 * c.HeadDim * c.HiddenSize
			}
			if err := p.take(s.Heads, units, "heads"); err != nil {
				return nil, err
			}
			all = append(all, p)
		}
		if !o.KeepChannels {
			matrices := len(c.Kinds()) - 4 // beside attention's
			p := &pool{layer: l, channels: true, initial: first.MLP, unit: 1, multiple: o.Round, weights: matrices * c.HiddenSize}
			if err := p.take(s.Channels, shape.MLP, "channels"); err != nil {
				return nil, err
			}
			all = append(all, p)
		}
	}
	return all, nil
}

// take gives the pool its scores and puts them in order.
func (p *pool) take(scores [][]float64, n int, what string) error {
	if p.layer >= len(scores) {
		return fmt.Errorf("scores of %s: expected one list for each layer, found %d; layer %d has none", what, len(scores), p.layer)
	}
	var err error
	p.scores = scores[p.layer]
	p.order, err = ascending(p.scores, n)
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

// mayLose refuses a ratio that would leave nothing.
func (p *pool) mayLose(ratio float64) error {
	if drop(p.initial*p.unit, len(p.scores)*p.unit, p.unit, ratio) < len(p.scores) {
		return nil
	}
	what := "heads"
	if p.channels {
		what = "MLP channels"
	}
	return fmt.Errorf("ratio: %v would leave none of the %d %s in layer %d; take less", ratio, len(p.scores), what, p.layer)
}

// cut lets the n lowest go, but the last one stays.
func (p *pool) cut(n int) { p.gone = min(n, len(p.order)-1) }

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

// cutAcross lets the lowest units of all pools go until the ratio is reached, of their number or of their weights. The last unit of a pool
// stays whatever its score.
func cutAcross(pools []*pool, ratio float64, weights bool) {
	cost := func(p *pool) int {
		if weights {
			return p.weights
		}
		return 1
	}
	before, now := 0, 0
	for _, p := range pools {
		before += p.initial * cost(p)
		now += len(p.scores) * cost(p)
	}
	for goal := drop(before, now, 1, ratio); goal > 0; {
		var lowest *pool
		for _, p := range pools {
			if p.gone < len(p.order)-1 && cost(p) <= goal && (lowest == nil || p.next() < lowest.next()) {
				lowest = p
			}
		}
		if lowest == nil {
			return
		}
		lowest.gone++
		goal -= cost(lowest)
	}
}

// next is the score of the unit that goes next.
func (p *pool) next() float64 { return p.scores[p.order[p.gone]] }

package prune

import (
	"cmp"
	"fmt"

	"github.com/parelab/pare/gomlxops/transformer"
)

// cutUnits lets a fraction of the units of each pool go, or of all pools together.
func (o Options) cutUnits(pools []*pool, ratio float64) error {
	before, now := 0, 0
	for _, p := range pools {
		n := drop(p.initial*p.unit, len(p.scores)*p.unit, p.unit, ratio)
		if n >= len(p.scores) && p.least < len(p.scores) {
			return fmt.Errorf("ratio: %v would leave none of the %d %s in layer %d; take less", ratio, len(p.scores), p.what(), p.layer)
		}
		if o.Scope != Global {
			p.gone = min(n, len(p.order)-p.least)
		}
		before, now = before+p.initial, now+len(p.scores)
	}
	if o.Scope == Global {
		cutAcross(pools, drop(before, now, 1, ratio), (*pool).next, func(*pool) int { return 1 })
	}
	return nil
}

// cutNumbers lets units go until the ratio of the numbers is gone; part is how much of the ratio this step reaches.
func (o Options) cutNumbers(pools []*pool, part float64) error {
	groups := [][]*pool{pools}
	if o.Scope == Even {
		groups = byLayer(pools)
	}
	total := 0
	for _, p := range pools {
		total += p.before
	}
	for _, group := range groups {
		before, now := 0, 0
		for _, p := range group {
			before, now = before+p.before, now+p.numbers()
		}
		goal := drop(before, now, 1, o.Ratio*part)
		if o.Remove > 0 {
			share := float64(o.Remove) * part * float64(before) / float64(total)
			goal = now - before + ceil(share)
		}
		if left := o.cutGroup(group, goal); left > 0 {
			return fmt.Errorf("ratio: of the %d numbers that may go from layer %d on, no more than %d can while a head and a channel stay in each layer, expected %d; take less",
				now, group[0].layer, goal-left, goal)
		}
	}
	return nil
}

// cutGroup lets units go that hold as many numbers as goal, and returns how many are missing.
func (o Options) cutGroup(group []*pool, goal int) int {
	switch o.Scope {
	case Density:
		return cutAcross(group, goal, func(p *pool) float64 { return p.next() / float64(p.cost()) }, (*pool).cost)
	case Budget:
		return cutAcross(group, goal, (*pool).next, (*pool).cost)
	}
	return cutEven(group, goal)
}

// cutEven lets as many of a layer's heads go as fit into its part, more only where channels cannot make up for them, and then channels.
func cutEven(layer []*pool, goal int) int {
	var heads, channels *pool
	before := 0
	for _, p := range layer {
		before += p.numbers()
		if p.channels {
			channels = p
		} else {
			heads = p
		}
	}
	spare := 0 // what channels can make up
	if channels != nil {
		spare = channels.numbers() - channels.held.of(channels.least)
	}
	if heads != nil {
		n := int(float64(goal) / float64(before) * float64(len(heads.order)))
		for most := len(heads.order) - heads.least; heads.gone < most && (heads.gone < n || goal > spare); heads.gone++ {
			goal -= heads.cost()
		}
	}
	if channels == nil {
		return goal
	}
	return cutAcross([]*pool{channels}, goal, (*pool).next, (*pool).cost)
}

// cutAcross lets the lowest of all pools' next units go until what they cost reaches goal, and returns what is missing: 0 or less where it is
// reached. Towards the end those that cost more than is missing are passed over; where all do, the cheapest goes.
func cutAcross(pools []*pool, goal int, key func(*pool) float64, cost func(*pool) int) int {
	for goal > 0 {
		var lowest, cheapest *pool
		for _, p := range pools {
			if p.gone == len(p.order)-p.least {
				continue
			}
			if cost(p) <= goal && (lowest == nil || key(p) < key(lowest)) {
				lowest = p
			}
			if cheapest == nil || cost(p) < cost(cheapest) {
				cheapest = p
			}
		}
		if lowest = cmp.Or(lowest, cheapest); lowest == nil {
			return goal
		}
		goal -= cost(lowest)
		lowest.gone++
	}
	return goal
}

// count tells the pool what its units hold, now and at first.
func (p *pool) count(o Options, initial, c *transformer.Config) {
	initially := o.initially
	if initially == nil {
		initially = o.Holdings
	}
	p.held = newCounter(c, p.layer, p.channels, o.Holdings)
	first, n := newCounter(initial, p.layer, p.channels, initially), initial.Shape(p.layer).MLP
	if !p.channels {
		n, _ = Units(initial, p.layer)
	}
	p.before = first.of(n)
}

// next is the score of the unit that goes next, and cost what it holds.
func (p *pool) next() float64 { return p.scores[p.order[p.gone]] }
func (p *pool) cost() int     { return p.numbers() - p.held.of(len(p.order)-p.gone-1) }

// numbers is what the pool holds by now.
func (p *pool) numbers() int { return p.held.of(len(p.order) - p.gone) }

func (p *pool) what() string {
	if p.channels {
		return "MLP channels"
	}
	return "heads"
}

// byLayer splits the pools.
func byLayer(pools []*pool) (groups [][]*pool) {
	for i, p := range pools {
		if i == 0 || pools[i-1].layer != p.layer {
			groups = append(groups, nil)
		}
		last := len(groups) - 1
		groups[last] = append(groups[last], p)
	}
	return groups
}

func ceil(x float64) int {
	n := int(x)
	if float64(n) < x {
		n++
	}
	return n
}

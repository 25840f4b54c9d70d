package lowrank

import "math"

// rung is one way to hold a linear: at a rank, or dense as rank 0.
type rung struct {
	rank int
	cost int64   // parameters that the budget is charged
	loss float64 // weighted fraction of the energy left out
}

// ladder lists the ways to hold a linear, each dearer than the one before and losing no more.
type ladder []rung

// newLadder climbs from the least rank in multiples as far as the spectrum goes and factors save, and ends dense.
func newLadder(s *Spectrum, weight float64, opt AllocationOptions) ladder {
	dense := rung{0, s.Linear.Params(), 0}
	if opt.protects(s.Linear) {
		return ladder{dense}
	}
	left := s.leftOut()
	step := max(opt.Multiple, 1)
	var l ladder
	for r := opt.least(); r <= s.Kept && s.held(r) < dense.cost; r += step {
		cost := s.held(r)
		if opt.FreeBias && s.hasBias() && !s.Linear.Bias {
			cost -= int64(s.Linear.Out)
		}
		l = append(l, rung{r, cost, weight * left[r]})
	}
	return append(l, dense)
}

// leftOut returns [Spectrum.Relative] of every rank from 0 on.
func (s *Spectrum) leftOut() []float64 {
	left := make([]float64, len(s.Values)+1)
	for k := len(s.Values) - 1; k >= 0; k-- {
		left[k] = left[k+1] + max(s.Values[k], 0)
	}
	if all := left[0]; all > 0 {
		for k := range left {
			left[k] /= all
		}
	}
	return left
}

// climb goes from one rung of a ladder to a higher one.
type climb struct {
	ladder, from, to int
	cost             int64
	gain             float64
}

func (c climb) slope() float64 { return c.gain / float64(c.cost) }

func (l ladder) climb(ladder, from, to int) climb {
	return climb{ladder, from, to, l[to].cost - l[from].cost, l[from].loss - l[to].loss}
}

// hull returns the climbs along the lower convex hull of cost and loss, steepest first. Between ranks energies fall, so that
// each rank is on the hull; the last climb, to dense, may be worth more for its price than ranks before it, and then takes
// them in.
func (l ladder) hull(index int) []climb {
	var h []climb
	for to := 1; to < len(l); to++ {
		c := l.climb(index, to-1, to)
		for len(h) > 0 && c.slope() > h[len(h)-1].slope() {
			c = l.climb(index, h[len(h)-1].from, to)
			h = h[:len(h)-1]
		}
		h = append(h, c)
	}
	return h
}

// plan is a choice of one rung for each ladder.
type plan struct {
	ladders []ladder
	at      []int
	left    int64   // of the budget
	loss    float64 // of the choice
	bound   float64 // no choice within the budget loses less
}

// ascend takes the climbs that fit, best first. With a part of the first that does not, the choice would lose the least that
// fractions of climbs can: the bound.
func (p *plan) ascend(climbs []climb) {
	p.bound = math.NaN()
	for _, c := range climbs {
		if p.at[c.ladder] != c.from { // an earlier climb of this ladder did not fit
			continue
		}
		if c.cost <= p.left {
			p.take(c)
		} else if math.IsNaN(p.bound) {
			p.bound = p.total() - c.slope()*float64(p.left)
		}
	}
	if math.IsNaN(p.bound) {
		p.bound = p.total()
	}
}

// fill takes single steps, the best of those that fit, until none does.
func (p *plan) fill() {
	for {
		var best climb
		for i, l := range p.ladders {
			if p.at[i]+1 == len(l) {
				continue
			}
			if c := l.climb(i, p.at[i], p.at[i]+1); c.cost <= p.left && (best.cost == 0 || c.slope() > best.slope()) {
				best = c
			}
		}
		if best.cost == 0 {
			return
		}
		p.take(best)
	}
}

func (p *plan) take(c climb) {
	p.at[c.ladder] = c.to
	p.left -= c.cost
}

func (p *plan) total() float64 {
	sum := 0.0
	for i, l := range p.ladders {
		sum += l[p.at[i]].loss
	}
	return sum
}

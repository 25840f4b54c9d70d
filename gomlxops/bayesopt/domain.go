package bayesopt

import (
	"math/rand/v2"
)

// domain is a checked [Space] as the models see it: only the variables that are free, scaled so that their bounds are 0 and 1.
//
//	symbol  meaning                                        shape
//	x       a point of the space                           [all variables]
//	u       (x − lower) / (upper − lower), free ones only  [d]
//	w       weight × (upper − lower), free ones only       [d]
//	b       what Σ w_i u_i must be                         scalar
type domain struct {
	space      Space
	free       []int // where u's coordinates are in x
	w          []float64
	b          float64
	zero, one  []float64 // the bounds of u
	knotCurves []curve   // of the free variables; nil without any
	pools      [][]int   // of each label, which free variables share it, by number
}

func newDomain(s Space) (*domain, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	d := &domain{space: s}
	weights, lower, upper, total := s.arrays()
	d.b = s.Budget * total
	for i := range s.Variables {
		d.b -= weights[i] * lower[i]
		if upper[i] > lower[i] {
			d.free = append(d.free, i)
			d.w = append(d.w, weights[i]*(upper[i]-lower[i]))
			d.zero, d.one = append(d.zero, 0), append(d.one, 1)
		}
	}
	d.knotCurves = newCurves(d)
	d.pool()
	return d, nil
}

// pool numbers the labels. One that all variables share, or none does, tells nothing.
func (d *domain) pool() {
	for j := range d.space.Variables[0].Labels {
		numbers, pool := map[string]int{}, make([]int, d.dim())
		for k, i := range d.free {
			label := d.space.Variables[i].Labels[j]
			if _, ok := numbers[label]; !ok {
				numbers[label] = len(numbers)
			}
			pool[k] = numbers[label]
		}
		if len(numbers) > 1 && len(numbers) < d.dim() {
			d.pools = append(d.pools, pool)
		}
	}
}

// dim is the number of free variables.
func (d *domain) dim() int { return len(d.free) }

func (d *domain) toUnit(x []float64) []float64 {
	u := make([]float64, d.dim())
	for k, i := range d.free {
		v := d.space.Variables[i]
		u[k] = (x[i] - v.Lower) / (v.Upper - v.Lower)
	}
	return u
}

// fromUnit returns the point of the space nearest to u.
func (d *domain) fromUnit(u []float64) []float64 {
	w, lower, upper, total := d.space.arrays()
	x := append([]float64(nil), lower...)
	for k, i := range d.free {
		x[i] += u[k] * (upper[i] - lower[i])
	}
	return project(x, x, w, lower, upper, d.space.Budget*total)
}

// project replaces u by the nearest point, in unit coordinates, that meets the budget.
func (d *domain) project(u []float64) []float64 {
	if d.dim() == 0 {
		return u
	}
	return projectOnce(u, u, d.w, d.zero, d.one, d.b)
}

// projectBox is project within a smaller box; it is not empty where its centre meets the budget.
func (d *domain) projectBox(u, lower, upper []float64) []float64 {
	if d.dim() == 0 {
		return u
	}
	return projectOnce(u, u, d.w, lower, upper, d.b)
}

// random returns a point drawn uniformly from the box and then projected, as random search does.
func (d *domain) random(rng *rand.Rand) []float64 { return d.project(d.draw(rng)) }

// draw returns a point of the box, which need not meet the budget.
func (d *domain) draw(rng *rand.Rand) []float64 {
	u := make([]float64, d.dim())
	for i := range u {
		u[i] = rng.Float64()
	}
	return u
}

package bayesopt

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// paper is the search of Bolaco as it was released (arXiv 2405.10616, with OpenBox 0.8.1), to compare with. Its variables are kept
// ratios and ours removed ones, which changes nothing here, as everything is scaled to the unit cube.
//
//	start        the default configuration and the 2 farthest of 100 random ones
//	constraint   rejection: the removed fraction lies between the budget and 10 points above it
//	model        Matérn-5/2, a length scale for each variable, white noise; values of mean 0 and deviation 1; no pending points
//	hyperpriors  signal log-normal(0, 1) within e^-10…e^2, lengths flat within 0.00117…1.0897, noise horseshoe(0.1) within e^-25…e^2; 10 restarts
//	acquisition  expected improvement, ξ = 0, of 5,000 points: 10 local searches from the best points seen, the rest random
//	interleaved  a random point instead with probability 0.1
type paper struct {
	slack  float64
	starts [][]float64
	design [][]float64
}

// rejections is after how many points in a row that miss the constraint Paper gives up.
const rejections = 100_000

func (p *paper) next(h *history, rng *rand.Rand) (proposal, error) {
	if p.design == nil {
		if err := p.begin(h); err != nil {
			return proposal{}, err
		}
	}
	for i, u := range p.design {
		given := i == 0 && len(p.starts) > 0 // asked for as a start
		if x := p.place(h.domain, u); !given && !h.asked(x) && len(h.trials) < len(p.design) {
			return proposal{x: x, phase: PhaseDesign}, nil
		}
	}
	u, y, good := h.finished()
	if good == 0 || rng.Float64() < 0.1 {
		next, err := p.draw(h.domain, rng)
		return proposal{x: p.place(h.domain, next), phase: PhaseRandom}, err
	}
	return p.model(h.domain, u, y, rng)
}

// place turns unit coordinates into a point without moving it onto the budget.
func (p *paper) place(d *domain, u []float64) []float64 {
	x := make([]float64, len(d.space.Variables))
	for i, v := range d.space.Variables {
		x[i] = v.Lower
	}
	for k, i := range d.free {
		v := d.space.Variables[i]
		x[i] = v.Lower + u[k]*(v.Upper-v.Lower)
	}
	return x
}

// begin makes the three points that come first.
func (p *paper) begin(h *history) error {
	d := h.domain
	first, err := d.space.Uniform()
	if err != nil {
		return err
	}
	if len(p.starts) > 0 {
		first = p.starts[0]
	}
	p.design = [][]float64{d.toUnit(first)}
	rng := newRand(h.seed, 0x9a9e4)
	pool := make([][]float64, 100)
	for i := range pool {
		if pool[i], err = p.draw(d, rng); err != nil {
			return err
		}
	}
	for range 2 {
		p.design = append(p.design, farthest(pool, p.design))
	}
	return nil
}

// farthest returns the point of the pool whose nearest neighbour among the others is farthest.
func farthest(pool, others [][]float64) []float64 {
	best, top := 0, -1.0
	for i, u := range pool {
		nearest := math.Inf(1)
		for _, o := range others {
			nearest = math.Min(nearest, floats.Distance(u, o, 2))
		}
		if nearest > top {
			best, top = i, nearest
		}
	}
	return pool[best]
}

func (p *paper) valid(d *domain, u []float64) bool {
	used := floats.Dot(d.w, u)
	total := floats.Sum(d.space.weights())
	// Rounded to four decimals, as there.
	over := math.Round((used-d.b)/total*1e4) / 1e4
	return over >= 0 && over <= p.slack
}

func (p *paper) draw(d *domain, rng *rand.Rand) ([]float64, error) {
	u := make([]float64, d.dim())
	for range rejections {
		for i := range u {
			u[i] = rng.Float64()
		}
		if p.valid(d, u) {
			return u, nil
		}
	}
	return nil, fmt.Errorf("sampler paper: none of %d random points had a weighted mean from %v to %v; with so many variables rejection finds none, choose another sampler",
		rejections, d.space.Budget, d.space.Budget+p.slack)
}

// model fits the process and returns the best candidate not yet evaluated.
func (p *paper) model(d *domain, u [][]float64, y []float64, rng *rand.Rand) (proposal, error) {
	o := plainOutcome(y)
	z := o.all(y)
	first := Hyper{Signal: 2, Noise: 1e-8, Lengths: make([]float64, d.dim())}
	for i := range first.Lengths {
		first.Lengths[i] = []float64{0.8, 0.8, 1, 1, 1}[i%5]
	}
	gp, err := Fit(Covariance{Kernel: Matern52}, u, z, FitOptions{
		Signal:   Belief{Lower: math.Exp(-10), Upper: math.Exp(2), Median: 1, Spread: 1},
		Length:   Belief{Lower: 0.00117, Upper: 1.0897},
		Noise:    Belief{Lower: math.Exp(-25), Upper: math.Exp(2), Horseshoe: 0.1},
		Starts:   []Hyper{first},
		Restarts: 9,
		Seed:     rng.Uint64(),
	})
	if err != nil {
		return proposal{}, err
	}
	best := floats.Min(z)
	score := func(u []float64) float64 {
		mean, variance := gp.Predict(u)
		return LogExpectedImprovement(best, mean, math.Sqrt(variance), 0)
	}
	next, log, err := p.search(d, u, z, score, rng)
	if err != nil {
		return proposal{}, err
	}
	mean, variance := gp.Predict(next)
	mean, deviation := o.from(mean, math.Sqrt(variance))
	return proposal{x: p.place(d, next), phase: PhaseModel, mean: mean, deviation: deviation, acquisition: math.Max(log, -1e300)}, nil
}

// search scores 5,000 points: those of ten local searches, the rest random.
func (p *paper) search(d *domain, u [][]float64, z []float64, score func([]float64) float64, rng *rand.Rand) ([]float64, float64, error) {
	left, best, top := 5000, []float64(nil), math.Inf(-1)
	try := func(c []float64) float64 {
		left--
		s := score(c)
		if (best == nil || s > top) && !slices.ContainsFunc(u, func(o []float64) bool { return equal(o, c) }) {
			best, top = slices.Clone(c), s
		}
		return s
	}
	order := make([]int, len(u))
	floats.Argsort(slices.Clone(z), order)
	for _, i := range order[:min(10, len(order))] {
		at := u[i]
		for value := score(at); left > 0; {
			next, reached := p.exchange(d, at, value, try, rng)
			if next == nil {
				break
			}
			at, value = next, reached
		}
	}
	for left > 0 {
		c, err := p.draw(d, rng)
		if err != nil {
			return nil, 0, err
		}
		try(c)
	}
	return best, top, nil
}

// exchange returns the first valid neighbour that is better, of four for each variable at a normal distance of 0.2; nil where none is.
func (p *paper) exchange(d *domain, at []float64, value float64, try func([]float64) float64, rng *rand.Rand) ([]float64, float64) {
	for _, i := range rng.Perm(4 * len(at)) {
		c := slices.Clone(at)
		c[i/4] = clip(c[i/4]+0.2*rng.NormFloat64(), 0, 1)
		if !p.valid(d, c) {
			continue
		}
		if s := try(c); s > value {
			return c, s
		}
	}
	return nil, 0
}

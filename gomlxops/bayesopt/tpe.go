package bayesopt

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// tpe is the tree-structured Parzen estimator of Bergstra, Bardenet, Bengio and Kégl, Algorithms for hyper-parameter optimization (NeurIPS 2011),
// in the multivariate form of Falkner, Klein and Hutter (BOHB, ICML 2018), which sees variables together as a budget wants it.
//
// Trials are parted into the better tenth (at most 25) and the rest; each part gets a density of normal kernels around its points, with one
// broad kernel over the whole box as prior. Of 24 points drawn from the density of the good ones and projected on the budget, the one is taken whose
// ratio of good to bad density is largest.
//
// The Go library that has TPE, c-bata/goptuna v0.9.0, draws from the global random source, sums where it must add up exponentials, and knows no
// budget.
type tpe struct {
	initial int
}

const tpeCandidates = 24

func (t tpe) next(h *history, rng *rand.Rand) (proposal, error) {
	u, y, good := h.finished()
	if good == 0 || len(h.trials) < t.initial {
		return proposal{u: h.domain.random(rng), phase: PhaseRandom}, nil
	}
	order := make([]int, len(y))
	floats.Argsort(slices.Clone(y), order)
	best := min(int(math.Ceil(0.1*float64(len(y)))), 25)
	var low, high [][]float64
	for rank, i := range order {
		if rank < best {
			low = append(low, u[i])
		} else {
			high = append(high, u[i])
		}
	}
	high = append(high, h.pending()...) // so that several workers keep apart
	l, g := newParzen(low, h.domain.dim()), newParzen(high, h.domain.dim())
	var next []float64
	top := math.Inf(-1)
	for range tpeCandidates {
		c := h.domain.project(l.draw(rng))
		if score := l.log(c) - g.log(c); next == nil || score > top {
			next, top = c, score
		}
	}
	return proposal{u: next, phase: PhaseModel}, nil
}

// parzen is a mixture, in equal parts, of normal kernels around points and of a broad one in the middle of the unit cube.
type parzen struct {
	centres [][]float64
	width   float64
}

// newParzen takes Scott's rule for the width, n^(−1/(d+4)) times the deviation of a uniform variable, and at least a fiftieth.
func newParzen(points [][]float64, d int) parzen {
	n := float64(len(points) + 1)
	return parzen{points, math.Max(math.Pow(n, -1/float64(d+4))/math.Sqrt(12), 0.02)}
}

// kernel returns centre and width of the i-th.
func (p parzen) kernel(i, d int) ([]float64, float64) {
	if i < len(p.centres) {
		return p.centres[i], p.width
	}
	middle := make([]float64, d)
	for k := range middle {
		middle[k] = 0.5
	}
	return middle, 1
}

func (p parzen) draw(rng *rand.Rand) []float64 {
	d := 0
	if len(p.centres) > 0 {
		d = len(p.centres[0])
	}
	centre, width := p.kernel(rng.IntN(len(p.centres)+1), d)
	u := make([]float64, d)
	for k := range u {
		for { // truncated to the box
			if u[k] = centre[k] + width*rng.NormFloat64(); u[k] >= 0 && u[k] <= 1 {
				break
			}
		}
	}
	return u
}

// log returns the log density at u.
func (p parzen) log(u []float64) float64 {
	terms := make([]float64, len(p.centres)+1)
	for i := range terms {
		centre, width := p.kernel(i, len(u))
		for k, v := range u {
			z := (v - centre[k]) / width
			inside := distribution((1-centre[k])/width) - distribution(-centre[k]/width)
			terms[i] -= z*z/2 + math.Log(width*inside)
		}
	}
	return floats.LogSumExp(terms)
}

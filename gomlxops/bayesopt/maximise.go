package bayesopt

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// How the acquisition is maximised: candidates scored, the best of which are climbed from, with so many evaluations each.
const (
	candidates  = 256
	climbs      = 6
	evaluations = 60
)

func (s *Surrogate) improvement(u []float64) float64 {
	mean, variance := s.believe(u)
	return LogExpectedImprovement(s.best, mean, math.Sqrt(variance), 0)
}

// maximise returns the point of the budget surface, and of the box around the incumbent, where log EI is largest, as far as climbing from
// several starts tells; the incumbent is one of them. Tops that repeat a known point are passed over; nil where all do.
func (s *Surrogate) maximise(known [][]float64, rng *rand.Rand) ([]float64, float64) {
	starts := s.candidates(rng)
	values := make([]float64, len(starts))
	together(len(starts), func(i int) { values[i] = s.improvement(starts[i]) })
	order := make([]int, len(starts))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return -compare(values[i], values[j]) })
	lower, upper := s.box()
	project := func(u []float64) []float64 { return s.domain.projectBox(u, lower, upper) }
	tops, heights := make([][]float64, climbs), make([]float64, climbs)
	together(climbs, func(i int) {
		from := s.u[s.at]
		if i > 0 {
			from = starts[order[i-1]]
		}
		tops[i], heights[i] = ascend(func(u, gradient []float64) float64 {
			p := s.gp.PredictGradient(u)
			p.Variance *= s.wide
			floats.Scale(s.wide, p.VarianceGradient)
			return logImprovement(s.best, p, gradient)
		}, project, from, evaluations)
	})
	best, height := []float64(nil), math.Inf(-1)
	for i, top := range tops {
		if (best == nil || heights[i] > height) && !repeats(top, known) {
			best, height = top, heights[i]
		}
	}
	return best, height
}

// box returns the bounds of the search, in unit coordinates.
func (s *Surrogate) box() (lower, upper []float64) {
	// An incumbent whose ranks were rounded may lie beside the budget; the box is around the nearest point that does not.
	for _, c := range s.domain.project(slices.Clone(s.u[s.at])) {
		lower, upper = append(lower, math.Max(0, c-s.side)), append(upper, math.Min(1, c+s.side))
	}
	return lower, upper
}

// candidates are random points of the surface and points around the best five observed, at distances from a tenth to a thousandth, in turn.
func (s *Surrogate) candidates(rng *rand.Rand) [][]float64 {
	order := make([]int, len(s.u))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return compare(s.means[i], s.means[j]) })
	elite := order[:min(5, len(order))]
	out := make([][]float64, candidates)
	for k := range out {
		if k%2 == 0 {
			out[k] = s.domain.draw(rng)
			continue
		}
		u := slices.Clone(s.u[elite[rng.IntN(len(elite))]])
		size := math.Pow(10, -1-2*rng.Float64())
		for i := range u {
			u[i] += size * rng.NormFloat64()
		}
		out[k] = u
	}
	lower, upper := s.box()
	together(len(out), func(k int) {
		if k%2 == 0 {
			s.domain.project(out[k])
		}
		s.domain.projectBox(out[k], lower, upper)
	})
	return out
}

package bayesopt

import (
	"math"

	"gonum.org/v1/gonum/optimize"
	"gonum.org/v1/gonum/stat"
)

// posterior is the log density that a fit climbs, up to a constant, as a function of t: θ = lower + width/(1 + e⁻ᵗ). It keeps the highest point
// seen.
type posterior struct {
	evidence     *evidence
	beliefs      []Belief
	pool         float64
	lower, width []float64

	t, theta, gradient []float64 // where it was evaluated last, and the gradient with respect to t
	value              float64
	best               []float64 // θ
	top                float64
}

func newPosterior(e *evidence, beliefs []Belief, pool float64) *posterior {
	n := len(beliefs)
	p := &posterior{evidence: e, beliefs: beliefs, pool: pool, theta: make([]float64, n), gradient: make([]float64, n), best: make([]float64, n), top: math.Inf(-1)}
	for _, b := range beliefs {
		lower := math.Log(b.Lower)
		p.lower, p.width = append(p.lower, lower), append(p.width, math.Log(b.Upper)-lower)
	}
	return p
}

// from returns the t of a θ, moved off the bounds, where the slope of t is nothing.
func (p *posterior) from(theta []float64) []float64 {
	t := make([]float64, len(theta))
	for i := range t {
		if p.width[i] > 0 {
			q := clip((theta[i]-p.lower[i])/p.width[i], 1e-4, 1-1e-4)
			t[i] = math.Log(q / (1 - q))
		}
	}
	return t
}

// at evaluates value and gradient at t, unless it was the last time.
func (p *posterior) at(t []float64) {
	if p.t != nil && equal(t, p.t) {
		return
	}
	p.t = append(p.t[:0], t...)
	for i := range t {
		p.theta[i] = p.lower[i] + p.width[i]/(1+math.Exp(-t[i]))
	}
	p.value = p.evidence.at(p.theta, p.gradient) + p.priors()
	for i := range t {
		s := 1 / (1 + math.Exp(-t[i]))
		p.gradient[i] *= p.width[i] * s * (1 - s)
	}
	if p.value > p.top {
		p.top = p.value
		copy(p.best, p.theta)
	}
}

// priors returns the log prior at θ and adds its gradient.
func (p *posterior) priors() (sum float64) {
	lengths := 0
	if p.pool > 0 {
		lengths = len(p.beliefs) - 2 - len(p.evidence.grams)
		sum = pooled(p.beliefs[1], p.pool, p.theta[1:1+lengths], p.gradient[1:1+lengths])
	}
	for i, b := range p.beliefs {
		if i >= 1 && i <= lengths {
			continue
		}
		value, slope := b.logPrior(p.theta[i])
		sum += value
		p.gradient[i] += slope
	}
	return sum
}

// climb maximises evidence plus prior from one start and returns where it was highest, and how high.
func climb(p *posterior, start []float64, iterations int) ([]float64, float64) {
	t := p.from(start)
	p.at(t)
	problem := optimize.Problem{
		Func: func(t []float64) float64 { p.at(t); return -p.value },
		Grad: func(out, t []float64) {
			p.at(t)
			for i, g := range p.gradient {
				out[i] = -g
			}
		},
	}
	// The highest point is kept; how the climb ended does not matter.
	_, _ = optimize.Minimize(problem, t, &optimize.Settings{
		MajorIterations:   iterations,
		FuncEvaluations:   2 * iterations,
		GradientThreshold: 1e-5,
		Converger:         &optimize.FunctionConverge{Absolute: 1e-5, Iterations: 5},
	}, &optimize.LBFGS{})
	return p.best, p.top
}

func equal(a, b []float64) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// pooled returns the log prior of length scales that are believed alike, spread around their geometric mean, of which the belief tells; and
// adds its gradient.
func pooled(b Belief, spread float64, logs, gradient []float64) float64 {
	mean := stat.Mean(logs, nil)
	value, slope := b.logPrior(mean)
	for i, l := range logs {
		z := (l - mean) / spread
		value -= z * z / 2
		gradient[i] += slope/float64(len(logs)) - z/spread
	}
	return value
}

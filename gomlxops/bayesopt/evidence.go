package bayesopt

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// evidence evaluates the log marginal likelihood and its gradient for one set of observations and many hyperparameters:
//
//	log p(y|X) = −½ yᵀα − ½ log|K| − n/2 log 2π
//	∂/∂θ       = ½ tr((ααᵀ − K⁻¹) ∂K/∂θ)
//
// (Rasmussen and Williams, equations 2.30 and 5.9), θ the vector of Hyper.logs. Notation as in kernel.go.
type evidence struct {
	covariance Covariance
	x          [][]float64
	y          []float64
	grams      [][][]float64 // of each trend: φφᵀ, lower triangle by rows
	value      [][]float64   // k(r), lower triangle; scratch
	slope      [][]float64   // g(r), lower triangle; scratch
}

func newEvidence(c Covariance, x [][]float64, y []float64) *evidence {
	e := &evidence{covariance: c, x: x, y: y, value: triangle(len(x)), slope: triangle(len(x))}
	for _, trend := range c.Trends {
		gram, phi := triangle(len(x)), make([][]float64, len(x))
		for i, p := range x {
			phi[i] = trend.features(p)
			for j := range i + 1 {
				gram[i][j] = floats.Dot(phi[i], phi[j])
			}
		}
		e.grams = append(e.grams, gram)
	}
	return e
}

func triangle(n int) [][]float64 {
	rows := make([][]float64, n)
	for i := range rows {
		rows[i] = make([]float64, i+1)
	}
	return rows
}

// at returns the log likelihood at θ, −∞ where K is not positive definite, and writes the gradient unless it is nil.
func (e *evidence) at(theta, gradient []float64) float64 {
	h := hyperOf(theta, len(e.grams))
	scaled := make([][]float64, len(e.x))
	for i, p := range e.x {
		scaled[i] = h.scaled(p)
	}
	f, ok := e.factorise(h, scaled)
	if !ok {
		clear(gradient)
		return math.Inf(-1)
	}
	alpha := append([]float64(nil), e.y...)
	f.solveLower(alpha)
	f.solveUpper(alpha)
	if gradient != nil {
		e.gradient(gradient, h, scaled, alpha, f.inverse())
	}
	return -floats.Dot(e.y, alpha)/2 - f.logDet()/2 - float64(len(e.y))*logSqrt2Pi
}

func (e *evidence) factorise(h Hyper, scaled [][]float64) (f factor, ok bool) {
	row := make([]float64, len(scaled))
	for i := range scaled {
		for j := range i + 1 {
			e.value[i][j], e.slope[i][j] = e.covariance.Kernel.at(squaredDistance(scaled[i], scaled[j]))
			row[j] = h.Signal * e.value[i][j]
			for t, v := range h.Trends {
				row[j] += v * e.grams[t][i][j]
			}
		}
		row[i] += h.Noise
		if !f.append(row[:i+1]) {
			return f, false
		}
	}
	return f, true
}

func (e *evidence) gradient(out []float64, h Hyper, scaled [][]float64, alpha []float64, inverse [][]float64) {
	clear(out)
	lengths := out[1 : 1+len(h.Lengths)]
	trends := out[1+len(h.Lengths) : len(out)-1]
	for i := range scaled {
		for j := range i + 1 {
			a := alpha[i]*alpha[j] - inverse[i][j] // of the trace, the pairs off the diagonal count twice, halved once
			if i == j {
				a /= 2
				out[len(out)-1] += a * h.Noise
			}
			out[0] += a * h.Signal * e.value[i][j]
			for t, v := range h.Trends {
				trends[t] += a * v * e.grams[t][i][j]
			}
			stretch(lengths, a*h.Signal*e.slope[i][j], scaled[i], scaled[j])
		}
	}
}

// stretch adds a·Δ² to the gradient of each length scale, Δ the scaled difference of two points.
func stretch(lengths []float64, a float64, x, z []float64) {
	if len(lengths) == 1 {
		lengths[0] += a * squaredDistance(x, z)
		return
	}
	z, lengths = z[:len(x)], lengths[:len(x)]
	for i, v := range x {
		d := v - z[i]
		lengths[i] += a * d * d
	}
}

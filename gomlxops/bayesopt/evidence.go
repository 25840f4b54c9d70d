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
	squares    [][]float64   // r², lower triangle; scratch
	value      [][]float64   // k(r), lower triangle; scratch
	slope      [][]float64   // g(r), lower triangle; scratch
}

func newEvidence(c Covariance, x [][]float64, y []float64) *evidence {
	e := &evidence{covariance: c, x: x, y: y, squares: triangle(len(x)), value: triangle(len(x)), slope: triangle(len(x))}
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
	together(len(scaled), func(i int) {
		squaredDistances(e.squares[i], scaled[i], scaled)
		for j, r2 := range e.squares[i] {
			e.value[i][j], e.slope[i][j] = e.covariance.Kernel.at(r2)
		}
	})
	row := make([]float64, len(scaled))
	for i := range scaled {
		for j := range i + 1 {
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

// gradient overwrites the slopes. Every sum runs over pairs in one order, whatever the number of processors.
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
			e.slope[i][j] *= a * h.Signal
		}
	}
	if len(lengths) == 1 {
		for i, row := range e.slope {
			for j, a := range row {
				lengths[0] += a * e.squares[i][j]
			}
		}
		return
	}
	stretch(lengths, e.slope, scaled)
}

// stretch adds Σ a·Δ² over all pairs to the gradient of each length scale, Δ the difference of two scaled points. Five coordinates' sums run at once.
func stretch(lengths []float64, a, scaled [][]float64) {
	const wide = 5
	columns := make([][]float64, len(lengths))
	for k := range columns {
		columns[k] = make([]float64, len(scaled))
		for i, p := range scaled {
			columns[k][i] = p[k]
		}
	}
	together((len(lengths)+wide-1)/wide, func(part int) {
		from := part * wide
		if len(lengths)-from < wide {
			for k := from; k < len(lengths); k++ {
				lengths[k] = stretched(lengths[k], a, columns[k])
			}
			return
		}
		stretchFive((*[wide]float64)(lengths[from:]), a, (*[wide][]float64)(columns[from:]))
	})
}

func stretched(sum float64, a [][]float64, x []float64) float64 {
	for i, row := range a {
		for j, w := range row {
			d := x[i] - x[j]
			sum += w * d * d
		}
	}
	return sum
}

// stretchFive is stretched for five coordinates.
func stretchFive(sums *[5]float64, a [][]float64, x *[5][]float64) {
	s0, s1, s2, s3, s4 := sums[0], sums[1], sums[2], sums[3], sums[4]
	for i, row := range a {
		x0, x1, x2, x3, x4 := x[0][:i+1], x[1][:i+1], x[2][:i+1], x[3][:i+1], x[4][:i+1]
		v0, v1, v2, v3, v4 := x0[i], x1[i], x2[i], x3[i], x4[i]
		for j, w := range row[:i+1] {
			d0, d1, d2, d3, d4 := v0-x0[j], v1-x1[j], v2-x2[j], v3-x3[j], v4-x4[j]
			s0 += w * d0 * d0
			s1 += w * d1 * d1
			s2 += w * d2 * d2
			s3 += w * d3 * d3
			s4 += w * d4 * d4
		}
	}
	*sums = [5]float64{s0, s1, s2, s3, s4}
}

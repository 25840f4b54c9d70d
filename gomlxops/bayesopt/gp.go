package bayesopt

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
)

// GP is a Gaussian process of zero prior mean, conditioned on observed values: equation 4 of Bolaco (arXiv 2405.10616), with white noise
// η² on the values, plus trends. What [NewGP] factorises once, the other methods ask cheaply:
//
//	mean(x)     = kᵀ α
//	variance(x) = k(x,x) − kᵀ K⁻¹ k        of the latent function, without η²
//
// A GP may be asked from several goroutines at once, but not while [GP.Add] runs.
type GP struct {
	covariance Covariance
	hyper      Hyper
	x, scaled  [][]float64
	features   [][][]float64 // of each trend, of each point
	y          []float64
	factor     factor
	alpha      []float64

	// Jitter is what had to be added to the diagonal beside η² to make K positive definite: 0, but where points coincide and
	// the noise is next to nothing.
	Jitter float64
}

// NewGP conditions on y at the rows of x.
//
// Errors: numbers of the wrong length or sign, values that are not finite, a covariance that stays singular with a jitter of
// a thousandth of its diagonal. Cost n³/6 multiplications, and n²(d+…)/2 for the kernel.
func NewGP(c Covariance, h Hyper, x [][]float64, y []float64) (*GP, error) {
	if err := checkData(x, y); err != nil {
		return nil, err
	}
	if err := c.check(h, len(x[0])); err != nil {
		return nil, err
	}
	for _, jitter := range []float64{0, 1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-3} {
		g := &GP{covariance: c, hyper: h, Jitter: jitter * h.Signal, features: make([][][]float64, len(c.Trends))}
		done := true
		for _, p := range x {
			if done = g.extend(p); !done {
				break
			}
		}
		if done {
			g.SetValues(y)
			return g, nil
		}
	}
	return nil, fmt.Errorf("covariance of %d points: not positive definite, even with a thousandth of the signal variance %.3g on its diagonal", len(x), h.Signal)
}

func checkData(x [][]float64, y []float64) error {
	if len(x) == 0 || len(x) != len(y) {
		return fmt.Errorf("observations: expected as many points as values and at least one, found %d and %d", len(x), len(y))
	}
	for i, p := range x {
		if len(p) != len(x[0]) {
			return fmt.Errorf("observation %d: expected %d coordinates, found %d", i, len(x[0]), len(p))
		}
		for _, v := range append(p[:len(p):len(p)], y[i]) {
			if !finite(v) {
				return fmt.Errorf("observation %d: expected finite numbers, found %v", i, v)
			}
		}
	}
	return nil
}

// Add conditions on one more value, at the cost of n² multiplications, and gives the same bits as [NewGP] on all of them. It returns an
// error, and leaves the process as it is, where the covariance becomes singular.
func (g *GP) Add(x []float64, y float64) error {
	if len(g.x) > 0 && len(x) != len(g.x[0]) {
		return fmt.Errorf("observation: expected %d coordinates, found %d", len(g.x[0]), len(x))
	}
	if !g.extend(x) {
		return fmt.Errorf("observation %d: the covariance is no longer positive definite; the point repeats another, and the noise is too small", len(g.x))
	}
	g.SetValues(append(g.y[:len(g.y):len(g.y)], y))
	return nil
}

// extend adds a point to the factor.
func (g *GP) extend(x []float64) bool {
	s := g.hyper.scaled(x)
	phi := make([][]float64, len(g.covariance.Trends))
	for t, trend := range g.covariance.Trends {
		phi[t] = trend.features(x)
	}
	row := make([]float64, len(g.x)+1)
	g.against(row, s, phi)
	row[len(g.x)] = g.prior(phi) + g.hyper.Noise + g.Jitter
	if !g.factor.append(row) {
		return false
	}
	g.x, g.scaled = append(g.x, x), append(g.scaled, s)
	for t := range phi {
		g.features[t] = append(g.features[t], phi[t])
	}
	return true
}

// against writes the covariance of the latent function at a point with that at every observed one.
func (g *GP) against(row, scaled []float64, phi [][]float64) {
	squaredDistances(row[:len(g.scaled)], scaled, g.scaled)
	for j := range g.scaled {
		k, _ := g.covariance.Kernel.at(row[j])
		row[j] = g.hyper.Signal * k
		for t, v := range g.hyper.Trends {
			row[j] += v * floats.Dot(phi[t], g.features[t][j])
		}
	}
}

// prior returns the variance of the latent function before any value is seen.
func (g *GP) prior(phi [][]float64) float64 {
	sum := g.hyper.Signal
	for t, v := range g.hyper.Trends {
		sum += v * floats.Dot(phi[t], phi[t])
	}
	return sum
}

// SetValues replaces the observed values, of which there must be as many as points; it panics otherwise. Cost n².
func (g *GP) SetValues(y []float64) {
	if len(y) != len(g.factor.rows) {
		panic(fmt.Sprintf("bayesopt: %d values for %d points", len(y), len(g.factor.rows)))
	}
	g.y = y
	g.alpha = append(g.alpha[:0:0], y...)
	g.factor.solveLower(g.alpha)
	g.factor.solveUpper(g.alpha)
}

// Len returns how many values were observed.
func (g *GP) Len() int { return len(g.y) }

// Hyper returns the numbers of the covariance.
func (g *GP) Hyper() Hyper { return g.hyper }

// LogLikelihood returns the log marginal likelihood, −½ yᵀα − ½ log|K| − n/2 log 2π.
func (g *GP) LogLikelihood() float64 {
	return -floats.Dot(g.y, g.alpha)/2 - g.factor.logDet()/2 - float64(len(g.y))*logSqrt2Pi
}

// Predict returns mean and variance of the latent function at x; add Hyper().Noise to the variance for that of a measurement.
func (g *GP) Predict(x []float64) (mean, variance float64) {
	k, prior := g.row(x)
	mean = floats.Dot(k, g.alpha)
	g.factor.solveLower(k)
	return mean, math.Max(prior-floats.Dot(k, k), 0)
}

// mean is the first of what Predict returns, without the n² multiplications that the other takes.
func (g *GP) mean(x []float64) float64 {
	k, _ := g.row(x)
	return floats.Dot(k, g.alpha)
}

func (g *GP) row(x []float64) (k []float64, prior float64) {
	phi := make([][]float64, len(g.covariance.Trends))
	for t, trend := range g.covariance.Trends {
		phi[t] = trend.features(x)
	}
	k = make([]float64, len(g.y))
	g.against(k, g.hyper.scaled(x), phi)
	return k, g.prior(phi)
}

// Prediction is what a [GP] believes of the latent function at one point, with gradients with respect to the point.
type Prediction struct {
	Mean, Variance                 float64
	MeanGradient, VarianceGradient []float64
}

// PredictGradient is [GP.Predict] with gradients:
//
//	∇mean = (∂k/∂x)ᵀ α    ∇variance = ∂k(x,x)/∂x − 2 (∂k/∂x)ᵀ K⁻¹ k
func (g *GP) PredictGradient(x []float64) *Prediction {
	d, h := len(x), g.hyper
	scaled := h.scaled(x)
	trends := g.covariance.Trends
	phi, slopes := make([][]float64, len(trends)), make([][]float64, len(trends))
	for t, trend := range trends {
		phi[t], slopes[t] = trend.features(x), make([]float64, d)
		for i, v := range x {
			_, slopes[t][i] = trend.Feature(i, v)
		}
	}
	n := len(g.y)
	k, drop := make([]float64, n), make([]float64, n)
	squaredDistances(k, scaled, g.scaled)
	for j := range k {
		c, s := g.covariance.Kernel.at(k[j])
		k[j], drop[j] = h.Signal*c, h.Signal*s
		for t, v := range h.Trends {
			k[j] += v * floats.Dot(phi[t], g.features[t][j])
		}
	}
	p := &Prediction{Mean: floats.Dot(k, g.alpha), MeanGradient: make([]float64, d), VarianceGradient: make([]float64, d)}
	g.factor.solveLower(k)
	p.Variance = math.Max(g.prior(phi)-floats.Dot(k, k), 0)
	g.factor.solveUpper(k) // now K⁻¹ k
	for j, z := range g.scaled {
		a, b := g.alpha[j]*drop[j], k[j]*drop[j]
		for i, v := range scaled {
			step := v - z[i]
			p.MeanGradient[i] -= a * step
			p.VarianceGradient[i] += 2 * b * step
		}
	}
	for i := range d {
		p.MeanGradient[i] /= h.length(i)
		p.VarianceGradient[i] /= h.length(i)
	}
	for t, v := range h.Trends {
		g.trendGradient(p, trends[t], v, slopes[t], phi[t], g.features[t], k)
	}
	return p
}

// trendGradient adds what one trend of variance v contributes; solved is K⁻¹ k.
func (g *GP) trendGradient(p *Prediction, t Trend, v float64, slopes, phi []float64, features [][]float64, solved []float64) {
	mean, spread := make([]float64, len(phi)), make([]float64, len(phi))
	for j, f := range features {
		floats.AddScaled(mean, g.alpha[j], f)
		floats.AddScaled(spread, solved[j], f)
	}
	for i, slope := range slopes {
		at := t.at(i)
		p.MeanGradient[i] += v * slope * mean[at]
		p.VarianceGradient[i] += 2 * v * slope * (phi[at] - spread[at])
	}
}

// LeaveOneOut returns what the process predicts for each observed value from all the others, the noise included in the variance, in closed
// form from the diagonal of K⁻¹ (Rasmussen and Williams, equations 5.10 to 5.12). (y − mean)/√variance of a process that may be trusted
// looks standard normal.
func (g *GP) LeaveOneOut() (mean, variance []float64) {
	inverse := g.factor.inverse()
	mean, variance = make([]float64, len(g.y)), make([]float64, len(g.y))
	for i := range g.y {
		variance[i] = 1 / inverse[i][i]
		mean[i] = g.y[i] - g.alpha[i]*variance[i]
	}
	return mean, variance
}

// LogLikelihoodGradient returns the gradient of [GP.LogLikelihood] with respect to log σ², the logarithm of each length scale, of each
// trend's variance, and log η². Cost n³/2 multiplications.
func (g *GP) LogLikelihoodGradient() []float64 {
	theta := g.hyper.logs()
	out := make([]float64, len(theta))
	newEvidence(g.covariance, g.x, g.y).at(theta, out)
	return out
}

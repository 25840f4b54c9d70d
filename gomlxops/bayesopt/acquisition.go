package bayesopt

import "math"

// Notation of this file.
//
//	symbol  meaning
//	μ, s    mean and standard deviation of the latent function at a point
//	f*      the incumbent: the value to improve upon, downwards
//	z       (f* − μ − ξ) / s
//	φ, Φ    density and distribution of the standard normal
//	h(z)    φ(z) + z Φ(z), so that EI = s h(z)
//	t       −z, where z is negative
//	c(t)    1/(t + 2/(t + 3/(t + …)))

// ExpectedImprovement returns how much below best−xi a normal variable of the given mean and deviation lies on average:
//
//	EI = (best − mean − ξ) Φ(z) + s φ(z)
//
// which is equation 5 of Bolaco (arXiv 2405.10616) for minimisation. With deviation 0 it is max(best−mean−ξ, 0). It never is
// negative; in the far tail it keeps its digits until it underflows.
func ExpectedImprovement(best, mean, deviation, xi float64) float64 {
	if deviation <= 0 {
		return math.Max(best-mean-xi, 0)
	}
	return deviation * math.Exp(logH((best-mean-xi)/deviation))
}

// LogExpectedImprovement returns log EI, finite and with its digits where EI itself has long underflowed; −∞ where deviation is
// 0 and there is nothing to gain.
//
// For z above −2 it is the logarithm of the sum. Below, φ(z) and z Φ(z) cancel, and Laplace's continued fraction of Mills'
// ratio, (1−Φ(t))/φ(t) = 1/(t + c(t)), gives h(z) = φ(z) c/(t + c) without a difference. The two agree at the seam to 10⁻¹⁴. The
// purpose is that of Ament et al., Unexpected improvements to expected improvement (NeurIPS 2023, arXiv 2310.20708), whose equation 9
// uses erfcx instead, which Go lacks.
func LogExpectedImprovement(best, mean, deviation, xi float64) float64 {
	if deviation <= 0 {
		return math.Log(math.Max(best-mean-xi, 0))
	}
	return math.Log(deviation) + logH((best-mean-xi)/deviation)
}

// seam is where logH changes its form: above, the sum still has all but one digit; below, the fraction needs few terms.
const seam = -2

// logH returns log h(z).
func logH(z float64) float64 {
	if z > seam {
		return math.Log(density(z) + z*distribution(z))
	}
	t := -z
	c := mills(t)
	return -t*t/2 - logSqrt2Pi + math.Log(c) - math.Log(t+c)
}

// slopeH returns d log h / dz = Φ(z)/h(z), which is 1/c(t) in the tail.
func slopeH(z float64) float64 {
	if z > seam {
		p := distribution(z)
		return p / (density(z) + z*p)
	}
	return 1 / mills(-z)
}

// mills returns c(t), t ≥ 2, from a number of terms that brings it to rounding: 160 at t = 2, 25 at t = 10, 20 far out.
func mills(t float64) float64 {
	terms := 20 + int(560/(t*t))
	tail := t
	for k := terms; k >= 2; k-- {
		tail = t + float64(k)/tail
	}
	return 1 / tail
}

var logSqrt2Pi = math.Log(2*math.Pi) / 2

func density(z float64) float64      { return math.Exp(-z*z/2 - logSqrt2Pi) }
func distribution(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }

// logImprovement returns log EI and writes its gradient with respect to the point, given a prediction with gradients.
func logImprovement(best float64, p *Prediction, gradient []float64) float64 {
	s := math.Sqrt(p.Variance)
	if s <= 0 {
		clear(gradient)
		if gain := best - p.Mean; gain > 0 {
			for i := range gradient {
				gradient[i] = -p.MeanGradient[i] / gain
			}
			return math.Log(gain)
		}
		return math.Inf(-1)
	}
	z := (best - p.Mean) / s
	slope := slopeH(z)
	for i := range gradient {
		ds := p.VarianceGradient[i] / (2 * s)
		gradient[i] = ds/s + slope*(-p.MeanGradient[i]-z*ds)/s
	}
	return math.Log(s) + logH(z)
}

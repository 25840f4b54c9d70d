package bayesopt

import (
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/interp"
	"gonum.org/v1/gonum/stat"
)

// curve is a free variable's Curve in unit coordinates, smooth and monotone wherever its knots are, constant beyond them.
type curve struct {
	fit    interp.FritschButland
	lo, hi float64
	centre float64 // subtracted
	scale  float64 // multiplied
}

func (c *curve) at(u float64) (value, slope float64) {
	if c == nil || c.scale == 0 {
		return 0, 0
	}
	p := clip(u, c.lo, c.hi)
	value = (c.fit.Predict(p) - c.centre) * c.scale
	if u >= c.lo && u <= c.hi {
		slope = c.fit.PredictDerivative(p) * c.scale
	}
	return value, slope
}

// newCurves returns a curve for each free variable, nil where no variable has one. Together they are scaled so that their sum has deviation 1
// over random points of the space, and each is centred there.
func newCurves(d *domain) []curve {
	out, any := make([]curve, d.dim()), false
	for k, i := range d.free {
		v := d.space.Variables[i]
		if len(v.Curve) == 0 {
			continue
		}
		any = true
		xs, ys := make([]float64, len(v.Curve)), make([]float64, len(v.Curve))
		for j, knot := range v.Curve {
			xs[j], ys[j] = (knot.X-v.Lower)/(v.Upper-v.Lower), knot.Cost
		}
		c := &out[k]
		if c.fit.Fit(xs, ys) == nil {
			c.lo, c.hi, c.scale = xs[0], xs[len(xs)-1], 1
		}
	}
	if !any {
		return nil
	}
	d.normalise(out)
	return out
}

func (d *domain) normalise(curves []curve) {
	const samples = 256
	rng := newRand(0, 0xc04e)
	sums := make([]float64, samples)
	means := make([]float64, len(curves))
	for s := range samples {
		for i, u := range d.random(rng) {
			f, _ := curves[i].at(u)
			sums[s] += f
			means[i] += f / samples
		}
	}
	scale := stat.StdDev(sums, nil)
	if !(scale > 1e-300*math.Max(1, floats.Norm(means, math.Inf(1)))) {
		scale = math.Inf(1) // curves that say nothing are left out
	}
	for i := range curves {
		curves[i].centre = means[i]
		curves[i].scale /= scale
	}
}

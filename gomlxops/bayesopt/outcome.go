package bayesopt

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// outcome maps measured values to those that a Gaussian process is fitted to, and back.
//
// Compression has walls: an allocation that starves one group is worse by orders of magnitude, and a squared error would see nothing else.
// So a value y becomes z = (y − median)/spread, spread the distance from the median to the lower quartile, and z above 1 becomes 1 + log z:
// the good side stays as it is, and order is kept. Then mean and deviation are brought to 0 and 1.
type outcome struct {
	median, spread  float64
	mean, deviation float64
	plain           bool // without compression
}

// newOutcome learns the map from finite values, of which there must be one.
func newOutcome(y []float64) outcome {
	sorted := slices.Sorted(slices.Values(y))
	o := outcome{median: medianOf(y), deviation: 1}
	o.spread = o.median - stat.Quantile(0.25, stat.LinInterp, sorted, nil)
	if !(o.spread > 1e-12*math.Abs(o.median)) {
		o.spread = stat.StdDev(y, nil)
	}
	if !(o.spread > 1e-12*math.Abs(o.median)) {
		o.spread = math.Max(math.Abs(o.median), 1e-300)
	}
	z := make([]float64, len(y))
	for i, v := range y {
		z[i] = o.compress(v)
	}
	o.mean = stat.Mean(z, nil)
	if s := stat.StdDev(z, nil); s > 1e-12 {
		o.deviation = s
	}
	return o
}

func (o outcome) compress(y float64) float64 {
	z := (y - o.median) / o.spread
	if z > 1 && !o.plain {
		return 1 + math.Log(z)
	}
	return z
}

// to maps a measured value.
func (o outcome) to(y float64) float64 { return (o.compress(y) - o.mean) / o.deviation }

// from maps a mean and a deviation back; the deviation by the slope of the map at the mean.
func (o outcome) from(mean, deviation float64) (float64, float64) {
	z, slope := mean*o.deviation+o.mean, o.spread*o.deviation
	if z > 1 && !o.plain {
		z = math.Exp(z - 1)
		slope *= z
	}
	return o.median + o.spread*z, slope * deviation
}

// plainOutcome only brings mean and deviation to 0 and 1.
func plainOutcome(y []float64) outcome {
	o := outcome{spread: 1, mean: stat.Mean(y, nil), deviation: 1, plain: true}
	if s := stat.StdDev(y, nil); s > 0 {
		o.deviation = s
	}
	return o
}

// all maps every value.
func (o outcome) all(y []float64) []float64 {
	z := make([]float64, len(y))
	for i, v := range y {
		z[i] = o.to(v)
	}
	return z
}

package covariance

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/parelab/pare/gomlxops/transformer"
)

// The slow, obvious twins of this package's arithmetic, all in float64 from the rows themselves.

// rows makes n rows of d numbers with correlated channels and means far from zero that drift, so that groups differ.
func rows(rng *rand.Rand, n, d int) [][]float64 {
	x := make([][]float64, n)
	for t := range x {
		x[t] = make([]float64, d)
		common := rng.NormFloat64()
		for i := range x[t] {
			x[t][i] = float64(i%5-2) + 0.01*float64(t) + common + rng.NormFloat64()*float64(i+1)/float64(d)
		}
	}
	return x
}

func twinMean(x [][]float64) []float64 {
	mean := make([]float64, len(x[0]))
	for _, row := range x {
		for i, v := range row {
			mean[i] += v / float64(len(x))
		}
	}
	return mean
}

// twinScatter returns Σ (x − c)(x − c)ᵀ in full.
func twinScatter(x [][]float64, c []float64) []float64 {
	d := len(c)
	s := make([]float64, d*d)
	for _, row := range x {
		for i := range d {
			for j := range d {
				s[i*d+j] += (row[i] - c[i]) * (row[j] - c[j])
			}
		}
	}
	return s
}

func scaled(a []float64, f float64) []float64 {
	out := make([]float64, len(a))
	for i, v := range a {
		out[i] = f * v
	}
	return out
}

func twinSCM(x [][]float64) []float64 {
	return scaled(twinScatter(x, twinMean(x)), 1/float64(len(x)-1))
}

// twinPCM is the arithmetic mean of the groups' own covariances.
func twinPCM(x [][]float64, groups int) []float64 {
	size := len(x) / groups
	sum := make([]float64, len(x[0])*len(x[0]))
	for k := range groups {
		for i, v := range twinSCM(x[k*size : (k+1)*size]) {
			sum[i] += v / float64(groups)
		}
	}
	return sum
}

// twinBatch is what the graph returns for x, in float32.
func twinBatch(x [][]float64) batch {
	b := batch{count: len(x)}
	d := len(x[0])
	abs := make([]float64, d)
	for _, row := range x {
		for i, v := range row {
			abs[i] += math.Abs(v) / float64(len(x))
		}
	}
	c := make([]float64, d)
	exact := twinMean(x)
	for i := range d {
		b.mean = append(b.mean, float32(exact[i]))
		c[i] = float64(b.mean[i])
		b.residual = append(b.residual, float32(exact[i]-c[i]))
		b.absMean = append(b.absMean, float32(abs[i]))
	}
	for _, v := range twinScatter(x, c) {
		b.scatter = append(b.scatter, float32(v))
	}
	return b
}

// gather feeds rows to a Stats in batches that never cross groups.
func gather(x [][]float64, groups, batchRows int) *Stats {
	s := newStats(0, transformer.MLPIn, len(x[0]), groups)
	size := len(x) / groups
	for k := range groups {
		for from := 0; from < size; from += batchRows {
			s.add(k, twinBatch(x[k*size+from:k*size+min(from+batchRows, size)]))
		}
	}
	return s
}

// apart returns the largest difference relative to the largest entry of want.
func apart(t *testing.T, got, want []float64) float64 {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	scale, worst := 0.0, 0.0
	for i, w := range want {
		scale = max(scale, math.Abs(w))
		worst = max(worst, math.Abs(got[i]-w))
		if math.IsNaN(got[i]) {
			t.Fatalf("entry %d is NaN", i)
		}
	}
	if scale == 0 {
		return worst
	}
	return worst / scale
}

func expect(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if d := apart(t, got, want); d > tolerance {
		t.Errorf("%s: differs by %.2g of the largest, allowed %.0g", what, d, tolerance)
	}
}

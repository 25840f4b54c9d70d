package linalg

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestLoopsMatchTheirScalarTwins runs every length around the widths of the vectors, in each width that this machine has.
func TestLoopsMatchTheirScalarTwins(t *testing.T) {
	checked := 0
	eachWidth(t, func(width string) {
		rng := rand.New(rand.NewPCG(4, 4))
		for n := range 70 {
			x, y, p := gaussian(rng, n), gaussian(rng, n), gaussian(rng, n)
			r := [4][]float64{gaussian(rng, n), gaussian(rng, n), gaussian(rng, n), gaussian(rng, n)}
			c := [4]float64(gaussian(rng, 4))
			near := func(what string, got, want []float64) {
				t.Helper()
				if d := worst(t, got, want, 1); d > 1e-12 {
					t.Errorf("%s, length %d: %s differs by %.1e", width, n, what, d)
				}
				checked++
			}
			near("dot", []float64{dot(x, y)}, []float64{dotScalar(x, y)})
			a, b := clone(y), clone(y)
			axpy(1.5, x, a)
			axpyScalar(1.5, x, b)
			near("axpy", a, b)
			d, e := dots(&r, x), dotsScalar(r[0], r[1], r[2], r[3], x)
			near("dots", d[:], e[:])
			a, b = clone(y), clone(y)
			axpys(&c, &r, a)
			axpysScalar(&c, r[0], r[1], r[2], r[3], b)
			near("axpys", a, b)
			a, b = clone(y), clone(y)
			d, e = symvQuad(&r, x, &c, a), symvQuadScalar(r[0], r[1], r[2], r[3], x, &c, b)
			near("symvQuad's products", d[:], e[:])
			near("symvQuad's sum", a, b)
			for i := range p {
				p[i] = 10 + math.Abs(p[i])
			}
			a, b = make([]float64, n), make([]float64, n)
			scaleTo(a, x, 1.5)
			scaleToScalar(b, x, 1.5)
			near("scaleTo", a, b)
			quotients(a, x, p)
			quotientsScalar(b, x, p)
			near("quotients", a, b)
			a, b = clone(y), clone(y)
			timesRatios(a, x, p, 0.5)
			timesRatiosScalar(b, x, p, 0.5)
			near("timesRatios", a, b)
			s, ds := poleSums(x, p, 0.5)
			s2, ds2 := poleSumsScalar(x, p, 0.5)
			near("poleSums", []float64{s, ds}, []float64{s2, ds2})
		}
	})
	if checked == 0 {
		t.Fatal("nothing checked")
	}
}

func clone(x []float64) []float64 { return append([]float64(nil), x...) }

package linalg

import (
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
)

// plainProduct is C + α A B, entry by entry.
func plainProduct(c view, alpha float64, a, b view) []float64 {
	at := func(v view, i, j int) float64 { return v.data[i*v.down+j*v.right] }
	out := make([]float64, 0, c.m*c.n)
	for i := range c.m {
		for j := range c.n {
			sum := 0.0
			for t := range a.n {
				sum += at(a, i, t) * at(b, t, j)
			}
			out = append(out, at(c, i, j)+alpha*sum)
		}
	}
	return out
}

// randomView is an m×n block inside a larger random matrix, or the transpose of one.
func randomView(rng *rand.Rand, m, n int) view {
	turn := rng.IntN(2) == 1
	if turn {
		m, n = n, m
	}
	above, left, right := rng.IntN(3), rng.IntN(3), rng.IntN(3)
	v := dense(gaussian(rng, (above+m)*(left+n+right)), above+m, left+n+right).block(above, above+m, left, left+n)
	if turn {
		return v.t()
	}
	return v
}

// TestProductsMatchTheirPlainTwin draws shapes around the tiles' and packDepth, blocks and transposes, and halves, in each width.
func TestProductsMatchTheirPlainTwin(t *testing.T) {
	checked := 0
	eachWidth(t, func(width string) {
		rng := rand.New(rand.NewPCG(14, 15))
		for round := range 120 {
			m, n, k := rng.IntN(60), rng.IntN(100), rng.IntN(40)
			if round%20 == 0 {
				k = packDepth - 1 + rng.IntN(3)
			}
			if round%30 == 0 {
				m, n = 100+rng.IntN(100), 150+rng.IntN(100)
			}
			keep := []half{whole, upperHalf, lowerHalf}[rng.IntN(3)]
			if keep != whole {
				n = m
			}
			alpha := []float64{1, -1, 0.75}[rng.IntN(3)]
			a, b := randomView(rng, m, k), randomView(rng, k, n)
			c := dense(gaussian(rng, m*(n+5)), m, n+5).block(0, m, 2, n+2)
			before := clone(c.data)
			want := plainProduct(c, alpha, a, b)
			addProduct(c, keep, alpha, a, b)
			for i := range m {
				for j := range n + 3 {
					got := at(c.data, i*c.down+j)
					switch {
					case j >= n: // beside the view
						if i*c.down+j < len(before) && got != before[i*c.down+j] {
							t.Fatalf("%s: %d×%d×%d: entry %d,%d beside C was written", width, m, k, n, i, j)
						}
					case keep == upperHalf && j < i, keep == lowerHalf && j > i:
					default:
						if d := math.Abs(got - want[i*n+j]); !(d <= 1e-13*float64(k+1)) {
							t.Fatalf("%s: %d×%d×%d, half %d: entry %d,%d differs by %.1e", width, m, k, n, keep, i, j, d)
						}
						checked++
					}
				}
			}
		}
	})
	if checked == 0 {
		t.Fatal("nothing checked")
	}
}

func at(data []float64, i int) float64 {
	if i < len(data) {
		return data[i]
	}
	return 0
}

func TestTilesMatchTheirScalarTwin(t *testing.T) {
	checked := 0
	eachWidth(t, func(width string) {
		rng := rand.New(rand.NewPCG(16, 17))
		for _, depth := range []int{1, 2, 3, 17, packDepth} {
			const stride = tileCols + 3
			a, b, c := gaussian(rng, depth*tileRows), gaussian(rng, depth*tileCols), gaussian(rng, tileRows*stride)
			want := clone(c)
			addTile(a, b, depth, c, stride)
			addTileScalar(a, b, depth, want, stride)
			if d := worst(t, c, want, 1); d > 1e-13*float64(depth+10) {
				t.Errorf("%s, depth %d: tile differs by %.1e", width, depth, d)
			}
			checked++
		}
	})
	if checked == 0 {
		t.Fatal("nothing checked")
	}
}

// TestProductsHaveTheSameBitsOnAnyProcessors is what makes the solver's results the same.
func TestProductsHaveTheSameBitsOnAnyProcessors(t *testing.T) {
	rng := rand.New(rand.NewPCG(18, 19))
	const m, k, n = 211, 405, 330
	a, b := gaussian(rng, m*k), gaussian(rng, k*n)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	want := product(dense(a, m, k), dense(b, k, n))
	for _, processors := range []int{2, 3, 5} {
		runtime.GOMAXPROCS(processors)
		for i, v := range product(dense(a, m, k), dense(b, k, n)) {
			if v != want[i] {
				t.Fatalf("%d processors: entry %d is %v, with one %v", processors, i, v, want[i])
			}
		}
	}
}

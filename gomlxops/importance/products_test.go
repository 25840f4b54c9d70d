package importance

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/parelab/pare/gomlxops"
)

func randomCall(seed uint64, sequences, length, in, out int) call {
	rng := rand.New(rand.NewPCG(seed, 1))
	c := call{sequences: sequences, length: length, in: in, out: out}
	for range sequences * length * in {
		c.x = append(c.x, float32(rng.NormFloat64()))
	}
	for range sequences * length * out {
		c.dy = append(c.dy, float32(rng.NormFloat64()))
	}
	return c
}

// weightGradients is the obvious twin of products.each: dW of each sequence in float64.
func weightGradients(c call) [][]float64 {
	all := make([][]float64, c.sequences)
	for s := range all {
		all[s] = make([]float64, c.out*c.in)
		for t := s * c.length; t < (s+1)*c.length; t++ {
			for i := range c.out {
				for j := range c.in {
					all[s][i*c.in+j] += float64(c.dy[t*c.out+i]) * float64(c.x[t*c.in+j])
				}
			}
		}
	}
	return all
}

func TestProducts(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	b, err := gomlxops.Backend()
	if err != nil {
		t.Fatal(err)
	}
	p, err := newProducts(b)
	if err != nil {
		t.Fatal(err)
	}
	before := pieceSize
	defer func() { pieceSize = before }()
	for _, size := range []int{before, 100, 1} {
		pieceSize = size
		for _, dims := range [][4]int{{3, 5, 7, 11}, {1, 40, 33, 70}, {2, 1, 1, 1}, {4, 3, 20, 2}} {
			c := randomCall(seed, dims[0], dims[1], dims[2], dims[3])
			want, at := weightGradients(c), make([]int, pieces(c.out, c.in))
			values := 0
			err := p.each(c, func(piece, lo, hi int, dw []float32) {
				s := at[piece]
				at[piece]++
				for i, v := range dw {
					if d := math.Abs(float64(v) - want[s][lo*c.in+i]); !(d < 1e-5) {
						t.Errorf("%v, sequence %d, rows from %d: off by %g at %d", dims, s, lo, d, i)
					}
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			for i, n := range at {
				values += n * (c.out*(i+1)/len(at) - c.out*i/len(at)) * c.in
			}
			if values != c.sequences*c.out*c.in {
				t.Errorf("%v in pieces of %d: %d values", dims, size, values)
			}
		}
	}
}

// BenchmarkProducts measures dW of the MLP of a model of 1.1 billion weights and of a small one, with the sums of Taylor scores.
func BenchmarkProducts(b *testing.B) {
	backend, err := gomlxops.Backend()
	if err != nil {
		b.Fatal(err)
	}
	p, err := newProducts(backend)
	if err != nil {
		b.Fatal(err)
	}
	before := pieceSize
	defer func() { pieceSize = before }()
	for _, dims := range [][4]int{{4, 256, 2048, 5632}, {4, 256, 5632, 2048}, {4, 256, 256, 640}, {16, 64, 2048, 5632}} {
		c := randomCall(1, dims[0], dims[1], dims[2], dims[3])
		for _, size := range []int{1 << 18, 1 << 20, 1 << 21, 1 << 22, 1 << 24} {
			if size>>3 > c.in*c.out {
				continue
			}
			b.Run(fmt.Sprintf("%v/%d", dims, size), func(b *testing.B) {
				pieceSize = size
				acc := newSquares(c.out, c.in)
				for b.Loop() {
					if err := p.each(c, acc.add); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(2*float64(c.sequences*c.length)*float64(c.in*c.out)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GF/s")
			})
		}
	}
}

package matvec

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/parelab/pare/gomlxops"
)

var dtypes = []string{"F32", "BF16", "F16"}

// someBytes are n finite numbers of the dtype, at an odd address, with subnormal ones among them, and their values.
func someBytes(rng *rand.Rand, dtype string, n int) ([]byte, []float64) {
	size := sizes[dtype]
	data, values := make([]byte, 1+n*size)[1:], make([]float64, n)
	for i := range values {
		at := data[i*size:]
		switch bits := rng.Uint32(); dtype {
		case "F32":
			binary.LittleEndian.PutUint32(at, math.Float32bits(float32(rng.NormFloat64())))
			values[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(at)))
		case "BF16":
			binary.LittleEndian.PutUint16(at, uint16(math.Float32bits(float32(rng.NormFloat64()))>>16))
			values[i] = float64(math.Float32frombits(uint32(binary.LittleEndian.Uint16(at)) << 16))
		case "F16":
			bits &= 0xbfff // below 2
			binary.LittleEndian.PutUint16(at, uint16(bits))
			values[i] = halfTwin(bits)
		}
	}
	return data, values
}

// halfTwin is the definition of binary16.
func halfTwin(bits uint32) float64 {
	exponent, mantissa := int(bits>>10&31), float64(bits&1023)
	v := math.Ldexp(1024+mantissa, exponent-25)
	if exponent == 0 {
		v = math.Ldexp(mantissa, -24)
	}
	if bits&0x8000 != 0 {
		return -v
	}
	return v
}

// Both products against float64, for every dtype, widths that fill vectors and that do not, strides, and any number of workers.
func TestProducts(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	checked := 0
	for _, dtype := range dtypes {
		for _, s := range []struct{ rows, cols, stride int }{{1, 1, 1}, {3, 7, 9}, {5, 8, 8}, {4, 31, 40}, {33, 64, 64}, {7, 103, 103}, {700, 301, 333}} {
			runtime.GOMAXPROCS(1 + rng.IntN(4))
			data, values := someBytes(rng, dtype, s.rows*s.stride)
			m := Matrix{dtype, s.rows, s.cols, s.stride, data[:((s.rows-1)*s.stride+s.cols)*sizes[dtype]]}
			if err := m.Check(); err != nil {
				t.Fatal(err)
			}
			x, xT := gauss(rng, s.cols), gauss(rng, s.rows)
			y, yT := gauss(rng, s.rows), gauss(rng, s.cols)
			m.Times(y, x)
			m.TransposedTimes(yT, xT)
			want, wantT := make([]float64, s.rows), make([]float64, s.cols)
			for r := range s.rows {
				for c := range s.cols {
					v := values[r*s.stride+c]
					want[r] += v * float64(x[c])
					wantT[c] += v * float64(xT[r])
				}
			}
			checked += near(t, dtype, y, want) + near(t, dtype+" transposed", yT, wantT)
		}
	}
	if checked == 0 {
		t.Error("nothing was checked")
	}
}

func gauss(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// near compares to a part in 10⁵ of the largest number: float32 keeps seven digits, sums of hundreds of terms lose one.
func near(t *testing.T, what string, got []float32, want []float64) int {
	t.Helper()
	most := 0.0
	for _, v := range want {
		most = max(most, math.Abs(v))
	}
	for i, v := range want {
		if !(math.Abs(float64(got[i])-v) <= 1e-5*most+1e-12) {
			t.Errorf("%s of %d: number %d is %v, want %v", what, len(want), i, got[i], v)
			return 1
		}
	}
	return len(want)
}

// Every half is widened exactly, by the vectors too: a dot product with a unit vector.
func TestEveryHalf(t *testing.T) {
	row, x := make([]byte, 16), make([]float32, 8)
	for bits := range uint32(1 << 16) {
		if bits>>10&31 == 31 {
			continue // not finite
		}
		lane := int(bits % 8)
		clear(row)
		clear(x)
		binary.LittleEndian.PutUint16(row[2*lane:], uint16(bits))
		x[lane] = 1
		if got := dots["F16"](row, x); float64(got) != halfTwin(bits) {
			t.Fatalf("half %#x is %v, want %v", bits, got, halfTwin(bits))
		}
	}
}

func TestCheck(t *testing.T) {
	good := Matrix{"BF16", 3, 4, 5, make([]byte, 28)}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for _, m := range []Matrix{{"I8", 1, 1, 1, make([]byte, 9)}, {"F32", 2, 4, 3, make([]byte, 99)}, {"BF16", 3, 4, 5, make([]byte, 27)}} {
		if m.Check() == nil {
			t.Errorf("%+v passed", m)
		}
	}
}

// BenchmarkTimes is the product of a step: bytes a second are those of the matrix. "graph" is the same product by the backend.
func BenchmarkTimes(b *testing.B) {
	const n = 2048
	x, y := make([]float32, n), make([]float32, n)
	for _, dtype := range dtypes {
		m := Matrix{dtype, n, n, n, make([]byte, n*n*sizes[dtype])}
		for name, product := range map[string]func(y, x []float32){"": m.Times, "/transposed": m.TransposedTimes} {
			b.Run(dtype+name, func(b *testing.B) {
				b.SetBytes(int64(len(m.Data)))
				for b.Loop() {
					product(y, x)
				}
			})
		}
	}
	b.Run("F32/graph", func(b *testing.B) {
		backend, err := gomlxops.Backend()
		if err != nil {
			b.Fatal(err)
		}
		exec := graph.MustNewExec(backend, func(x, m *graph.Node) *graph.Node {
			return graph.DotGeneral(x, []int{1}, nil, m, []int{1}, nil)
		})
		xs, m := tensors.FromFlatDataAndDimensions(x, 1, n), tensors.FromFlatDataAndDimensions(make([]float32, n*n), n, n)
		b.SetBytes(4 * n * n)
		for b.Loop() {
			if _, err := exec.Call(xs, m); err != nil {
				b.Fatal(err)
			}
		}
	})
}

//go:build goexperiment.simd && amd64

package covariance

import "simd/archsimd"

// What this machine has; asked at run time, because a binary travels.
var (
	wide   = archsimd.X86.AVX512()
	medium = archsimd.X86.AVX2() && archsimd.X86.FMA()
)

// As in linalg, the loops call ClearAVXUpperBits before their first scalar operation: Go 1.27 encodes those as SSE, which is
// slow while the upper halves of the registers are in use (golang/go#80835). For the same reason zeros are made before any other vector.

// sums does what sumsScalar does, for at most sumRows rows.
func sums(x []float32, stride, width, n int, sum, abs *[panelWidth]float64) {
	if !medium || width < panelWidth {
		sumsScalar(x, stride, width, n, sum, abs)
		return
	}
	var t halves
	sums8(x, stride, n, &t)
	t.addTo(sum, abs)
}

// halves are float32 sums of 16 columns in two halves, then those of magnitudes.
type halves [4][8]float32

func (t *halves) addTo(sum, abs *[panelWidth]float64) {
	for i := range panelWidth {
		sum[i] += float64(t[i/8][i%8])
		abs[i] += float64(t[2+i/8][i%8])
	}
}

func sums8(x []float32, stride, rows int, t *halves) {
	s0 := archsimd.BroadcastFloat32x8(0)
	s1, m0, m1 := s0, s0, s0
	for i := range rows {
		row := x[i*stride:]
		v0, v1 := archsimd.LoadFloat32x8(row), archsimd.LoadFloat32x8(row[8:])
		s0, s1 = s0.Add(v0), s1.Add(v1)
		m0, m1 = m0.Add(v0.Abs()), m1.Add(v1.Abs())
	}
	s0.StoreArray(&t[0])
	s1.StoreArray(&t[1])
	m0.StoreArray(&t[2])
	m1.StoreArray(&t[3])
	archsimd.ClearAVXUpperBits()
}

// subtract does what subtractScalar does, for at most sumRows rows.
func subtract(dst, x []float32, stride, width int, c *[panelWidth]float32, rest, abs *[panelWidth]float64) {
	if !medium || width < panelWidth {
		subtractScalar(dst, x, stride, width, c, rest, abs)
		return
	}
	var t halves
	subtract8(dst, x, stride, c, &t)
	t.addTo(rest, abs)
}

func subtract8(dst, x []float32, stride int, c *[panelWidth]float32, t *halves) {
	s0 := archsimd.BroadcastFloat32x8(0)
	s1, m0, m1 := s0, s0, s0
	c0, c1 := archsimd.LoadFloat32x8(c[:8]), archsimd.LoadFloat32x8(c[8:])
	for at := 0; len(dst) >= panelWidth; at += stride {
		row := x[at:]
		v0, v1 := archsimd.LoadFloat32x8(row), archsimd.LoadFloat32x8(row[8:])
		m0, m1 = m0.Add(v0.Abs()), m1.Add(v1.Abs())
		v0, v1 = v0.Sub(c0), v1.Sub(c1)
		v0.Store(dst)
		v1.Store(dst[8:])
		s0, s1 = s0.Add(v0), s1.Add(v1)
		dst = dst[panelWidth:]
	}
	s0.StoreArray(&t[0])
	s1.StoreArray(&t[1])
	m0.StoreArray(&t[2])
	m1.StoreArray(&t[3])
	archsimd.ClearAVXUpperBits()
}

func addThree(row []float64, x []float32, a float64, u []float64, b float64, v []float64) {
	switch {
	case wide && len(row) >= 8:
		addThree8(row, x, a, u, b, v)
	case medium && len(row) >= 4:
		addThree4(row, x, a, u, b, v)
	default:
		addThreeScalar(row, x, a, u, b, v)
	}
}

func addThree8(row []float64, x []float32, a float64, u []float64, b float64, v []float64) {
	i, n := 0, len(row)
	x, u, v = x[:n], u[:n], v[:n]
	va, vb := archsimd.BroadcastFloat64x8(a), archsimd.BroadcastFloat64x8(b)
	for ; i+8 <= n; i += 8 {
		s := archsimd.LoadFloat64x8(u[i:]).MulAdd(va, archsimd.LoadFloat32x8(x[i:]).ConvertToFloat64())
		s = archsimd.LoadFloat64x8(v[i:]).MulAdd(vb, s)
		s.Add(archsimd.LoadFloat64x8(row[i:])).Store(row[i:])
	}
	archsimd.ClearAVXUpperBits()
	addThreeScalar(row[i:], x[i:], a, u[i:], b, v[i:])
}

func addThree4(row []float64, x []float32, a float64, u []float64, b float64, v []float64) {
	i, n := 0, len(row)
	x, u, v = x[:n], u[:n], v[:n]
	va, vb := archsimd.BroadcastFloat64x4(a), archsimd.BroadcastFloat64x4(b)
	for ; i+4 <= n; i += 4 {
		s := archsimd.LoadFloat64x4(u[i:]).MulAdd(va, archsimd.LoadFloat32x4(x[i:]).ConvertToFloat64())
		s = archsimd.LoadFloat64x4(v[i:]).MulAdd(vb, s)
		s.Add(archsimd.LoadFloat64x4(row[i:])).Store(row[i:])
	}
	archsimd.ClearAVXUpperBits()
	addThreeScalar(row[i:], x[i:], a, u[i:], b, v[i:])
}

//go:build goexperiment.simd && amd64

package covariance

import "simd/archsimd"

// What this machine has; asked at run time, because a binary travels.
var (
	wide   = archsimd.X86.AVX512()
	medium = archsimd.X86.AVX2() && archsimd.X86.FMA()
)

// As in linalg, the loops call ClearAVXUpperBits before their first scalar operation: Go 1.27 encodes those as SSE, which is
// slow while the upper halves of the registers are in use (golang/go#80835).

// sumRows bounds the float32 sums of columns. Their error does no harm to the scatter: the residual makes it good.
const sumRows = 128

func columnSums(x []float32, stride, width int, sum, abs *[panelWidth]float64) {
	if !medium || width < panelWidth {
		columnSumsScalar(x, stride, width, sum, abs)
		return
	}
	for len(x) >= width {
		rows := min(sumRows, (len(x)-width)/stride+1)
		var t [4][8]float32
		columnSums8(x, stride, rows, &t)
		for i := range panelWidth {
			sum[i] += float64(t[i/8][i%8])
			abs[i] += float64(t[2+i/8][i%8])
		}
		x = x[min(rows*stride, len(x)):]
	}
}

// columnSums8 sums 16 columns in two halves, then their magnitudes.
func columnSums8(x []float32, stride, rows int, t *[4][8]float32) {
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

func subtract(dst, x []float32, stride, width int, c *[panelWidth]float32, sum *[panelWidth]float64) {
	if !medium || width < panelWidth {
		subtractScalar(dst, x, stride, width, c, sum)
		return
	}
	for len(dst) > 0 {
		rows := min(sumRows, len(dst)/panelWidth)
		var t [2][8]float32
		subtract8(dst[:rows*panelWidth], x, stride, c, &t)
		for i := range panelWidth {
			sum[i] += float64(t[i/8][i%8])
		}
		dst, x = dst[rows*panelWidth:], x[min(rows*stride, len(x)):]
	}
}

func subtract8(dst, x []float32, stride int, c *[panelWidth]float32, t *[2][8]float32) {
	c0, c1 := archsimd.LoadFloat32x8(c[:8]), archsimd.LoadFloat32x8(c[8:])
	s0 := archsimd.BroadcastFloat32x8(0)
	s1 := s0
	for at := 0; len(dst) >= panelWidth; at += stride {
		row := x[at:]
		v0, v1 := archsimd.LoadFloat32x8(row).Sub(c0), archsimd.LoadFloat32x8(row[8:]).Sub(c1)
		v0.Store(dst)
		v1.Store(dst[8:])
		s0, s1 = s0.Add(v0), s1.Add(v1)
		dst = dst[panelWidth:]
	}
	s0.StoreArray(&t[0])
	s1.StoreArray(&t[1])
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

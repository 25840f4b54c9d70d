//go:build goexperiment.simd && amd64

package linalg

import "simd/archsimd"

// The widest vectors that this machine has; asked at run time, because a binary travels.
var (
	wide   = archsimd.X86.AVX512()
	medium = archsimd.X86.AVX2() && archsimd.X86.FMA()
)

// The loops below call ClearAVXUpperBits before their first scalar operation: Go 1.27 encodes those as SSE, which is slow
// while the upper halves of the registers are in use (golang/go#80835). That is why sums go through memory, and why a vector of zeros,
// which is made by such an operation, comes before all others: a third of a microsecond otherwise.

// dot returns Σ x_i y_i; y is at least as long as x.
func dot(x, y []float64) float64 {
	y = y[:len(x)]
	switch {
	case wide && len(x) >= 16:
		return dot8(x, y)
	case medium && len(x) >= 8:
		return dot4(x, y)
	}
	return dotScalar(x, y)
}

// axpy adds a·x to y, which is at least as long.
func axpy(a float64, x, y []float64) {
	y = y[:len(x)]
	switch {
	case wide && len(x) >= 16:
		axpy8(a, x, y)
	case medium && len(x) >= 8:
		axpy4(a, x, y)
	default:
		axpyScalar(a, x, y)
	}
}

func dot8(x, y []float64) float64 {
	i, n := 0, len(x)
	a0 := archsimd.BroadcastFloat64x8(0)
	a1, a2, a3 := a0, a0, a0
	for ; i+32 <= n; i += 32 {
		a0 = archsimd.LoadFloat64x8(x[i:]).MulAdd(archsimd.LoadFloat64x8(y[i:]), a0)
		a1 = archsimd.LoadFloat64x8(x[i+8:]).MulAdd(archsimd.LoadFloat64x8(y[i+8:]), a1)
		a2 = archsimd.LoadFloat64x8(x[i+16:]).MulAdd(archsimd.LoadFloat64x8(y[i+16:]), a2)
		a3 = archsimd.LoadFloat64x8(x[i+24:]).MulAdd(archsimd.LoadFloat64x8(y[i+24:]), a3)
	}
	for ; i+8 <= n; i += 8 {
		a0 = archsimd.LoadFloat64x8(x[i:]).MulAdd(archsimd.LoadFloat64x8(y[i:]), a0)
	}
	var t [8]float64
	a0.Add(a1).Add(a2.Add(a3)).StoreArray(&t)
	archsimd.ClearAVXUpperBits()
	return sum8(&t) + dotScalar(x[i:], y[i:])
}

func axpy8(a float64, x, y []float64) {
	i, n := 0, len(x)
	va := archsimd.BroadcastFloat64x8(a)
	for ; i+16 <= n; i += 16 {
		archsimd.LoadFloat64x8(x[i:]).MulAdd(va, archsimd.LoadFloat64x8(y[i:])).Store(y[i:])
		archsimd.LoadFloat64x8(x[i+8:]).MulAdd(va, archsimd.LoadFloat64x8(y[i+8:])).Store(y[i+8:])
	}
	archsimd.ClearAVXUpperBits()
	axpyScalar(a, x[i:], y[i:])
}

func dot4(x, y []float64) float64 {
	i, n := 0, len(x)
	a0 := archsimd.BroadcastFloat64x4(0)
	a1, a2, a3 := a0, a0, a0
	for ; i+16 <= n; i += 16 {
		a0 = archsimd.LoadFloat64x4(x[i:]).MulAdd(archsimd.LoadFloat64x4(y[i:]), a0)
		a1 = archsimd.LoadFloat64x4(x[i+4:]).MulAdd(archsimd.LoadFloat64x4(y[i+4:]), a1)
		a2 = archsimd.LoadFloat64x4(x[i+8:]).MulAdd(archsimd.LoadFloat64x4(y[i+8:]), a2)
		a3 = archsimd.LoadFloat64x4(x[i+12:]).MulAdd(archsimd.LoadFloat64x4(y[i+12:]), a3)
	}
	var t [4]float64
	a0.Add(a1).Add(a2.Add(a3)).StoreArray(&t)
	archsimd.ClearAVXUpperBits()
	return sum4(&t) + dotScalar(x[i:], y[i:])
}

func axpy4(a float64, x, y []float64) {
	i, n := 0, len(x)
	va := archsimd.BroadcastFloat64x4(a)
	for ; i+8 <= n; i += 8 {
		archsimd.LoadFloat64x4(x[i:]).MulAdd(va, archsimd.LoadFloat64x4(y[i:])).Store(y[i:])
		archsimd.LoadFloat64x4(x[i+4:]).MulAdd(va, archsimd.LoadFloat64x4(y[i+4:])).Store(y[i+4:])
	}
	archsimd.ClearAVXUpperBits()
	axpyScalar(a, x[i:], y[i:])
}

func sum8(t *[8]float64) float64 {
	return ((t[0] + t[1]) + (t[2] + t[3])) + ((t[4] + t[5]) + (t[6] + t[7]))
}

func sum4(t *[4]float64) float64 { return (t[0] + t[1]) + (t[2] + t[3]) }

// quotients sets x to a/b; a and b are at least as long.
func quotients(x, a, b []float64) {
	a, b = a[:len(x)], b[:len(x)]
	i := 0
	switch {
	case wide:
		for ; i+8 <= len(x); i += 8 {
			archsimd.LoadFloat64x8(a[i:]).Div(archsimd.LoadFloat64x8(b[i:])).Store(x[i:])
		}
		archsimd.ClearAVXUpperBits()
	case medium:
		for ; i+4 <= len(x); i += 4 {
			archsimd.LoadFloat64x4(a[i:]).Div(archsimd.LoadFloat64x4(b[i:])).Store(x[i:])
		}
		archsimd.ClearAVXUpperBits()
	}
	quotientsScalar(x[i:], a[i:], b[i:])
}

// timesRatios multiplies p by x/(d − e); x and d are at least as long.
func timesRatios(p, x, d []float64, e float64) {
	x, d = x[:len(p)], d[:len(p)]
	i := 0
	switch {
	case wide:
		v := archsimd.BroadcastFloat64x8(e)
		for ; i+8 <= len(p); i += 8 {
			t := archsimd.LoadFloat64x8(x[i:]).Div(archsimd.LoadFloat64x8(d[i:]).Sub(v))
			t.Mul(archsimd.LoadFloat64x8(p[i:])).Store(p[i:])
		}
		archsimd.ClearAVXUpperBits()
	case medium:
		v := archsimd.BroadcastFloat64x4(e)
		for ; i+4 <= len(p); i += 4 {
			t := archsimd.LoadFloat64x4(x[i:]).Div(archsimd.LoadFloat64x4(d[i:]).Sub(v))
			t.Mul(archsimd.LoadFloat64x4(p[i:])).Store(p[i:])
		}
		archsimd.ClearAVXUpperBits()
	}
	timesRatiosScalar(p[i:], x[i:], d[i:], e)
}

// scaleTo sets dst to a·x; x is at least as long.
func scaleTo(dst, x []float64, a float64) {
	x = x[:len(dst)]
	i := 0
	switch {
	case wide:
		v := archsimd.BroadcastFloat64x8(a)
		for ; i+8 <= len(dst); i += 8 {
			archsimd.LoadFloat64x8(x[i:]).Mul(v).Store(dst[i:])
		}
		archsimd.ClearAVXUpperBits()
	case medium:
		v := archsimd.BroadcastFloat64x4(a)
		for ; i+4 <= len(dst); i += 4 {
			archsimd.LoadFloat64x4(x[i:]).Mul(v).Store(dst[i:])
		}
		archsimd.ClearAVXUpperBits()
	}
	scaleToScalar(dst[i:], x[i:], a)
}

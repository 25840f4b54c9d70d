//go:build goexperiment.simd && amd64

package linalg

import "simd/archsimd"

// Loops over several vectors at once; dot_simd.go says what they rely on. n is the length of the vector that is common.

// dots returns the products r_k·v.
func dots(r *[4][]float64, v []float64) [4]float64 {
	switch {
	case wide && len(v) >= 8:
		return dots8(r[0], r[1], r[2], r[3], v)
	case medium && len(v) >= 4:
		return dots4(r[0], r[1], r[2], r[3], v)
	}
	return dotsScalar(r[0], r[1], r[2], r[3], v)
}

// axpys adds c_0 r_0 + … + c_3 r_3 to y.
func axpys(c *[4]float64, r *[4][]float64, y []float64) {
	switch {
	case wide && len(y) >= 8:
		axpys8(c, r[0], r[1], r[2], r[3], y)
	case medium && len(y) >= 4:
		axpys4(c, r[0], r[1], r[2], r[3], y)
	default:
		axpysScalar(c, r[0], r[1], r[2], r[3], y)
	}
}

func dots8(r0, r1, r2, r3, v []float64) [4]float64 {
	n := len(v)
	r0, r1, r2, r3 = r0[:n], r1[:n], r2[:n], r3[:n]
	d0 := archsimd.BroadcastFloat64x8(0)
	d1, d2, d3 := d0, d0, d0
	i := 0
	for ; i+8 <= n; i += 8 {
		x := archsimd.LoadFloat64x8(v[i:])
		d0 = archsimd.LoadFloat64x8(r0[i:]).MulAdd(x, d0)
		d1 = archsimd.LoadFloat64x8(r1[i:]).MulAdd(x, d1)
		d2 = archsimd.LoadFloat64x8(r2[i:]).MulAdd(x, d2)
		d3 = archsimd.LoadFloat64x8(r3[i:]).MulAdd(x, d3)
	}
	var t [4][8]float64
	d0.StoreArray(&t[0])
	d1.StoreArray(&t[1])
	d2.StoreArray(&t[2])
	d3.StoreArray(&t[3])
	archsimd.ClearAVXUpperBits()
	d := dotsScalar(r0[i:], r1[i:], r2[i:], r3[i:], v[i:])
	for k := range d {
		d[k] += sum8(&t[k])
	}
	return d
}

func axpys8(c *[4]float64, r0, r1, r2, r3, y []float64) {
	n := len(y)
	r0, r1, r2, r3 = r0[:n], r1[:n], r2[:n], r3[:n]
	c0, c1, c2, c3 := archsimd.BroadcastFloat64x8(c[0]), archsimd.BroadcastFloat64x8(c[1]), archsimd.BroadcastFloat64x8(c[2]), archsimd.BroadcastFloat64x8(c[3])
	i := 0
	for ; i+8 <= n; i += 8 {
		s := archsimd.LoadFloat64x8(r0[i:]).MulAdd(c0, archsimd.LoadFloat64x8(y[i:]))
		t := archsimd.LoadFloat64x8(r1[i:]).Mul(c1)
		s = archsimd.LoadFloat64x8(r2[i:]).MulAdd(c2, s)
		t = archsimd.LoadFloat64x8(r3[i:]).MulAdd(c3, t)
		s.Add(t).Store(y[i:])
	}
	archsimd.ClearAVXUpperBits()
	axpysScalar(c, r0[i:], r1[i:], r2[i:], r3[i:], y[i:])
}

func dots4(r0, r1, r2, r3, v []float64) [4]float64 {
	n := len(v)
	r0, r1, r2, r3 = r0[:n], r1[:n], r2[:n], r3[:n]
	d0 := archsimd.BroadcastFloat64x4(0)
	d1, d2, d3 := d0, d0, d0
	i := 0
	for ; i+4 <= n; i += 4 {
		x := archsimd.LoadFloat64x4(v[i:])
		d0 = archsimd.LoadFloat64x4(r0[i:]).MulAdd(x, d0)
		d1 = archsimd.LoadFloat64x4(r1[i:]).MulAdd(x, d1)
		d2 = archsimd.LoadFloat64x4(r2[i:]).MulAdd(x, d2)
		d3 = archsimd.LoadFloat64x4(r3[i:]).MulAdd(x, d3)
	}
	var t [4][4]float64
	d0.StoreArray(&t[0])
	d1.StoreArray(&t[1])
	d2.StoreArray(&t[2])
	d3.StoreArray(&t[3])
	archsimd.ClearAVXUpperBits()
	d := dotsScalar(r0[i:], r1[i:], r2[i:], r3[i:], v[i:])
	for k := range d {
		d[k] += sum4(&t[k])
	}
	return d
}

func axpys4(c *[4]float64, r0, r1, r2, r3, y []float64) {
	n := len(y)
	r0, r1, r2, r3 = r0[:n], r1[:n], r2[:n], r3[:n]
	c0, c1, c2, c3 := archsimd.BroadcastFloat64x4(c[0]), archsimd.BroadcastFloat64x4(c[1]), archsimd.BroadcastFloat64x4(c[2]), archsimd.BroadcastFloat64x4(c[3])
	i := 0
	for ; i+4 <= n; i += 4 {
		s := archsimd.LoadFloat64x4(r0[i:]).MulAdd(c0, archsimd.LoadFloat64x4(y[i:]))
		t := archsimd.LoadFloat64x4(r1[i:]).Mul(c1)
		s = archsimd.LoadFloat64x4(r2[i:]).MulAdd(c2, s)
		t = archsimd.LoadFloat64x4(r3[i:]).MulAdd(c3, t)
		s.Add(t).Store(y[i:])
	}
	archsimd.ClearAVXUpperBits()
	axpysScalar(c, r0[i:], r1[i:], r2[i:], r3[i:], y[i:])
}

// symvQuad4 is symvQuad in AVX2.
func symvQuad4(r0, r1, r2, r3, v []float64, c *[4]float64, sum []float64) [4]float64 {
	n := len(v)
	r0, r1, r2, r3, sum = r0[:n], r1[:n], r2[:n], r3[:n], sum[:n]
	d0 := archsimd.BroadcastFloat64x4(0)
	d1, d2, d3 := d0, d0, d0
	c0, c1, c2, c3 := archsimd.BroadcastFloat64x4(c[0]), archsimd.BroadcastFloat64x4(c[1]), archsimd.BroadcastFloat64x4(c[2]), archsimd.BroadcastFloat64x4(c[3])
	i := 0
	for ; i+4 <= n; i += 4 {
		x, y := archsimd.LoadFloat64x4(v[i:]), archsimd.LoadFloat64x4(sum[i:])
		a := archsimd.LoadFloat64x4(r0[i:])
		d0, y = a.MulAdd(x, d0), a.MulAdd(c0, y)
		a = archsimd.LoadFloat64x4(r1[i:])
		d1, y = a.MulAdd(x, d1), a.MulAdd(c1, y)
		a = archsimd.LoadFloat64x4(r2[i:])
		d2, y = a.MulAdd(x, d2), a.MulAdd(c2, y)
		a = archsimd.LoadFloat64x4(r3[i:])
		d3, y = a.MulAdd(x, d3), a.MulAdd(c3, y)
		y.Store(sum[i:])
	}
	var t [4][4]float64
	d0.StoreArray(&t[0])
	d1.StoreArray(&t[1])
	d2.StoreArray(&t[2])
	d3.StoreArray(&t[3])
	archsimd.ClearAVXUpperBits()
	d := symvQuadScalar(r0[i:], r1[i:], r2[i:], r3[i:], v[i:], c, sum[i:])
	for k := range d {
		d[k] += sum4(&t[k])
	}
	return d
}

// poleSums returns Σ z²/(p−μ) and Σ (z/(p−μ))².
func poleSums(z, p []float64, mu float64) (sum, derivative float64) {
	p = p[:len(z)]
	switch {
	case wide && len(z) >= 16:
		return poleSums8(z, p, mu)
	case medium && len(z) >= 8:
		return poleSums4(z, p, mu)
	}
	return poleSumsScalar(z, p, mu)
}

func poleSums8(z, p []float64, mu float64) (sum, derivative float64) {
	s := archsimd.BroadcastFloat64x8(0)
	m := archsimd.BroadcastFloat64x8(mu)
	d, i := s, 0
	for ; i+8 <= len(z); i += 8 {
		x := archsimd.LoadFloat64x8(z[i:])
		t := x.Div(archsimd.LoadFloat64x8(p[i:]).Sub(m))
		s, d = x.MulAdd(t, s), t.MulAdd(t, d)
	}
	var ts, td [8]float64
	s.StoreArray(&ts)
	d.StoreArray(&td)
	archsimd.ClearAVXUpperBits()
	sum, derivative = poleSumsScalar(z[i:], p[i:], mu)
	return sum + sum8(&ts), derivative + sum8(&td)
}

func poleSums4(z, p []float64, mu float64) (sum, derivative float64) {
	s := archsimd.BroadcastFloat64x4(0)
	m := archsimd.BroadcastFloat64x4(mu)
	d, i := s, 0
	for ; i+4 <= len(z); i += 4 {
		x := archsimd.LoadFloat64x4(z[i:])
		t := x.Div(archsimd.LoadFloat64x4(p[i:]).Sub(m))
		s, d = x.MulAdd(t, s), t.MulAdd(t, d)
	}
	var ts, td [4]float64
	s.StoreArray(&ts)
	d.StoreArray(&td)
	archsimd.ClearAVXUpperBits()
	sum, derivative = poleSumsScalar(z[i:], p[i:], mu)
	return sum + sum4(&ts), derivative + sum4(&td)
}

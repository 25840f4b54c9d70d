package linalg

// The loops of dot_simd.go and quad_simd.go in plain Go: for other machines, for short vectors, and as their twin in tests.

func dotScalar(x, y []float64) float64 {
	y = y[:len(x)]
	s := 0.0
	for i, v := range x {
		s += v * y[i]
	}
	return s
}

func axpyScalar(a float64, x, y []float64) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] += a * v
	}
}

func dotsScalar(r0, r1, r2, r3, v []float64) (d [4]float64) {
	n := len(v)
	r0, r1, r2, r3 = r0[:n], r1[:n], r2[:n], r3[:n]
	for i, x := range v {
		d[0] += r0[i] * x
		d[1] += r1[i] * x
		d[2] += r2[i] * x
		d[3] += r3[i] * x
	}
	return d
}

func axpysScalar(c *[4]float64, r0, r1, r2, r3, y []float64) {
	n := len(y)
	r0, r1, r2, r3 = r0[:n], r1[:n], r2[:n], r3[:n]
	for i := range y {
		y[i] += c[0]*r0[i] + c[1]*r1[i] + c[2]*r2[i] + c[3]*r3[i]
	}
}

func symvQuadScalar(r0, r1, r2, r3, v []float64, c *[4]float64, sum []float64) (d [4]float64) {
	n := len(v)
	r0, r1, r2, r3, sum = r0[:n], r1[:n], r2[:n], r3[:n], sum[:n]
	for i, x := range v {
		d[0] += r0[i] * x
		d[1] += r1[i] * x
		d[2] += r2[i] * x
		d[3] += r3[i] * x
		sum[i] += c[0]*r0[i] + c[1]*r1[i] + c[2]*r2[i] + c[3]*r3[i]
	}
	return d
}

func poleSumsScalar(z, p []float64, mu float64) (sum, derivative float64) {
	p = p[:len(z)]
	for i, v := range z {
		t := v / (p[i] - mu)
		sum += v * t
		derivative += t * t
	}
	return sum, derivative
}

func quotientsScalar(x, a, b []float64) {
	a, b = a[:len(x)], b[:len(x)]
	for i := range x {
		x[i] = a[i] / b[i]
	}
}

func timesRatiosScalar(p, x, d []float64, e float64) {
	x, d = x[:len(p)], d[:len(p)]
	for i := range p {
		p[i] *= x[i] / (d[i] - e)
	}
}

func scaleToScalar(dst, x []float64, a float64) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = a * x[i]
	}
}

package linalg

// The loops of dot_simd.go in plain Go: for other machines, for short vectors, and as their twin in tests.

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

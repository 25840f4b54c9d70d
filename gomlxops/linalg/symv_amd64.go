//go:build goexperiment.simd

package linalg

// symvQuad adds c_0 r_0 + … + c_3 r_3 to sum and returns the products r_k·v, in one reading of the four rows. Half the time of the
// reduction to tridiagonal form passes here; in assembly it is twice as fast as in Go, which checks bounds at every turn.
func symvQuad(r *[4][]float64, v []float64, c *[4]float64, sum []float64) (d [4]float64) {
	n := len(v)
	switch {
	case wide && n > 0:
		_, _, _, _, _ = r[0][n-1], r[1][n-1], r[2][n-1], r[3][n-1], sum[n-1]
		symvQuad8(r, &v[0], &sum[0], n, c, &d)
		return d
	case medium && n >= 4:
		return symvQuad4(r[0], r[1], r[2], r[3], v, c, sum)
	}
	return symvQuadScalar(r[0], r[1], r[2], r[3], v, c, sum)
}

// symvQuad8 takes n ≥ 1. It needs AVX-512.
//
//go:noescape
func symvQuad8(r *[4][]float64, v, sum *float64, n int, c, d *[4]float64)

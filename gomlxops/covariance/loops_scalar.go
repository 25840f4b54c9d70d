package covariance

// The loops of loops_simd.go and tile_amd64.s in plain Go: for other machines, for what no vector fills, and as their twin in tests.

// sumsScalar adds to sum and abs the numbers and magnitudes of the first width columns of n rows, which are stride apart.
func sumsScalar(x []float32, stride, width, n int, sum, abs *[panelWidth]float64) {
	for t := range n {
		for i, v := range x[t*stride : t*stride+width] {
			sum[i] += float64(v)
			abs[i] += float64(max(v, -v))
		}
	}
}

// subtractScalar writes x − c to dst, rows of a panel, and adds its columns to rest and the magnitudes of x to abs.
func subtractScalar(dst, x []float32, stride, width int, c *[panelWidth]float32, rest, abs *[panelWidth]float64) {
	for ; len(dst) >= panelWidth; dst, x = dst[panelWidth:], x[min(stride, len(x)):] {
		clear(dst[width:panelWidth])
		for i, v := range x[:width] {
			dst[i] = v - c[i]
			rest[i] += float64(dst[i])
			abs[i] += float64(max(v, -v))
		}
	}
}

// multiplyScalar adds to rows of tile Σ a_t b_tᵀ over n tokens: 8 numbers from each row of panel a, times all of as many panels
// b as are across, step numbers apart.
func multiplyScalar(a, b []float32, step, n, across int, tile *[tileRows * tileStride]float32) {
	for k := range tileRows {
		for p := range across {
			var sum [panelWidth]float32
			from := b[p*step:]
			for t := range n {
				v, row := a[t*panelWidth+k], from[t*panelWidth:(t+1)*panelWidth]
				for i := range sum {
					sum[i] += v * row[i]
				}
			}
			for i, v := range sum {
				tile[k*tileStride+p*panelWidth+i] += v
			}
		}
	}
}

// addThreeScalar adds x + a·u + b·v to row, which is at most as long as any.
func addThreeScalar(row []float64, x []float32, a float64, u []float64, b float64, v []float64) {
	x, u, v = x[:len(row)], u[:len(row)], v[:len(row)]
	for i := range row {
		row[i] += float64(x[i]) + a*u[i] + b*v[i]
	}
}

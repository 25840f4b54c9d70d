package covariance

// The loops of loops_simd.go and tile_amd64.s in plain Go: for other machines, for what no vector fills, and as their twin in tests.

// columnSumsScalar adds to sum and abs the numbers and magnitudes of the first width columns of x, whose rows are stride apart.
func columnSumsScalar(x []float32, stride, width int, sum, abs *[panelWidth]float64) {
	for ; len(x) >= width; x = x[min(stride, len(x)):] {
		for i, v := range x[:width] {
			sum[i] += float64(v)
			abs[i] += float64(max(v, -v))
		}
	}
}

// subtractScalar writes x − c to dst, a panel, and adds its columns to sum.
func subtractScalar(dst, x []float32, stride, width int, c *[panelWidth]float32, sum *[panelWidth]float64) {
	for ; len(dst) >= panelWidth; dst, x = dst[panelWidth:], x[min(stride, len(x)):] {
		clear(dst[width:panelWidth])
		for i, v := range x[:width] {
			dst[i] = v - c[i]
			sum[i] += float64(dst[i])
		}
	}
}

// multiplyScalar sets rows of tile to Σ a_t b_tᵀ over n tokens: 8 numbers from each row of panel a, times all of as many panels
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
			copy(tile[k*tileStride+p*panelWidth:], sum[:])
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

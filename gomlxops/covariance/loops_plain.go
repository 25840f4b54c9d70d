//go:build !(goexperiment.simd && amd64)

package covariance

func sums(x []float32, stride, width, n int, sum, abs *[panelWidth]float64) {
	sumsScalar(x, stride, width, n, sum, abs)
}

func subtract(dst, x []float32, stride, width int, c *[panelWidth]float32, rest, abs *[panelWidth]float64) {
	subtractScalar(dst, x, stride, width, c, rest, abs)
}

func multiply(a, b []float32, step, n, across int, tile *[tileRows * tileStride]float32) {
	multiplyScalar(a, b, step, n, across, tile)
}

func addThree(row []float64, x []float32, a float64, u []float64, b float64, v []float64) {
	addThreeScalar(row, x, a, u, b, v)
}

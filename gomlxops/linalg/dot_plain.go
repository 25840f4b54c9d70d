//go:build !(goexperiment.simd && amd64)

package linalg

func dot(x, y []float64) float64 { return dotScalar(x, y) }

func axpy(a float64, x, y []float64) { axpyScalar(a, x, y) }

func symvQuad(r *[4][]float64, v []float64, c *[4]float64, sum []float64) [4]float64 {
	return symvQuadScalar(r[0], r[1], r[2], r[3], v, c, sum)
}

func poleSums(z, p []float64, mu float64) (sum, derivative float64) { return poleSumsScalar(z, p, mu) }

func dots(r *[4][]float64, v []float64) [4]float64 { return dotsScalar(r[0], r[1], r[2], r[3], v) }

func axpys(c *[4]float64, r *[4][]float64, y []float64) { axpysScalar(c, r[0], r[1], r[2], r[3], y) }

func addTile(a, b []float64, depth int, c []float64, stride int) {
	addTileScalar(a, b, depth, c, stride)
}

func quotients(x, a, b []float64) { quotientsScalar(x, a, b) }

func timesRatios(p, x, d []float64, e float64) { timesRatiosScalar(p, x, d, e) }

func scaleTo(dst, x []float64, a float64) { scaleToScalar(dst, x, a) }

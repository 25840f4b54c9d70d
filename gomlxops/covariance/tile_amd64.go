//go:build goexperiment.simd

package covariance

// The tiles are in assembly, the only loops of pare that are: they need 24 sums in registers and an operand from memory that is
// spread over a vector, while Go 1.27 keeps at most 15 vectors from one turn of a loop to the next and spreads through a
// register. Of seven shapes written in Go the best ran at half the speed.

// multiply does what multiplyScalar does: it adds to tile.
func multiply(a, b []float32, step, n, across int, tile *[tileRows * tileStride]float32) {
	_, _ = a[(n-1)*panelWidth+tileRows-1], b[(across-1)*step+n*panelWidth-1]
	switch {
	case wide && across == 3:
		tile8x48(&a[0], &b[0], step, n, tile)
	case wide && across == 2:
		tile8x32(&a[0], &b[0], step, n, tile)
	case wide:
		tile8x16(&a[0], &b[0], n, tile)
	case medium:
		for p := range across {
			for k := 0; k < tileRows; k += 4 {
				tile4x16(&a[k], &b[p*step], n, &tile[k*tileStride+p*panelWidth])
			}
		}
	default:
		multiplyScalar(a, b, step, n, across, tile)
	}
}

// tile8x48 and its like take n ≥ 1 rows, 16 numbers apart, of a and of 3, 2 and 1 panels b. They need AVX-512.
//
//go:noescape
func tile8x48(a, b *float32, step, n int, tile *[tileRows * tileStride]float32)

//go:noescape
func tile8x32(a, b *float32, step, n int, tile *[tileRows * tileStride]float32)

//go:noescape
func tile8x16(a, b *float32, n int, tile *[tileRows * tileStride]float32)

// tile4x16 computes four rows by 16 columns of a tile. It needs AVX2 and FMA.
//
//go:noescape
func tile4x16(a, b *float32, n int, tile *float32)

//go:build goexperiment.simd

package linalg

// The tiles of products are in assembly: they need 24 sums in registers, while Go 1.27 keeps at most 15 vectors from one turn of a loop to the
// next. Everything else here is Go.

// addTile does what addTileScalar does.
func addTile(a, b []float64, depth int, c []float64, stride int) {
	_, _, _ = a[depth*tileRows-1], b[depth*tileCols-1], c[(tileRows-1)*stride+tileCols-1]
	switch {
	case wide:
		tile8x24(&a[0], &b[0], depth, &c[0], stride)
	case medium:
		for i := 0; i < tileRows; i += 4 {
			for j := 0; j < tileCols; j += 12 {
				tile4x12(&a[i], &b[j], depth, &c[i*stride+j], stride)
			}
		}
	default:
		addTileScalar(a, b, depth, c, stride)
	}
}

// tile8x24 takes depth ≥ 1. It needs AVX-512.
//
//go:noescape
func tile8x24(a, b *float64, depth int, c *float64, stride int)

// tile4x12 computes four rows by 12 columns of a tile. It needs AVX2 and FMA.
//
//go:noescape
func tile4x12(a, b *float64, depth int, c *float64, stride int)

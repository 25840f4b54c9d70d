package linalg

// addTileScalar adds Σ_t a_t b_tᵀ to the 8×24 tile c, whose rows are stride apart: a is [depth][8], b is [depth][24]. Four columns of
// two rows at a time stay in registers.
func addTileScalar(a, b []float64, depth int, c []float64, stride int) {
	for i := 0; i < tileRows; i += 2 {
		for j := 0; j < tileCols; j += 4 {
			var s0, s1, s2, s3, t0, t1, t2, t3 float64
			for t := range depth {
				x, y := a[t*tileRows+i], a[t*tileRows+i+1]
				row := b[t*tileCols+j : t*tileCols+j+4 : t*tileCols+j+4]
				s0, s1, s2, s3 = s0+x*row[0], s1+x*row[1], s2+x*row[2], s3+x*row[3]
				t0, t1, t2, t3 = t0+y*row[0], t1+y*row[1], t2+y*row[2], t3+y*row[3]
			}
			top, bottom := c[i*stride+j:i*stride+j+4], c[(i+1)*stride+j:(i+1)*stride+j+4]
			top[0], top[1], top[2], top[3] = top[0]+s0, top[1]+s1, top[2]+s2, top[3]+s3
			bottom[0], bottom[1], bottom[2], bottom[3] = bottom[0]+t0, bottom[1]+t1, bottom[2]+t2, bottom[3]+t3
		}
	}
}

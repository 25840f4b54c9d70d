package linalg

// backWidth is how many reflectors are applied by one pair of products: wider than [panelWidth], because here nothing waits for single
// columns.
const backWidth = 128

// eigh reduces a to tridiagonal form, solves that, and turns its vectors back. The tridiagonal matrix is negated, so that
// the ascending order of [conquer] becomes the descending order that is wanted.
func (blocked) eigh(a []float64, n int) (values, vectors []float64) {
	r := tridiagonalise(a, n)
	for i := range r.d {
		r.d[i] = -r.d[i]
	}
	for i := range r.e {
		r.e[i] = -r.e[i]
	}
	z := a // its content is no longer needed
	clear(z)
	conquer(r.d, r.e, z, n)
	r.applyQ(z)
	for i := range r.d {
		r.d[i] = -r.d[i]
	}
	return r.d, z
}

// applyQ replaces z (n×n) by Q z, blocks of reflectors in the compact form I − Vᵀ S V (V by rows, S upper triangular).
//
// Schreiber and Van Loan, SIAM J. Sci. Stat. Comput. 10 (1989) 53. Cost 2n³ operations, all in products.
func (r *reduction) applyQ(z []float64) {
	n := r.n
	for j0 := (n - 2) / backWidth * backWidth; j0 >= 0 && n > 1; j0 -= backWidth {
		b, first := min(backWidth, n-1-j0), j0+1
		m := n - first
		v := make([]float64, b*m)
		for p := range b {
			copy(v[p*m:(p+1)*m], r.v[(j0+p)*n+first:(j0+p+1)*n])
		}
		rest := z[first*n:]
		must(multiply(v, b, m, rest, n, func(vz []float64) {
			must(multiply(r.compact(v, j0, b, m), m, b, vz, n, func(p []float64) {
				parallel(m, 32, func(lo, hi int) { axpy(-1, p[lo*n:hi*n], rest[lo*n:hi*n]) })
			}))
		}))
	}
}

// compact returns Vᵀ S (m×b) of the block of reflectors v (b×m) that begins at j0.
func (r *reduction) compact(v []float64, j0, b, m int) []float64 {
	s := make([]float64, b*b) // V Vᵀ at first
	must(multiplyT(v, b, m, v, b, func(p []float64) { copy(s, p) }))
	for i := range b {
		tau := r.tau[j0+i]
		for p := range i { // the column so far times the triangle left of it; s_pq is final for q < i
			s[p*b+i] = -tau * dot(s[p*b+p:p*b+i], s[i*b+p:i*b+i])
		}
		s[i*b+i] = tau
	}
	for i := range b {
		clear(s[i*b : i*b+i])
	}
	return product(m*b, func(use func([]float64)) error { return multiply(Transpose(v, b, m), m, b, s, b, use) })
}

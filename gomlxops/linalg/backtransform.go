package linalg

import "sort"

// backWidth is how many reflectors are applied by one pair of products: wider than [panelWidth], because here nothing waits for single
// columns.
const backWidth = 128

// eigh reduces a to tridiagonal form, solves that, and turns its vectors back. The tridiagonal matrix is negated, because [conquer]
// finds the vectors of the smallest and those of the largest are wanted.
func (blocked) eigh(a []float64, n, top int) (values, vectors []float64) {
	r := tridiagonalise(a, n)
	negate(r.d)
	negate(r.e)
	z, want := a, top // a's content is no longer needed
	if n <= leafSize {
		want = n
	}
	clear(z)
	conquer(r.d, r.e, z, n, want)
	vectors = columns(z, n, ascending(r.d[:want])[:top])
	r.applyQ(vectors, top)
	sort.Float64s(r.d)
	negate(r.d)
	return r.d, vectors
}

// columns returns the given columns of a (n×n), packed.
func columns(a []float64, n int, cols []int) []float64 {
	w := len(cols)
	out := make([]float64, n*w)
	parallel(n, 64, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			row, to := a[i*n:(i+1)*n], out[i*w:(i+1)*w]
			for k, c := range cols {
				to[k] = row[c]
			}
		}
	})
	return out
}

// applyQ replaces z (n×k) by Q z, blocks of reflectors in the compact form I − Vᵀ S V (V by rows, S upper triangular).
//
// Schreiber and Van Loan, SIAM J. Sci. Stat. Comput. 10 (1989) 53. Cost 2n²k operations, all in products.
func (r *reduction) applyQ(z []float64, k int) {
	n := r.n
	for j0 := (n - 2) / backWidth * backWidth; j0 >= 0 && n > 1; j0 -= backWidth {
		b, first := min(backWidth, n-1-j0), j0+1
		v := dense(r.v, n, n).block(j0, j0+b, first, n)
		rest := dense(z, n, k).block(first, n, 0, k)
		vz := dense(product(v, rest), b, k)
		svz := dense(product(dense(r.compact(v, j0), b, b), vz), b, k)
		addProduct(rest, whole, -1, v.t(), svz)
	}
}

// compact returns S (b×b) of the block of reflectors v that begins at j0.
func (r *reduction) compact(v view, j0 int) []float64 {
	b := v.m
	s := make([]float64, b*b) // V Vᵀ at first
	addProduct(dense(s, b, b), lowerHalf, 1, v, v.t())
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
	return s
}

package linalg

import "math"

// leafSize is where divide and conquer ends and [ql] begins.
const leafSize = 32

// epsilon is the relative spacing of float64 halved: the error of one rounded operation.
const epsilon = 0x1p-53

// ql solves a small symmetric tridiagonal eigenproblem by implicit QL steps with Wilkinson's shift. d becomes the eigenvalues, in
// no order; q (n×n inside rows of length stride) gets the vectors as columns. e is overwritten.
//
// Bowdler, Martin, Reinsch and Wilkinson, Numer. Math. 11 (1968) 293 (the procedure tql2).
func ql(d, e, q []float64, stride int) {
	n := len(d)
	vectors := identity(n) // row k is vector k, so that a rotation runs along two rows
	off := make([]float64, n)
	copy(off, e[:max(n-1, 0)])
	for l := range n {
		for step := 0; ; step++ {
			m := l
			for m < n-1 && math.Abs(off[m]) > epsilon*(math.Abs(d[m])+math.Abs(d[m+1])) {
				m++
			}
			if m == l {
				break
			}
			if step == 60 {
				fail("linalg: Eigh: eigenvalue %d of a %d×%d tridiagonal block did not converge in 60 steps", l, n, n)
			}
			qlStep(d, off, vectors, l, m)
		}
	}
	for k := range n {
		for i := range n {
			q[i*stride+k] = vectors[k*n+i]
		}
	}
}

// qlStep does one implicit QL step on the unreduced block l…m.
func qlStep(d, e, vectors []float64, l, m int) {
	n := len(d)
	g := (d[l+1] - d[l]) / (2 * e[l])
	g = d[m] - d[l] + e[l]/(g+math.Copysign(math.Hypot(g, 1), g))
	s, c, p := 1.0, 1.0, 0.0
	for i := m - 1; i >= l; i-- {
		f, b := s*e[i], c*e[i]
		r := math.Hypot(f, g)
		e[i+1] = r
		if r == 0 { // the block splits here
			d[i+1] -= p
			e[m] = 0
			return
		}
		s, c = f/r, g/r
		g = d[i+1] - p
		r = (d[i]-g)*s + 2*c*b
		p = s * r
		d[i+1] = g + p
		g = c*r - b
		rotate(vectors[i*n:(i+1)*n], vectors[(i+1)*n:(i+2)*n], c, s)
	}
	d[l] -= p
	e[l], e[m] = g, 0
}

// rotate sets (x, y) to (c·x − s·y, s·x + c·y).
func rotate(x, y []float64, c, s float64) {
	y = y[:len(x)]
	for i, a := range x {
		b := y[i]
		x[i], y[i] = c*a-s*b, s*a+c*b
	}
}

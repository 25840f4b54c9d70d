package linalg

import (
	"math"
	"sort"
)

// Notation of divide.go (Cuppen, Numer. Math. 36 (1981) 177; Gu and Eisenstat, SIAM J. Matrix Anal. Appl. 16 (1995) 172):
//
//	T         n×n   tridiagonal, = diag(T₁, T₂) + ρ u uᵀ with u = e_{last of T₁} ± e_{first of T₂}
//	Q₁, Q₂          vectors of T₁ and T₂, found by the same method
//	z         n     Q₁, Q₂ applied to u, of length one: T = Q (D + ρ z zᵀ) Qᵀ
//	K               how many entries are left after deflation
//	λ, U      K,K×K eigenvalues and vectors of the rest, from the secular equation
//
// Entries deflate where z_i is negligible, or where two d are so close that a rotation makes one z_i zero; matrices of low
// rank or with clusters deflate almost entirely, which is what makes the method fast on covariances.

// forkSize is the size above which the two halves are solved at the same time.
const forkSize = 256

// conquer finds the eigenvalues (ascending, into d) and vectors (columns of q, whose rows have length stride) of the
// tridiagonal matrix d, e. e is overwritten.
func conquer(d, e, q []float64, stride int) {
	n := len(d)
	if n <= leafSize {
		ql(d, e, q, stride)
		return
	}
	h := n / 2
	rho, sign := math.Abs(e[h-1]), math.Copysign(1, e[h-1])
	d[h-1] -= rho
	d[h] -= rho
	first := func() { conquer(d[:h], e[:h-1], q, stride) }
	second := func() { conquer(d[h:], e[h:], q[h*stride+h:], stride) }
	if n > forkSize {
		together(first, second)
	} else {
		first()
		second()
	}
	m := &merge{n: n, half: h, stride: stride, d: d, q: q, rho: 2 * rho}
	m.clearCorners()
	m.couple(sign)
	m.deflate()
	m.solve()
	m.assemble()
}

// span says which half of the rows of a vector can be non-zero.
type span uint8

const (
	upper span = 1 << iota
	lower
)

// merge joins the two halves of one division.
type merge struct {
	n, half, stride int
	rho             float64
	d               []float64 // n, the halves' eigenvalues one after the other
	q               []float64 // n×n within rows of length stride, block diagonal
	z               []float64 // n
	spans           []span    // n
	kept, deflated  []int     // columns, by ascending d
	lambda          []float64 // K
	u               []float64 // K×K, row k = vector k over kept
}

// clearCorners zeroes the blocks beside Q₁ and Q₂, which the levels below used as they liked.
func (m *merge) clearCorners() {
	for i := range m.n {
		row := m.q[i*m.stride : i*m.stride+m.n]
		if i < m.half {
			clear(row[m.half:])
		} else {
			clear(row[:m.half])
		}
	}
}

// couple makes z from the last row of Q₁ and the first of Q₂.
func (m *merge) couple(sign float64) {
	m.z, m.spans = make([]float64, m.n), make([]span, m.n)
	above, below := m.q[(m.half-1)*m.stride:], m.q[m.half*m.stride:]
	for i := range m.n {
		if i < m.half {
			m.z[i], m.spans[i] = above[i]/math.Sqrt2, upper
		} else {
			m.z[i], m.spans[i] = sign*below[i]/math.Sqrt2, lower
		}
	}
}

// deflate sorts the columns into kept and deflated. The tolerance is LAPACK's (dlaed2): 8ε of the largest d or z.
func (m *merge) deflate() {
	order := make([]int, m.n)
	top := 0.0
	for i := range order {
		order[i] = i
		top = max(top, math.Abs(m.d[i]), math.Abs(m.z[i]))
	}
	sort.SliceStable(order, func(i, j int) bool { return m.d[order[i]] < m.d[order[j]] })
	tolerance := 8 * epsilon * top
	for _, c := range order {
		if m.rho*math.Abs(m.z[c]) <= tolerance {
			m.deflated = append(m.deflated, c)
			continue
		}
		if k := len(m.kept); k > 0 && m.combine(m.kept[k-1], c, tolerance) {
			m.deflated = append(m.deflated, m.kept[k-1])
			m.kept = m.kept[:k-1]
		}
		m.kept = append(m.kept, c)
	}
}

// combine rotates columns a and b so that z_a becomes zero, if the off-diagonal entry this leaves is negligible.
func (m *merge) combine(a, b int, tolerance float64) bool {
	r := math.Hypot(m.z[a], m.z[b])
	c, s := m.z[b]/r, m.z[a]/r
	if math.Abs((m.d[b]-m.d[a])*c*s) > tolerance {
		return false
	}
	m.z[a], m.z[b] = 0, r
	for i := range m.n {
		row := m.q[i*m.stride : i*m.stride+m.n]
		x, y := row[a], row[b]
		row[a], row[b] = c*x-s*y, s*x+c*y
	}
	both := m.spans[a] | m.spans[b]
	m.spans[a], m.spans[b] = both, both
	da, db := m.d[a], m.d[b]
	m.d[a], m.d[b] = da*c*c+db*s*s, da*s*s+db*c*c
	return true
}

// solve finds λ and U of the kept part. ẑ, computed from the roots, replaces z: the roots are the exact eigenvalues of D + ρẑẑᵀ, so
// that the vectors come out orthogonal however close the roots are (Gu and Eisenstat).
func (m *merge) solve() {
	k := len(m.kept)
	s := &secular{d: make([]float64, k), z: make([]float64, k), rho: m.rho}
	for i, c := range m.kept {
		s.d[i], s.z[i] = m.d[c], m.z[c]
	}
	m.lambda, m.u = make([]float64, k), make([]float64, k*k)
	parallel(k, 32, func(lo, hi int) {
		for j := lo; j < hi; j++ {
			m.lambda[j] = s.root(j, m.u[j*k:(j+1)*k])
		}
	})
	exact := s.exactZ(m.u)
	parallel(k, 32, func(lo, hi int) {
		for j := lo; j < hi; j++ {
			row := m.u[j*k : (j+1)*k]
			for i, delta := range row {
				row[i] = exact[i] / delta
			}
			f := 1 / math.Sqrt(dot(row, row))
			for i := range row {
				row[i] *= f
			}
		}
	})
}

// exactZ returns ẑ_i = ±sqrt(Π_j (λ_j − d_i) / Π_{j≠i} (d_j − d_i)); row j of delta holds d_i − λ_j.
func (s *secular) exactZ(delta []float64) []float64 {
	k := len(s.d)
	product := make([]float64, k)
	parallel(k, 32, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			product[i] = delta[i*k+i]
		}
		for j := range k { // by rows of delta, which lie together
			row := delta[j*k : (j+1)*k]
			for i := lo; i < hi; i++ {
				if i != j {
					product[i] *= row[i] / (s.d[i] - s.d[j])
				}
			}
		}
	})
	for i, p := range product {
		product[i] = math.Copysign(math.Sqrt(math.Abs(p)), s.z[i])
	}
	return product
}

// assemble writes eigenvalues and vectors of the whole in ascending order: Q·U for what was kept, columns of Q as they are for
// the deflated.
func (m *merge) assemble() {
	target := m.placing()
	deflated := m.takeColumns(m.deflated, 0, m.n)
	top := m.backHalf(0, m.half, upper)
	bottom := m.backHalf(m.half, m.n, lower)
	for _, half := range []func(write func(first int, p []float64)){top, bottom} {
		half(func(first int, p []float64) { m.scatter(p, target[:len(m.kept)], first) })
	}
	m.scatter(deflated, target[len(m.kept):], 0)
}

// placing sorts all eigenvalues into d and returns the place of each kept, then of each deflated one.
func (m *merge) placing() []int {
	all := append([]float64(nil), m.lambda...)
	for _, c := range m.deflated {
		all = append(all, m.d[c])
	}
	order := make([]int, m.n)
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool { return all[order[i]] < all[order[j]] })
	target := make([]int, m.n)
	for place, i := range order {
		target[i] = place
		m.d[place] = all[i]
	}
	return target
}

// backHalf packs rows [lo, hi) of the kept columns that reach into this half, and returns what computes their product with U.
func (m *merge) backHalf(lo, hi int, half span) func(write func(first int, p []float64)) {
	var index, cols []int
	for i, c := range m.kept {
		if m.spans[c]&half != 0 {
			index, cols = append(index, i), append(cols, c)
		}
	}
	q := m.takeColumns(cols, lo, hi)
	k, w := len(m.kept), len(cols)
	u := make([]float64, k*w)
	parallel(k, 64, func(first, last int) {
		for j := first; j < last; j++ {
			for s, i := range index {
				u[j*w+s] = m.u[j*k+i]
			}
		}
	})
	return func(write func(first int, p []float64)) {
		must(multiplyT(q, hi-lo, w, u, k, func(p []float64) { write(lo, p) }))
	}
}

// takeColumns copies rows [lo, hi) of the given columns of Q, packed.
func (m *merge) takeColumns(cols []int, lo, hi int) []float64 {
	w := len(cols)
	out := make([]float64, (hi-lo)*w)
	parallel(hi-lo, 64, func(first, last int) {
		for i := first; i < last; i++ {
			row := m.q[(lo+i)*m.stride:]
			for s, c := range cols {
				out[i*w+s] = row[c]
			}
		}
	})
	return out
}

// scatter writes packed columns to their places in Q, from row first on.
func (m *merge) scatter(p []float64, target []int, first int) {
	w := len(target)
	if w == 0 {
		return
	}
	parallel(len(p)/w, 64, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			row := m.q[(first+i)*m.stride:]
			for s, c := range target {
				row[c] = p[i*w+s]
			}
		}
	})
}

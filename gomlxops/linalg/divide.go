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
//	λ, U      K,K×K eigenvalues and vectors of the rest, from the secular equation; vector k is row k of U
//
// Columns are never sorted on the way: the level above takes them in the order of its d, and the last one is sorted by who asked. Those
// that are left are taken in the order upper rows only, all rows, lower rows only, so that the products skip the zero blocks
// (LAPACK's dlaed2 orders them so).
//
// Entries deflate where z_i is negligible, or where two d are so close that a rotation makes one z_i zero; matrices of low
// rank or with clusters deflate almost entirely, which is what makes the method fast on covariances.

// forkSize is the size above which the two halves are solved at the same time.
const forkSize = 256

// conquer finds the eigenvalues (into d) of the tridiagonal matrix d, e, and the vectors of the want smallest: the first want of d, in no
// order, with the same columns of q, whose rows have length stride. Up to [leafSize] want must be all. q is zero at first; e is overwritten.
func conquer(d, e, q []float64, stride, want int) {
	n := len(d)
	if n <= leafSize {
		ql(d, e, q, stride)
		return
	}
	h := n / 2
	rho, sign := math.Abs(e[h-1]), math.Copysign(1, e[h-1])
	d[h-1] -= rho
	d[h] -= rho
	first := func() { conquer(d[:h], e[:h-1], q, stride, h) }
	second := func() { conquer(d[h:], e[h:], q[h*stride+h:], stride, n-h) }
	if n > forkSize {
		together(first, second)
	} else {
		first()
		second()
	}
	m := &merge{n: n, half: h, want: want, stride: stride, d: d, q: q, rho: 2 * rho}
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
	both = upper | lower
)

// merge joins the two halves of one division.
type merge struct {
	n, half, stride int
	want            int // how many of the smallest eigenvalues
	rho             float64
	d               []float64 // n, the halves' eigenvalues one after the other
	q               []float64 // n×n within rows of length stride, block diagonal
	z               []float64 // n
	spans           []span    // n
	kept, deflated  []int     // columns, by ascending d; those deflated by who came first
	lambda          []float64 // K
	u               []float64 // U, columns in the order of packed
	packed          []int     // kept, by span
	bounds          [2]int    // of packed: where those of all rows begin and end
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
	top := 0.0
	for i := range m.n {
		top = max(top, math.Abs(m.d[i]), math.Abs(m.z[i]))
	}
	tolerance := 8 * epsilon * top
	for _, c := range ascending(m.d) {
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
	joint := m.spans[a] | m.spans[b]
	m.spans[a], m.spans[b] = joint, joint
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
	exact, place := s.exactZ(m.u), m.pack()
	parallel(k, 32, func(lo, hi int) {
		x := make([]float64, k)
		for j := lo; j < hi; j++ {
			row := m.u[j*k : (j+1)*k]
			quotients(x, exact, row)
			f := 1 / math.Sqrt(dot(x, x))
			for i, v := range x {
				row[place[i]] = v * f
			}
		}
	})
}

// pack orders the kept columns by span and returns the place of each.
func (m *merge) pack() []int {
	place := make([]int, len(m.kept))
	for i, s := range []span{upper, both, lower} {
		for k, c := range m.kept {
			if m.spans[c] == s {
				place[k] = len(m.packed)
				m.packed = append(m.packed, c)
			}
		}
		if i < len(m.bounds) {
			m.bounds[i] = len(m.packed)
		}
	}
	return place
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
			cut := min(max(j, lo), hi)
			timesRatios(product[lo:cut], row[lo:cut], s.d[lo:cut], s.d[j])
			cut = min(max(j+1, lo), hi)
			timesRatios(product[cut:hi], row[cut:hi], s.d[cut:hi], s.d[j])
		}
	})
	for i, p := range product {
		product[i] = math.Copysign(math.Sqrt(math.Abs(p)), s.z[i])
	}
	return product
}

// assemble writes the wanted vectors of the whole: Q·U for what was kept, then columns of Q as they are for the deflated. The eigenvalues
// of all go to d, those of the wanted first.
func (m *merge) assemble() {
	k := len(m.kept)
	rows, deflated := m.choose()
	for at, j := range rows {
		copy(m.u[at*k:(at+1)*k], m.u[j*k:(j+1)*k]) // at ≤ j
	}
	u, q := dense(m.u, len(rows), k), view{m.q, m.n, m.want, m.stride, 1}
	top := m.takeColumns(m.packed[:m.bounds[1]], 0, m.half)
	bottom := m.takeColumns(m.packed[m.bounds[0]:], m.half, m.n)
	rest := m.takeColumns(deflated, 0, m.n)
	for i := range m.n {
		row := m.q[i*m.stride : i*m.stride+m.want]
		clear(row[:len(rows)])
		copy(row[len(rows):], rest.data[i*rest.n:(i+1)*rest.n])
	}
	addProduct(q.block(0, m.half, 0, len(rows)), whole, 1, top, u.block(0, len(rows), 0, m.bounds[1]).t())
	addProduct(q.block(m.half, m.n, 0, len(rows)), whole, 1, bottom, u.block(0, len(rows), m.bounds[0], k).t())
}

// choose fills d and returns which of λ and which columns, deflated, belong to the wanted.
func (m *merge) choose() (rows, deflated []int) {
	k := len(m.kept)
	all := append([]float64(nil), m.lambda...)
	for _, c := range m.deflated {
		all = append(all, m.d[c])
	}
	order := ascending(all)
	sort.Ints(order[:m.want]) // kept before deflated
	for place, i := range order {
		m.d[place] = all[i]
		switch {
		case place >= m.want:
		case i < k:
			rows = append(rows, i)
		default:
			deflated = append(deflated, m.deflated[i-k])
		}
	}
	return rows, deflated
}

// ascending returns the order in which values ascend.
func ascending(values []float64) []int {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool { return values[order[i]] < values[order[j]] })
	return order
}

// takeColumns copies rows [lo, hi) of the given columns of Q, packed.
func (m *merge) takeColumns(cols []int, lo, hi int) view {
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
	return dense(out, hi-lo, w)
}

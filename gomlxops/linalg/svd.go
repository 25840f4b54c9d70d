package linalg

import (
	"math"
	"math/rand/v2"
	"sort"
)

// Notation of svd.go:
//
//	A        m×n    the matrix, m ≥ n (a wide one is transposed first)
//	U, S, V  m×n, n, n×n   A = U diag(S) Vᵀ
//	B        m×q    A times what is left of V: the part of A not yet taken apart
//	G        q×q    BᵀB, its Gram matrix
//
// The eigenvectors of G are right singular vectors of B, but squaring costs half the digits: only singular values within a factor of the
// largest come out well. So they are taken in levels. A level keeps those within [levelDepth] of its largest, takes their left vectors out of
// B, and goes on with what remains, which is smaller by that factor and has all its digits again.

// levelDepth is how far below its largest singular value a level reaches. Vectors are orthogonal to ε·levelDepth² at first, to ε after
// one step of [parts.polish], and values are exact to ε·levelDepth of the largest. 256, which covers most weight matrices in
// one level, costs two of the sixteen digits of what is small; 16 would keep one digit more for twice the levels.
const levelDepth = 256

// SVD returns the thin singular value decomposition of A (m×n, row-major), with k = min(m,n):
//
//	A = U diag(S) Vt,  U m×k, S descending, Vt k×n,  UᵀU = Vt Vtᵀ = I
//
// The largest component of each column of U is positive. Singular values below ε·max(m,n) of the largest are returned as zero, with
// orthonormal vectors nonetheless.
//
// Cost about 9k³ + 8mnk operations where singular values lie within a factor of 256, growing with each further factor of
// 256 by what is left; LAPACK's dgesdd about 22k³. Accuracy: ‖A − U S Vt‖ ≤ 1e-13 ‖A‖, values to 1e-13 of the largest, |UᵀU − I| ≤ 1e-12; small singular values are
// absolutely, not relatively, accurate. A non-finite entry is an error naming it.
func SVD(a []float64, m, n int) (u, s, vt []float64, err error) {
	solver, err := chosen()
	if err != nil {
		return nil, nil, nil, err
	}
	return svdBy(solver, a, m, n)
}

func svdBy(by solver, a []float64, m, n int) (u, s, vt []float64, err error) {
	defer catch(&err)
	if err := checkShape("SVD", "the matrix", a, m, n); err != nil {
		return nil, nil, nil, err
	}
	top, err := largest("SVD", a, n)
	if err != nil {
		return nil, nil, nil, err
	}
	e := power(top)
	work := scaled(a, -e)
	if m < n {
		work = Transpose(work, m, n)
		v, s, ut := by.svd(work, n, m)
		return oriented(Transpose(ut, m, m), s, Transpose(v, n, m), m, n, e)
	}
	u, s, vt = by.svd(work, m, n)
	return oriented(u, s, vt, m, n, e)
}

// oriented fixes the signs of a decomposition of a m×n matrix that was scaled by 2^-e, and takes the scaling back.
func oriented(u, s, vt []float64, m, n, e int) (_, _, _ []float64, err error) {
	k := min(m, n)
	for i, sign := range orient(u, m, k) {
		if sign < 0 {
			negate(vt[i*n : (i+1)*n])
		}
	}
	rescale(s, e)
	return u, s, vt, nil
}

// svd takes a apart level by level.
func (b blocked) svd(a []float64, m, n int) (u, s, vt []float64) {
	return takeApart(b, a, m, n).factors()
}

func (p *parts) factors() (u, s, vt []float64) { return p.u, p.s, Transpose(p.v, p.n, p.n) }

// parts is a decomposition in the making: the first done columns of u and v are final.
type parts struct {
	by   solver
	m, n int
	done int
	u, v []float64 // m×n, n×n
	s    []float64 // n
}

// takeApart decomposes a (m×n, m ≥ n, entries of at most 1), which it may overwrite.
func takeApart(by solver, a []float64, m, n int) *parts {
	p := &parts{by: by, m: m, n: n, u: make([]float64, m*n), v: make([]float64, n*n), s: make([]float64, n)}
	rest, basis := a, identity(n) // B, and the right vectors it was multiplied with
	floor := 0.0
	for p.done < n {
		norm := largestColumn(rest, m, n-p.done)
		if norm <= floor {
			p.complete(basis)
			break
		}
		if p.done == 0 {
			floor = epsilon * float64(m) * norm
		}
		rest, basis = p.level(rest, basis)
	}
	p.sort()
	return p
}

// level takes the leading singular values of rest (m×q), whose right vectors are basis (n×q), and returns what remains of both.
func (p *parts) level(rest, basis []float64) (smaller, remaining []float64) {
	q := p.n - p.done
	eigen, err := symmetricBy(p.by, gram(dense(rest, p.m, q).t()), q)
	must(err)
	k := 1
	for k < q && eigen.Values[k] > eigen.Values[0]/(levelDepth*levelDepth) {
		k++
	}
	turned := product(dense(rest, p.m, q), dense(eigen.Vectors, q, q))
	right := eigen.Vectors
	if p.done > 0 { // at first the basis is the identity
		right = product(dense(basis, p.n, q), dense(right, q, q))
	}
	p.take(turned, right, k)
	smaller, remaining = window(turned, p.m, q, k, q), window(right, p.n, q, k, q)
	p.project(smaller, q-k)
	return smaller, remaining
}

// take appends the first k columns of turned (m×q), made orthonormal, to u, those of right (n×q) to v, and their lengths to s.
func (p *parts) take(turned, right []float64, k int) {
	q, at := p.n-p.done, p.done
	s, u := p.s[at:at+k], make([]float64, p.m*k)
	for i := range p.m {
		for j, x := range turned[i*q : i*q+k] {
			s[j] += x * x
		}
	}
	for j := range s {
		s[j] = math.Sqrt(s[j])
	}
	for i := range p.m {
		for j, x := range turned[i*q : i*q+k] {
			u[i*k+j] = x / s[j]
		}
	}
	u = polish(u, p.m, k)
	for i := range p.m {
		copy(p.u[i*p.n+at:i*p.n+at+k], u[i*k:(i+1)*k])
	}
	for i := range p.n {
		copy(p.v[i*p.n+at:i*p.n+at+k], right[i*q:i*q+k])
	}
	p.done += k
}

// polish returns U(3I − UᵀU)/2: one Newton step to the nearest orthonormal matrix, which squares the departure from it.
// Higham, Functions of Matrices (2008), 8.3 (Newton–Schulz).
func polish(u []float64, m, k int) []float64 {
	g := gram(dense(u, m, k).t())
	for i := range g {
		g[i] *= -0.5
	}
	for j := range k {
		g[j*k+j] += 1.5
	}
	return product(dense(u, m, k), dense(g, k, k))
}

// project removes from x (m×w) what lies in the span of u so far.
func (p *parts) project(x []float64, w int) {
	if w == 0 || p.done == 0 {
		return
	}
	u := dense(p.u, p.m, p.n).block(0, p.m, 0, p.done)
	c := product(u.t(), dense(x, p.m, w))
	addProduct(dense(x, p.m, w), whole, -1, u, dense(c, p.done, w))
}

// complete fills the last columns of v with basis, those of u with any orthonormal ones, for singular values of zero. It starts from
// fixed random columns; after three rounds of projecting and orthonormalising they are orthogonal to rounding, however many there are.
func (p *parts) complete(basis []float64) {
	w := p.n - p.done
	rng := rand.New(rand.NewPCG(1, 2))
	x := make([]float64, p.m*w)
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	for range 3 {
		p.project(x, w)
		l, err := choleskyBy(p.by, gram(dense(x, p.m, w).t()), w)
		must(err)
		t, err := SolveLower(l, w, Transpose(x, p.m, w), p.m)
		must(err)
		x = Transpose(t, w, p.m)
	}
	for i := range p.m {
		copy(p.u[i*p.n+p.done:(i+1)*p.n], x[i*w:(i+1)*w])
	}
	for i := range p.n {
		copy(p.v[i*p.n+p.done:(i+1)*p.n], basis[i*w:(i+1)*w])
	}
	p.done = p.n
}

// sort puts the singular values, which neighbouring levels can leave out of order by rounding, in descending order.
func (p *parts) sort() {
	order := make([]int, p.n)
	for i := range order {
		order[i] = i
	}
	descending := func(i, j int) bool { return p.s[order[i]] > p.s[order[j]] }
	if sort.SliceIsSorted(order, descending) {
		return
	}
	sort.SliceStable(order, descending)
	permuteColumns(p.u, p.m, order)
	permuteColumns(p.v, p.n, order)
	permuteColumns(p.s, 1, order)
}

// permuteColumns moves column order[k] of a (rows×len(order)) to k.
func permuteColumns(a []float64, rows int, order []int) {
	n := len(order)
	old := make([]float64, n)
	for i := range rows {
		row := a[i*n : (i+1)*n]
		copy(old, row)
		for k, from := range order {
			row[k] = old[from]
		}
	}
}

// largestColumn returns the largest Euclidean length of a column of a (m×n).
func largestColumn(a []float64, m, n int) float64 {
	sums := make([]float64, n)
	for i := range m {
		for j, x := range a[i*n : (i+1)*n] {
			sums[j] += x * x
		}
	}
	top := 0.0
	for _, s := range sums {
		top = max(top, s)
	}
	return math.Sqrt(top)
}

// window copies columns [lo, hi) of a (rows×cols).
func window(a []float64, rows, cols, lo, hi int) []float64 {
	w := hi - lo
	out := make([]float64, rows*w)
	for i := range rows {
		copy(out[i*w:(i+1)*w], a[i*cols+lo:i*cols+hi])
	}
	return out
}

func negate(x []float64) {
	for i := range x {
		x[i] = -x[i]
	}
}

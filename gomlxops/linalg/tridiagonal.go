package linalg

import "math"

// Notation of tridiagonal.go and backtransform.go (Golub and Van Loan, Matrix Computations, 4th ed., 8.3; blocking after
// Dongarra, Sorensen and Hammarling, J. Comput. Appl. Math. 27 (1989) 215):
//
//	A     n×n    symmetric matrix; only its upper half is read and kept
//	T     n×n    tridiagonal QᵀAQ: diagonal d (n), off-diagonal e (n-1)
//	v_j   n      reflector j, zero up to j, one at j+1
//	τ_j          H_j = I − τ_j v_j v_jᵀ,  Q = H_0 H_1 … H_{n-2}
//	V, W  b×n    rows: the reflectors of a panel, and the w_j of A − Σ (v_j w_jᵀ + w_j v_jᵀ)

// panelWidth is how many columns are reduced before the rest of the matrix is updated by one product. Narrower panels
// make the products thin, wider ones make the corrections inside a panel dominate; 32 was best from n = 256 to 4096.
const panelWidth = 32

// tiny is the square of a length that counts as zero in a matrix scaled to 1: below it squares lose digits to underflow, and
// a reflector made from them would not be orthogonal.
const tiny = 1e-280

// reduction is a symmetric matrix reduced to tridiagonal form.
type reduction struct {
	n      int
	d, e   []float64
	v, tau []float64 // V is n×n, row j the reflector j
}

// tridiagonalise reduces a (n×n), which it destroys. Cost 4n³/3 operations, half of them in matrix-vector products.
func tridiagonalise(a []float64, n int) *reduction {
	r := &reduction{n: n, d: make([]float64, n), e: make([]float64, max(n-1, 0)), v: make([]float64, n*n), tau: make([]float64, n)}
	panel := make([]float64, 3*panelWidth*n)
	s := newSymv(n)
	defer s.team.dismiss()
	for j0 := 0; j0 < n-1; j0 += panelWidth {
		b := min(panelWidth, n-1-j0)
		w := panel[b*n : 2*b*n]
		for p := range b {
			r.reflect(a, w, j0, p)
			r.correct(a, w, j0, p, s)
		}
		copy(panel[:b*n], r.v[j0*n:])
		copy(panel[2*b*n:3*b*n], r.v[j0*n:])
		r.update(a, panel, j0, b)
	}
	r.d[n-1] = a[n*n-1]
	return r
}

// reflect brings row j = j0+p up to date with the panel so far and makes the reflector that clears it.
func (r *reduction) reflect(a, w []float64, j0, p int) {
	n, j := r.n, j0+p
	row := a[j*n : (j+1)*n]
	for q := 0; q < p; q += 2 {
		rows := r.pair(w, j0+q, q, j)
		axpys(crossed(rows[0][0], rows[1][0], rows[2][0], rows[3][0], q+1 == p), &rows, row[j:])
	}
	r.d[j] = row[j]
	v := r.v[j*n+j+1 : (j+1)*n]
	r.e[j], r.tau[j] = householder(row[j+1:], v)
}

// pair returns v_j, w_q, v_{j+1}, w_{q+1} from entry first on; q is j's place in the panel.
func (r *reduction) pair(w []float64, j, q, first int) [4][]float64 {
	n := r.n
	return [4][]float64{
		r.v[j*n+first : (j+1)*n], w[q*n+first : (q+1)*n],
		r.v[(j+1)*n+first : (j+2)*n], w[(q+1)*n+first : (q+2)*n],
	}
}

// crossed returns the factors of two v, w pairs in −(v wᵀ + w vᵀ)x, given their products with x. Where only the first pair belongs
// to the panel so far, the second counts nothing.
func crossed(v0, w0, v1, w1 float64, single bool) *[4]float64 {
	if single {
		v1, w1 = 0, 0
	}
	return &[4]float64{-w0, -v0, -w1, -v1}
}

// householder fills v, with v_0 = 1, such that (I − τ v vᵀ) x = β e_0.
func householder(x, v []float64) (beta, tau float64) {
	alpha := x[0]
	rest := dot(x[1:], x[1:])
	clear(v)
	v[0] = 1
	if rest < tiny {
		return alpha, 0
	}
	beta = -math.Copysign(math.Hypot(alpha, math.Sqrt(rest)), alpha)
	axpy(1/(alpha-beta), x[1:], v[1:])
	return beta, (beta - alpha) / beta
}

// correct makes w_p = τ(A'v) − ½τ(wᵀv)v, where A' is the matrix with the panel so far taken off.
func (r *reduction) correct(a, w []float64, j0, p int, s *symv) {
	n, j, tau := r.n, j0+p, r.tau[j0+p]
	v, out := r.v[j*n+j+1:(j+1)*n], w[p*n+j+1:(p+1)*n]
	clear(w[p*n : (p+1)*n])
	if tau == 0 {
		return
	}
	s.multiply(a, n, j+1, v, out)
	for q := 0; q < p; q += 2 {
		rows := r.pair(w, j0+q, q, j+1)
		c := dots(&rows, v)
		axpys(crossed(c[0], c[1], c[2], c[3], q+1 == p), &rows, out)
	}
	for i := range out {
		out[i] *= tau
	}
	axpy(-0.5*tau*dot(out, v), v, out)
}

// update takes V Wᵀ + W Vᵀ of a finished panel off the upper half of the rest of the matrix, as one product: the panel's rows are v, w, v.
func (r *reduction) update(a, panel []float64, j0, b int) {
	n, j1 := r.n, j0+b
	if j1 == n {
		return
	}
	rows := dense(panel, 3*b, n)
	rest := dense(a, n, n).block(j1, n, j1, n)
	addProduct(rest, upperHalf, -1, rows.block(0, 2*b, j1, n).t(), rows.block(b, 3*b, j1, n))
}

package linalg

import (
	"errors"
	"fmt"
	"math"
)

// choleskyBlock is how many columns are factorised before the rest is updated by one product.
const choleskyBlock = 96

// ErrNotPositiveDefinite is what [NotPositiveDefinite] matches with errors.Is.
var ErrNotPositiveDefinite = errors.New("the matrix is not positive definite")

// NotPositiveDefinite is the error of [Cholesky] at the first pivot that is not positive.
type NotPositiveDefinite struct {
	Pivot int     // from 0
	Value float64 // of the pivot, a_pp − Σ_j l_pj², in the matrix's own scale
}

func (e *NotPositiveDefinite) Error() string {
	return fmt.Sprintf("linalg: Cholesky: the matrix is not positive definite: pivot %d is %.6g; add a ridge to the diagonal, or use Eigh", e.Pivot, e.Value)
}

// Is makes errors.Is(err, ErrNotPositiveDefinite) true.
func (e *NotPositiveDefinite) Is(target error) bool { return target == ErrNotPositiveDefinite }

// Cholesky returns the lower triangular L (n×n, zeros above) with a positive diagonal and L·Lᵀ = A, for a symmetric positive
// definite A.
//
// Cost n³/3 operations. A pivot that is not positive is a [NotPositiveDefinite]; a singular matrix may, by rounding,
// still succeed with a tiny last pivot. Entries that are not finite or not symmetric are errors naming them, as in [Symmetric].
func Cholesky(a []float64, n int) ([]float64, error) {
	s, err := chosen()
	if err != nil {
		return nil, err
	}
	return choleskyBy(s, a, n)
}

func choleskyBy(s solver, a []float64, n int) (l []float64, err error) {
	defer catch(&err)
	work, e, err := symmetric("Cholesky", a, n)
	if err != nil {
		return nil, err
	}
	if work == nil {
		if n > 0 {
			return nil, &NotPositiveDefinite{}
		}
		return []float64{}, nil
	}
	if e%2 != 0 { // L is scaled by half the exponent
		rescale(work, -1)
		e++
	}
	l = append([]float64(nil), work...)
	if !s.cholesky(l, n) {
		// Only the plain form tells pivot and value; should it succeed, rounding decided and its result is as good.
		l = work
		if pivot, value := plainCholesky(l, n, n); pivot >= 0 {
			return nil, &NotPositiveDefinite{pivot, math.Ldexp(value, e)}
		}
	}
	for i := range n {
		rescale(l[i*n:i*n+i+1], e/2)
		clear(l[i*n+i+1 : (i+1)*n])
	}
	return l, nil
}

// cholesky factorises block by block: a triangle, the rows under it, then one product into what is left.
func (blocked) cholesky(a []float64, n int) bool {
	for j0 := 0; j0 < n; j0 += choleskyBlock {
		b := min(choleskyBlock, n-j0)
		j1 := j0 + b
		if pivot, _ := plainCholesky(a[j0*n+j0:], b, n); pivot >= 0 {
			return false
		}
		m := n - j1
		parallel(m, 16, func(lo, hi int) {
			for i := j1 + lo; i < j1+hi; i++ {
				forward(a[j0*n+j0:], n, a[i*n+j0:i*n+j1])
			}
		})
		below := dense(a, n, n).block(j1, n, j0, j1)
		addProduct(dense(a, n, n).block(j1, n, j1, n), lowerHalf, -1, below, below.t())
	}
	return true
}

// plainCholesky factorises the leading b×b part of a (rows of length stride), and returns the first pivot that is not
// positive with its value, or -1.
func plainCholesky(a []float64, b, stride int) (pivot int, value float64) {
	for j := range b {
		row := a[j*stride : j*stride+j]
		s := a[j*stride+j] - dot(row, row)
		if !(s > 0) {
			return j, s
		}
		s = math.Sqrt(s)
		a[j*stride+j] = s
		for i := j + 1; i < b; i++ {
			a[i*stride+j] = (a[i*stride+j] - dot(row, a[i*stride:i*stride+j])) / s
		}
	}
	return -1, 0
}

// forward solves L x = x in place, for the lower triangle l (rows of length stride).
func forward(l []float64, stride int, x []float64) {
	for j := range x {
		x[j] = (x[j] - dot(x[:j], l[j*stride:j*stride+j])) / l[j*stride+j]
	}
}

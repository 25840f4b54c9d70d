package linalg

import "fmt"

// solveBlock is how many unknowns are solved for before they are taken out of the rest by one product.
const solveBlock = 64

// SolveLower returns X (n×m) with L·X = B, for a lower triangular L (n×n, the upper half is not read) and B (n×m).
//
// Cost n²m operations. A zero on the diagonal of L and an entry of L or B that is not finite are errors naming it.
func SolveLower(l []float64, n int, b []float64, m int) (x []float64, err error) {
	defer catch(&err)
	if err := checkTriangle("SolveLower", l, n, b, m); err != nil {
		return nil, err
	}
	x = append([]float64(nil), b...)
	for i0 := 0; i0 < n; i0 += solveBlock {
		i1 := min(n, i0+solveBlock)
		remove(x, i0, i1, m, rowsOf(l, n, i0, i1, 0, i0), i0, x[:i0*m])
		for i := i0; i < i1; i++ {
			for j := i0; j < i; j++ {
				axpy(-l[i*n+j], x[j*m:(j+1)*m], x[i*m:(i+1)*m])
			}
			divide(x[i*m:(i+1)*m], l[i*n+i])
		}
	}
	return x, nil
}

// SolveLowerT returns X (n×m) with Lᵀ·X = B. See [SolveLower].
func SolveLowerT(l []float64, n int, b []float64, m int) (x []float64, err error) {
	defer catch(&err)
	if err := checkTriangle("SolveLowerT", l, n, b, m); err != nil {
		return nil, err
	}
	x = append([]float64(nil), b...)
	for i1 := n; i1 > 0; i1 -= solveBlock {
		i0 := max(0, i1-solveBlock)
		below := rowsOf(l, n, i1, n, i0, i1)
		remove(x, i0, i1, m, Transpose(below, n-i1, i1-i0), n-i1, x[i1*m:])
		for i := i1 - 1; i >= i0; i-- {
			for j := i + 1; j < i1; j++ {
				axpy(-l[j*n+i], x[j*m:(j+1)*m], x[i*m:(i+1)*m])
			}
			divide(x[i*m:(i+1)*m], l[i*n+i])
		}
	}
	return x, nil
}

// SolveCholesky returns X (n×m) with A·X = B, from the factor L of A = L·Lᵀ that [Cholesky] returned.
func SolveCholesky(l []float64, n int, b []float64, m int) ([]float64, error) {
	y, err := SolveLower(l, n, b, m)
	if err != nil {
		return nil, err
	}
	return SolveLowerT(l, n, y, m)
}

func checkTriangle(op string, l []float64, n int, b []float64, m int) error {
	if err := checkLengths(op, l, n, n, b, n, m); err != nil {
		return err
	}
	for i := range n {
		if l[i*n+i] == 0 {
			return fmt.Errorf("linalg: %s: diagonal entry %d of the triangle is 0: it has no inverse", op, i)
		}
		for j, v := range l[i*n : i*n+i+1] {
			if v-v != 0 {
				return fmt.Errorf("linalg: %s: entry (row %d, column %d) of the triangle is %v; every entry must be finite", op, i, j, v)
			}
		}
	}
	_, err := largest(op, b, m)
	return err
}

// rowsOf copies rows [i0, i1) and columns [j0, j1) of l (n×n).
func rowsOf(l []float64, n, i0, i1, j0, j1 int) []float64 {
	w := j1 - j0
	out := make([]float64, (i1-i0)*w)
	for i := i0; i < i1; i++ {
		copy(out[(i-i0)*w:(i-i0+1)*w], l[i*n+j0:i*n+j1])
	}
	return out
}

// remove subtracts c·y from rows [i0, i1) of x (rows of length m); c is (i1-i0)×k, y is k×m.
func remove(x []float64, i0, i1, m int, c []float64, k int, y []float64) {
	if k == 0 || m == 0 {
		return
	}
	must(multiply(c, i1-i0, k, y, m, func(p []float64) { axpy(-1, p, x[i0*m:i1*m]) }))
}

func divide(x []float64, d float64) {
	for i := range x {
		x[i] /= d
	}
}

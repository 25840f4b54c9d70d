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
		remove(x, i0, i1, m, dense(l, n, n).block(i0, i1, 0, i0), dense(x, n, m).block(0, i0, 0, m))
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
		remove(x, i0, i1, m, dense(l, n, n).block(i1, n, i0, i1).t(), dense(x, n, m).block(i1, n, 0, m))
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

// remove subtracts c·y from rows [i0, i1) of x (rows of length m).
func remove(x []float64, i0, i1, m int, c, y view) {
	addProduct(view{x[i0*m:], i1 - i0, m, m, 1}, whole, -1, c, y)
}

func divide(x []float64, d float64) {
	for i := range x {
		x[i] /= d
	}
}

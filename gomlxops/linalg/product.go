package linalg

// Mul returns A·B (m×n) of A (m×k) and B (k×n), row-major.
//
// Cost 2mkn operations on every processor. The error names the operand whose length disagrees.
func Mul(a []float64, m, k int, b []float64, n int) ([]float64, error) {
	if err := checkLengths("Mul", a, m, k, b, k, n); err != nil {
		return nil, err
	}
	return product(dense(a, m, k), dense(b, k, n)), nil
}

// MulT returns A·Bᵀ (m×n) of A (m×k) and B (n×k), row-major. See [Mul].
func MulT(a []float64, m, k int, b []float64, n int) ([]float64, error) {
	if err := checkLengths("MulT", a, m, k, b, n, k); err != nil {
		return nil, err
	}
	return product(dense(a, m, k), dense(b, n, k).t()), nil
}

// TMul returns Aᵀ·B (m×n) of A (k×m) and B (k×n), row-major. See [Mul].
func TMul(a []float64, k, m int, b []float64, n int) ([]float64, error) {
	if err := checkLengths("TMul", a, k, m, b, k, n); err != nil {
		return nil, err
	}
	return product(dense(a, k, m).t(), dense(b, k, n)), nil
}

// Congruence returns W·C·Wᵀ (m×m), exactly symmetric, of W (m×n) and a symmetric C (n×n): the covariance of Wx from that of x.
//
// Cost 2mn² + m²n operations: of the second product half is computed.
func Congruence(w []float64, m, n int, c []float64) ([]float64, error) {
	wc, err := Mul(w, m, n, c, n)
	if err != nil {
		return nil, err
	}
	out := make([]float64, m*m)
	addProduct(dense(out, m, m), lowerHalf, 1, dense(wc, m, n), dense(w, m, n).t())
	reflectLower(out, m)
	return out, nil
}

// gram returns A·Aᵀ (m×m), exactly symmetric.
func gram(a view) []float64 {
	g := make([]float64, a.m*a.m)
	addProduct(dense(g, a.m, a.m), lowerHalf, 1, a, a.t())
	reflectLower(g, a.m)
	return g
}

// product returns A·B.
func product(a, b view) []float64 {
	out := make([]float64, a.m*b.n)
	addProduct(dense(out, a.m, b.n), whole, 1, a, b)
	return out
}

func checkLengths(op string, a []float64, ar, ac int, b []float64, br, bc int) error {
	if err := checkShape(op, "the left matrix", a, ar, ac); err != nil {
		return err
	}
	return checkShape(op, "the right matrix", b, br, bc)
}

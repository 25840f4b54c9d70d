package linalg

import "math"

// Eigen is a symmetric matrix taken apart: A = V diag(λ) Vᵀ.
type Eigen struct {
	N       int
	Values  []float64 // λ, descending
	Vectors []float64 // V, N×N row-major; column k, Vectors[i*N+k], belongs to Values[k]
}

// Symmetric returns the eigenvalues and eigenvectors of a symmetric A (n×n, row-major):
//
//	A = V diag(λ) Vᵀ,  λ descending,  VᵀV = I
//
// The largest component of each vector is positive (the first of equals), so that both solvers give the same vectors wherever
// eigenvalues are apart. Vectors of equal eigenvalues are any orthonormal basis of their space.
//
// Cost about 9n³ operations; the package comment has times. Accuracy: ‖AV−VΛ‖ ≤ 1e-12 ‖A‖ and |VᵀV−I| ≤ 1e-12, eigenvalues to 1e-14 of
// the largest. An entry that is not finite, or an (i,j) that differs from (j,i) by more than 1e-10 of the largest entry,
// is an error naming it; see [Symmetrize].
func Symmetric(a []float64, n int) (*Eigen, error) {
	s, err := chosen()
	if err != nil {
		return nil, err
	}
	return symmetricBy(s, a, n)
}

// Eigh is [Symmetric] with its results apart: values descending, and vectors n×n with column k at vectors[i*n+k].
func Eigh(a []float64, n int) (values, vectors []float64, err error) {
	e, err := Symmetric(a, n)
	if err != nil {
		return nil, nil, err
	}
	return e.Values, e.Vectors, nil
}

func symmetricBy(s solver, a []float64, n int) (eigen *Eigen, err error) {
	defer catch(&err)
	work, e, err := symmetric("Eigh", a, n)
	if err != nil {
		return nil, err
	}
	if work == nil {
		return &Eigen{n, make([]float64, n), identity(n)}, nil
	}
	values, vectors := s.eigh(work, n)
	rescale(values, e)
	orient(vectors, n, n)
	return &Eigen{n, values, vectors}, nil
}

// Top returns the eigenvectors of the r largest eigenvalues, N×r row-major. r is limited to 0…N.
func (e *Eigen) Top(r int) []float64 { return window(e.Vectors, e.N, e.N, 0, min(max(r, 0), e.N)) }

// Tail returns the sum of all eigenvalues but the r largest, added up from the smallest: the energy that rank r leaves out.
func (e *Eigen) Tail(r int) float64 {
	sum := 0.0
	for k := e.N - 1; k >= max(r, 0); k-- {
		sum += e.Values[k]
	}
	return sum
}

// orient gives each column of v (rows×cols) the sign that makes its largest component positive, and returns the signs.
func orient(v []float64, rows, cols int) []float64 {
	peak := make([]float64, cols)
	for i := range rows {
		for k, x := range v[i*cols : (i+1)*cols] {
			peak[k] = max(peak[k], math.Abs(x))
		}
	}
	sign := make([]float64, cols)
	// Components that differ only by rounding count as equal, so that two solvers choose the same one.
	const nearly = 1 - 1e-6
	for i := range rows {
		for k, x := range v[i*cols : (i+1)*cols] {
			if sign[k] == 0 && math.Abs(x) >= nearly*peak[k] {
				sign[k] = math.Copysign(1, x)
			}
		}
	}
	parallel(rows, 64, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			for k := range cols {
				v[i*cols+k] *= sign[k]
			}
		}
	})
	return sign
}

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

// EighTop is [Eigh] with the vectors of the r largest eigenvalues alone, n×r; the values are all n, descending. r is limited to 0…n.
//
// It saves a part of the last two of three steps; the first, the reduction to tridiagonal form, is the same. Where many ranks will be asked
// for, one Eigh is cheaper than two of these; the package comment has times.
func EighTop(a []float64, n, r int) (values, vectors []float64, err error) {
	s, err := chosen()
	if err != nil {
		return nil, nil, err
	}
	return topBy(s, a, n, r)
}

func symmetricBy(s solver, a []float64, n int) (*Eigen, error) {
	values, vectors, err := topBy(s, a, n, n)
	if err != nil {
		return nil, err
	}
	return &Eigen{n, values, vectors}, nil
}

func topBy(s solver, a []float64, n, r int) (values, vectors []float64, err error) {
	defer catch(&err)
	work, e, err := symmetric("Eigh", a, n)
	if err != nil {
		return nil, nil, err
	}
	r = min(max(r, 0), n)
	if work == nil {
		return make([]float64, n), window(identity(n), n, n, 0, r), nil
	}
	values, vectors = s.eigh(work, n, max(r, 1))
	if r == 0 {
		vectors = vectors[:0]
	}
	rescale(values, e)
	orient(vectors, n, r)
	return values, vectors, nil
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
	sign := make([]float64, cols)
	parallel(cols, 64, func(lo, hi int) { orientColumns(v, rows, cols, lo, sign[lo:hi]) })
	return sign
}

// orientColumns is orient for as many columns as there are signs, from lo on.
func orientColumns(v []float64, rows, cols, lo int, sign []float64) {
	peak := make([]float64, len(sign))
	for i := range rows {
		for k, x := range v[i*cols+lo : i*cols+lo+len(sign)] {
			peak[k] = max(peak[k], math.Abs(x))
		}
	}
	// Components that differ only by rounding count as equal, so that two solvers choose the same one.
	const nearly = 1 - 1e-6
	for i := range rows {
		for k, x := range v[i*cols+lo : i*cols+lo+len(sign)] {
			if sign[k] == 0 && math.Abs(x) >= nearly*peak[k] {
				sign[k] = math.Copysign(1, x)
			}
		}
	}
	for i := range rows {
		row := v[i*cols+lo : i*cols+lo+len(sign)]
		for k, s := range sign {
			row[k] *= s
		}
	}
}

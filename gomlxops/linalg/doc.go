// Package linalg is dense linear algebra on the host, in float64: [Eigh], [SVD], [Cholesky], triangular solves and products.
//
// Matrices are row-major []float64 with their dimensions beside them. Arguments are left alone, but by [Symmetrize]. Begin with
//
//	values, vectors, err := linalg.Eigh(covariance, n)
//
// or with [Symmetric], whose result answers the questions that follow ([Eigen.Top], [Eigen.Tail]) without another factorisation.
//
// # Which solver
//
// [Solver] tells; the choice is made at the first call and holds for the process. The first of these that applies:
//
//  1. PARE_LAPACK=none (or off, go): our own.
//  2. PARE_LAPACK=/path/or/name.so: that library. One that cannot be loaded, or that gets the eigenvalues of [2 1; 1 2] wrong, makes every
//     factorisation return an error saying so.
//  3. libopenblas.so.0, then liblapack.so.3, where the system's loader finds them.
//  4. Our own.
//
// A library is loaded at run time without cgo, with 32-bit or 64-bit integers alike; its calls are made one at a time, on as many threads as
// GOMAXPROCS. Our own solver reduces to tridiagonal form by blocked Householder reflections, divides and conquers, and turns back, with
// its products on GoMLX and its inner loops in AVX-512, AVX2 or plain Go, whichever the machine has when it runs. It gives the same bits
// on any number of processors of one kind; a library promises nothing of the sort.
//
//	             LAPACK    our own
//	Eigh         dsyevd    tridiagonal.go, divide.go, backtransform.go
//	SVD          dgesdd    svd.go: eigenvectors of the Gram matrix, in levels so that no digits are lost
//	Cholesky     dpotrf    cholesky.go
//	SolveLower…  triangular.go, both
//	Mul…         product.go, both
//
// # Cost and accuracy
//
// Times as a multiple of NumPy's for the same shape, in one sitting on two cores that other work shared, so good to a fifth or so:
//
//	                  n = 1,024    2,048    4,096 (a single run)
//	Eigh      LAPACK  0.94         0.96     0.92
//	          our own 2.1          1.5      1.1
//	SVD       LAPACK  0.96
//	          our own 1.4
//	Cholesky  LAPACK  0.80
//	          our own 1.3
//
// NumPy took 0.28 s, 1.9 s and 17 s for Eigh. In gomlxops/linalg, for each N:
//
//	python3 testdata/numpy_peer.py N eigh
//	go test -run - -bench Eigh/n=N -benchtime 3x
//
// Times grow with n³. Memory is
// two to four matrices of the size of the input.
//
// Input is first scaled by a power of two, so matrices of 1e-300 or 1e150 come out as well as others, and symmetric input is replaced by
// the mean of its halves. Errors are relative to the largest eigenvalue or singular value: tests hold residuals and
// orthogonality to 1e-12, and find 1e-14.
//
// # Products
//
// [Mul], [MulT] and [TMul] run on a pure Go GoMLX backend of linalg's own, started at the first product. It is not the session's: tensors belong to
// one backend object, but none of linalg's ever leaves linalg, and a session on XLA does its dense linear algebra on the host all the same.
//
// # What this package does not do
//
// No float32 or complex matrices, no sparse ones, no general (non-symmetric) eigenproblem, no least squares, no decomposition of only the
// leading vectors, no work on a GPU, no cancellation inside one factorisation.
package linalg

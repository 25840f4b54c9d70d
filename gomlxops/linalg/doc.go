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
// its products and inner loops in AVX-512, AVX2 or plain Go, whichever the machine has when it runs. It gives the same bits
// on any number of processors of one kind; a library promises nothing of the sort.
//
//	             LAPACK    our own
//	Eigh         dsyevd    tridiagonal.go, divide.go, backtransform.go
//	EighTop      dsytrd, dstedc, dormtr of as many vectors; the same files
//	SVD          dgesdd    svd.go: eigenvectors of the smaller Gram matrix, in levels so that no digits are lost; with LAPACK
//	                       too, where one side is at least twice the other
//	Cholesky     dpotrf    cholesky.go
//	SolveLower…  triangular.go, both
//	Mul…         product.go, both
//
// # Cost and accuracy
//
// Processor time of one thread, as a multiple of NumPy's (OpenBLAS) for the same shape, taken in turns on a busy machine; median, and in
// brackets the least and the most, of two to five rounds:
//
//	                  n = 1,024             2,048
//	Eigh      LAPACK  0.95 (0.85 to 1.05)   0.88
//	          our own 0.93 (0.93 to 1.04)   0.94
//	SVD       LAPACK  0.87 (0.84 to 1.03)
//	          our own 0.80 (0.71 to 0.85)
//	Cholesky  LAPACK  0.59 (0.51 to 0.62)   0.54
//	          our own 0.75 (0.67 to 0.77)   0.64
//
//	go test -c -o /tmp/linalg.test ./gomlxops/linalg
//	python3 gomlxops/linalg/testdata/ratio.py /tmp/linalg.test 5 Eigh 1024 --cpu
//
// With two threads by the clock on a quiet machine NumPy takes 0.18 s for Eigh at n = 1,024. On one where many programs want the processors
// a library's threads wait for one another in loops, and our own solver, whose helpers are never needed, is several times faster.
//
// Of our own solver's time at n = 1,024 nearly half is the reduction to tridiagonal form, and half of that is reading the upper half of
// the matrix once for each column, n³·8/6 bytes in all: memory's speed, and nothing else, bounds it at large n.
//
// EighTop takes 0.82 of Eigh's time for half the vectors and 0.68 for a tenth, with either solver at n = 1,024, since the reduction is the
// same for all: go test -run - -bench 'Eigh.*n=1024' ./gomlxops/linalg, with GOMAXPROCS=1.
//
// Times grow with n³. Memory is four to five matrices of the size of the input beside it.
//
// Input is first scaled by a power of two, so matrices of 1e-300 or 1e150 come out as well as others, and symmetric input is replaced by
// the mean of its halves. Errors are relative to the largest eigenvalue or singular value: tests hold residuals and
// orthogonality to 1e-12, and find 1e-14.
//
// # Products
//
// [Mul], [MulT] and [TMul] cut their factors into strips and go from tile to tile (gemm.go). The tiles are in assembly and make 53 Gflop/s on one
// processor, as OpenBLAS does there. No operand is copied but into its strips, and symmetric products compute one half.
//
// # What this package does not do
//
// No float32 or complex matrices, no sparse ones, no general (non-symmetric) eigenproblem, no least squares, no iteration for a few
// leading vectors of a huge matrix, no work on a GPU, no cancellation inside one factorisation.
package linalg

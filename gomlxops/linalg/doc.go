// Package linalg is dense linear algebra on the host, in float64: [Eigh], [SVD], [Cholesky], triangular solves and products.
//
// Matrices are row-major []float64 with their dimensions beside them; nothing is modified but by [Symmetrize]. Begin with
//
//	values, vectors, err := linalg.Eigh(covariance, n)
//
// or with [Symmetric], whose result answers the questions that follow.
package linalg

package linalg

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
)

// solver is one way to factorise. Input is finite and scaled to entries of at most 1; a may be overwritten.
type solver interface {
	name() string

	// eigh returns the eigenvalues of the symmetric a (n×n, both halves filled), descending, and orthonormal eigenvectors
	// of the top largest as columns of an n×top row-major matrix; 1 ≤ top ≤ n. It reports failure by panic([failure]).
	eigh(a []float64, n, top int) (values, vectors []float64)

	// svd returns U (m×n), S and Vᵀ (n×n) of a (m×n, m ≥ n), as [SVD] does but for signs.
	svd(a []float64, m, n int) (u, s, vt []float64)

	// cholesky overwrites the lower half of a with L and leaves the upper half undefined; false where a pivot is not positive.
	cholesky(a []float64, n int) bool
}

// libraries are tried in this order where PARE_LAPACK is not set.
var libraries = []string{"libopenblas.so.0", "liblapack.so.3"}

// chosen is the solver of this process, or why the one that PARE_LAPACK asks for cannot be had.
var chosen = sync.OnceValues(func() (solver, error) { return choose(os.Getenv("PARE_LAPACK")) })

// Solver names what the factorisations run on: "lapack (libopenblas.so.0)" or "go".
func Solver() string {
	s, err := chosen()
	if err != nil {
		return fmt.Sprintf("none (%v)", err)
	}
	return s.name()
}

// choose follows the decision list of the package comment.
func choose(setting string) (solver, error) {
	switch strings.ToLower(setting) {
	case "none", "off", "go":
		return blocked{}, nil
	case "", "auto":
		if s, err := anyLibrary(libraries); err == nil {
			return s, nil
		}
		return blocked{}, nil
	}
	s, err := openLibrary(setting)
	if err != nil {
		return nil, fmt.Errorf("PARE_LAPACK=%s: %w; name a LAPACK library, or set it to none for pare's own solver", setting, err)
	}
	return s, nil
}

func anyLibrary(names []string) (solver, error) {
	var all []error
	for _, name := range names {
		s, err := openLibrary(name)
		if err == nil {
			return s, nil
		}
		all = append(all, err)
	}
	return nil, errors.Join(all...)
}

// blocked is our own solver: Householder tridiagonalisation, divide and conquer, products by tiles.
type blocked struct{}

func (blocked) name() string { return "go" }

package linalg

import (
	"math/rand/v2"
	"testing"
)

// TestEighTop holds the vectors to what defines them, and values and subspaces to those of the whole decomposition.
func TestEighTop(t *testing.T) {
	for name, by := range solvers(t) {
		checked := 0
		for kind, fill := range kinds {
			for _, n := range []int{1, 31, 33, 90} {
				a := fill(n, rand.New(rand.NewPCG(21, uint64(n))))
				all, err := symmetricBy(by, a, n)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range []int{-1, 0, 1, n / 3, n + 1} {
					values, v, err := topBy(by, a, n, r)
					if err != nil {
						t.Fatalf("%s %s n=%d r=%d: %v", name, kind, n, r, err)
					}
					r = min(max(r, 0), n)
					if len(v) != n*r {
						t.Fatalf("%s %s n=%d r=%d: %d numbers of vectors", name, kind, n, r, len(v))
					}
					if d := worst(t, values, all.Values, max(peak(all.Values), 1e-300)); d > 1e-14 {
						t.Errorf("%s %s n=%d r=%d: values differ by %.1e of the largest", name, kind, n, r, d)
					}
					residual, orthogonality := topResiduals(t, a, values, v, n, r)
					if !(residual <= 1e-12) || !(orthogonality <= 1e-12) {
						t.Errorf("%s %s n=%d r=%d: residual %.1e, orthogonality %.1e", name, kind, n, r, residual, orthogonality)
					}
					checked++
				}
			}
		}
		if checked != 4*5*len(kinds) {
			t.Errorf("%s: %d checks", name, checked)
		}
	}
}

// topResiduals is [residuals] for v (n×r).
func topResiduals(t *testing.T, a, values, v []float64, n, r int) (residual, orthogonality float64) {
	t.Helper()
	av, err := Mul(a, n, n, v, r)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		for k := range r {
			av[i*r+k] -= values[k] * v[i*r+k]
		}
	}
	if x := norm(av); x != 0 {
		residual = x / norm(a)
	}
	return residual, departure(t, Transpose(v, n, r), r, n)
}

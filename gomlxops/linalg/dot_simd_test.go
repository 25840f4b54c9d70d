//go:build goexperiment.simd && amd64

package linalg

import "testing"

// eachWidth runs f with every width of vectors that this machine has, down to none.
func eachWidth(t *testing.T, f func(width string)) {
	w, m := wide, medium
	defer func() { wide, medium = w, m }()
	if w {
		f("AVX-512")
	} else {
		t.Log("SKIPPED AVX-512: not on this machine")
	}
	wide = false
	if m {
		f("AVX2")
	} else {
		t.Log("SKIPPED AVX2: not on this machine")
	}
	medium = false
	f("scalar")
}

// TestSolverInEachWidth runs the whole solver as older machines would.
func TestSolverInEachWidth(t *testing.T) {
	eachWidth(t, func(width string) {
		for kind, fill := range kinds {
			const n = 150
			a := fill(n, seeded(n))
			e, err := symmetricBy(blocked{}, a, n)
			if err != nil {
				t.Fatal(err)
			}
			if r, o := residuals(t, a, e); !(r <= 1e-12) || !(o <= 1e-12) {
				t.Errorf("%s: %s: residual %.1e, orthogonality %.1e", width, kind, r, o)
			}
		}
	})
}

//go:build goexperiment.simd && amd64

package covariance

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

//go:build !goexperiment.simd

package gomlxops

import (
	"fmt"
	"os"
)

// warnWithoutSIMD says once, on standard error, that a pure Go build without SIMD is slow.
func warnWithoutSIMD(kind string) {
	if kind == "go" {
		fmt.Fprintln(os.Stderr, "pare: built without SIMD, matrix code runs 17 to 35 times slower; rebuild with GOEXPERIMENT=simd")
	}
}

//go:build !(goexperiment.simd && amd64)

package linalg

import "testing"

func eachWidth(_ *testing.T, f func(width string)) { f("scalar") }

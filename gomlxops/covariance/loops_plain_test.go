//go:build !(goexperiment.simd && amd64)

package covariance

import "testing"

func eachWidth(_ *testing.T, f func(width string)) { f("scalar") }

//go:build !(goexperiment.simd && amd64)

package linalg

func dot(x, y []float64) float64 { return dotScalar(x, y) }

func axpy(a float64, x, y []float64) { axpyScalar(a, x, y) }

//go:build !(goexperiment.simd && amd64)

package matvec

var (
	dots  = map[string]dotKernel{"F32": scalarDot("F32"), "BF16": scalarDot("BF16"), "F16": scalarDot("F16")}
	axpys = map[string]axpyKernel{"F32": scalarAxpy("F32"), "BF16": scalarAxpy("BF16"), "F16": scalarAxpy("F16")}
)

//go:build !(goexperiment.simd && amd64)

package matvec

var (
	dots   = map[string]dotKernel{"F32": scalarDot("F32"), "BF16": scalarDot("BF16"), "F16": scalarDot("F16")}
	adders = map[string]addKernel{"F32": scalarAdd("F32"), "BF16": scalarAdd("BF16"), "F16": scalarAdd("F16")}
)

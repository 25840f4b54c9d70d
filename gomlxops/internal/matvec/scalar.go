package matvec

import (
	"encoding/binary"
	"math"
)

// The kernels in plain Go: for other machines, for what no vector fills, and as their twin in tests.

// number reads the first number of data.
func number(dtype string, data []byte) float32 {
	switch dtype {
	case "BF16":
		return math.Float32frombits(uint32(binary.LittleEndian.Uint16(data)) << 16)
	case "F16":
		return half(uint32(binary.LittleEndian.Uint16(data)))
	}
	return math.Float32frombits(binary.LittleEndian.Uint32(data))
}

// half widens a finite binary16: exponent and mantissa move into place, and a product with 2^112 moves the exponent's bias from
// 15 to 127, which also normalises subnormal numbers.
func half(x uint32) float32 {
	magnitude := math.Float32frombits(x&0x7fff<<13) * 0x1p112
	return math.Float32frombits(math.Float32bits(magnitude) | x&0x8000<<16)
}

// dotScalar returns Σ row_i x_i.
func dotScalar(dtype string, row []byte, x []float32) (sum float32) {
	size := sizes[dtype]
	for i, v := range x {
		sum += v * number(dtype, row[i*size:])
	}
	return sum
}

// addScalar adds Σ a_i·row_i to y, from column from on.
func addScalar(dtype string, y []float32, f *four, from int) {
	size := sizes[dtype]
	for i, row := range f.rows {
		for c := from; c < len(y); c++ {
			y[c] += f.a[i] * number(dtype, row[c*size:])
		}
	}
}

type (
	dotKernel = func(row []byte, x []float32) float32
	addKernel = func(y []float32, f *four)
)

func scalarDot(dtype string) dotKernel {
	return func(row []byte, x []float32) float32 { return dotScalar(dtype, row, x) }
}

func scalarAdd(dtype string) addKernel {
	return func(y []float32, f *four) { addScalar(dtype, y, f, 0) }
}

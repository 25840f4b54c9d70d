package transformer

import (
	"encoding/binary"
	"math"
)

// narrow writes values as little-endian numbers of the dtype into dst, rounding to the nearest, ties to even. A value beyond
// what F16 holds becomes infinite, which [firstNonFinite] finds.
func narrow(dtype string, dst []byte, values []float32) {
	switch dtype {
	case "F32":
		for i, v := range values {
			binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(v))
		}
	case "BF16":
		for i, v := range values {
			binary.LittleEndian.PutUint16(dst[2*i:], bfloat16(v))
		}
	case "F16":
		for i, v := range values {
			binary.LittleEndian.PutUint16(dst[2*i:], float16(v))
		}
	}
}

// bfloat16 rounds a finite float32 to the upper half of its bits.
func bfloat16(v float32) uint16 {
	bits := math.Float32bits(v)
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}

// float16 rounds a finite float32 to binary16. Adding a power of two of the right size makes the float32 adder round a subnormal
// result; a normal one is rounded in the integer bits.
func float16(v float32) uint16 {
	bits := math.Float32bits(v)
	sign := uint16(bits >> 16 & 0x8000)
	magnitude := bits & 0x7fffffff
	switch {
	case magnitude >= 0x47800000: // 65536 and more
		return sign | 0x7c00
	case magnitude < 0x38800000: // below 2^-14: subnormal, units of 2^-24
		rounded := math.Float32frombits(magnitude) + 0.5
		return sign | uint16(math.Float32bits(rounded)-math.Float32bits(0.5))
	}
	magnitude -= 112 << 23
	return sign | uint16((magnitude+0xfff+magnitude>>13&1)>>13)
}

package gguf

import (
	"encoding/binary"
	"fmt"
	"math"
)

// blockNumbers is how many numbers share a scale in Q8_0.
const blockNumbers = 32

// Encode is the numbers as t, in the order of the file. A number that is not finite in t is an error.
func Encode(t Type, values []float32) ([]byte, error) { return encode(nil, t, values) }

// encode appends values as t. Values of a row lie together, and rows fit the type.
//
//	symbol  meaning                                 Q8_0
//	x_i     the numbers of a block, 0 ≤ i < 32
//	d       the scale, max|x_i|/127, held as F16
//	q_i     round(x_i/d), −127 to 127, held as int8
//
// Read back are d·q_i. They are off by at most d/2 for rounding x_i/d, and 127 times what F16 is off of d: together less than
// max|x_i|·(1/254 + 1/2048) where d is no subnormal, below 2^-14, and max|x_i|/254 + 127/2^25 where it is.
func encode(dst []byte, t Type, values []float32) ([]byte, error) {
	for i, v := range values {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, fmt.Errorf("expected finite numbers, found %v at index %d", v, i)
		}
	}
	switch t {
	case F32:
		for _, v := range values {
			dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(v))
		}
	case BF16:
		for i, v := range values {
			h := bfloat16(v)
			if h&0x7f80 == 0x7f80 {
				return nil, tooLarge(t, v, i)
			}
			dst = binary.LittleEndian.AppendUint16(dst, h)
		}
	case F16:
		for i, v := range values {
			h := float16(v)
			if h&0x7c00 == 0x7c00 {
				return nil, tooLarge(t, v, i)
			}
			dst = binary.LittleEndian.AppendUint16(dst, h)
		}
	case Q8_0:
		return encodeBlocks(dst, values)
	default:
		return nil, fmt.Errorf("%s cannot be written", t)
	}
	return dst, nil
}

func tooLarge(t Type, v float32, at int) error {
	return fmt.Errorf("expected numbers that are finite as %s, found %v at index %d; choose a wider type", t, v, at)
}

func encodeBlocks(dst []byte, values []float32) ([]byte, error) {
	if len(values)%blockNumbers != 0 {
		return nil, fmt.Errorf("expected a multiple of %d numbers for Q8_0, found %d", blockNumbers, len(values))
	}
	for from := 0; from < len(values); from += blockNumbers {
		block := values[from : from+blockNumbers]
		largest := float32(0)
		for _, v := range block {
			largest = max(largest, v, -v)
		}
		d := largest / 127
		h := float16(d)
		if h&0x7c00 == 0x7c00 {
			return nil, tooLarge(Q8_0, largest, from)
		}
		dst = binary.LittleEndian.AppendUint16(dst, h)
		inverse := float32(0)
		if d != 0 {
			inverse = 1 / d
		}
		for _, v := range block {
			q := math.Round(float64(v) * float64(inverse)) // away from zero at a half, as in ggml
			dst = append(dst, byte(int8(max(-127, min(127, q)))))
		}
	}
	return dst, nil
}

// decode widens the numbers of a tensor. data has as many bytes as dst's numbers take.
func decode(dst []float32, t Type, data []byte) error {
	switch t {
	case F32:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
	case BF16:
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(data[2*i:])) << 16)
		}
	case F16:
		for i := range dst {
			dst[i] = wide16(binary.LittleEndian.Uint16(data[2*i:]))
		}
	case Q8_0:
		for b := range len(dst) / blockNumbers {
			block := data[b*(2+blockNumbers):]
			d := wide16(binary.LittleEndian.Uint16(block))
			for i := range blockNumbers {
				dst[b*blockNumbers+i] = d * float32(int8(block[2+i]))
			}
		}
	default:
		return fmt.Errorf("expected F32, F16, BF16 or Q8_0, found %s", t)
	}
	for i, v := range dst {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return fmt.Errorf("expected finite numbers, found %v at index %d", v, i)
		}
	}
	return nil
}

// bfloat16 rounds a finite float32 to the upper half of its bits, ties to even.
func bfloat16(v float32) uint16 {
	bits := math.Float32bits(v)
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}

// float16 rounds a finite float32 to binary16, ties to even; what is too large becomes infinite.
func float16(v float32) uint16 {
	bits := math.Float32bits(v)
	sign, magnitude := uint16(bits>>16&0x8000), bits&0x7fffffff
	switch {
	case magnitude >= 0x47800000: // 65536 and more
		return sign | 0x7c00
	case magnitude < 0x38800000: // below 2^-14 units are 2^-24: those of float32 between 0.5 and 1
		return sign | uint16(math.Float32bits(math.Float32frombits(magnitude)+0.5)-math.Float32bits(0.5))
	}
	magnitude -= 112 << 23 // the difference of the two biases
	return sign | uint16((magnitude+0xfff+magnitude>>13&1)>>13)
}

// wide16 widens a binary16.
func wide16(h uint16) float32 {
	sign, magnitude := uint32(h&0x8000)<<16, uint32(h&0x7fff)
	switch {
	case magnitude >= 0x7c00:
		return math.Float32frombits(sign | 0x7f800000 | magnitude<<13)
	case magnitude < 0x0400: // subnormal: units of 2^-24
		return math.Float32frombits(sign | math.Float32bits(float32(magnitude)*0x1p-24))
	}
	return math.Float32frombits(sign | (magnitude<<13 + 112<<23))
}

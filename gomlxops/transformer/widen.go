package transformer

import (
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"sync"
)

// lanes describes a 2- or 4-byte float type for tests on 8 bytes at once. A number is infinite or NaN when all exponent bits
// are set; then, and only then, (x AND exponent) + lowest carries into the lane's sign bit.
type lanes struct {
	size                   int
	exponent, lowest, sign uint64
}

var laneTypes = map[string]lanes{
	"F32":  {4, 0x7f800000_7f800000, 0x00800000_00800000, 0x80000000_80000000},
	"BF16": {2, 0x7f80_7f80_7f80_7f80, 0x0080_0080_0080_0080, 0x8000_8000_8000_8000},
	"F16":  {2, 0x7c00_7c00_7c00_7c00, 0x0400_0400_0400_0400, 0x8000_8000_8000_8000},
}

// widens says whether a dtype can be read as float32 without loss.
func widens(dtype string) bool { return laneTypes[dtype].size != 0 }

// perWorker is the least number of elements that is worth a goroutine of its own (some 50 µs of work).
const perWorker = 1 << 16

// widen fills dst with the numbers in src, row by row in parallel, and returns the index of one that is not finite, the first
// in memory order, or -1. src holds len(dst) numbers of the dtype.
func widen(dtype string, dst []float32, src []byte) int {
	l := laneTypes[dtype]
	return inParallel(len(dst), func(from, to int) int {
		return widenRange(dtype, l, dst[from:to], src[from*l.size:to*l.size])
	})
}

// firstNonFinite returns the index of the first number of src that is infinite or NaN, or -1.
func firstNonFinite(dtype string, src []byte) int {
	l := laneTypes[dtype]
	return inParallel(len(src)/l.size, func(from, to int) int {
		return l.search(src[from*l.size : to*l.size])
	})
}

// inParallel cuts n elements into ranges, one for each worker, and returns the lowest index that a worker found, or -1.
func inParallel(n int, work func(from, to int) int) int {
	workers := min(runtime.GOMAXPROCS(0), max(1, n/perWorker))
	if workers == 1 {
		return work(0, n)
	}
	found := make([]int, workers)
	var wg sync.WaitGroup
	for w := range workers {
		from, to := n*w/workers, n*(w+1)/workers
		wg.Go(func() {
			if found[w] = work(from, to); found[w] >= 0 {
				found[w] += from
			}
		})
	}
	wg.Wait()
	for _, i := range found {
		if i >= 0 {
			return i
		}
	}
	return -1
}

func widenRange(dtype string, l lanes, dst []float32, src []byte) int {
	var bad uint64
	switch dtype {
	case "BF16":
		bad = widenBF16(dst, src)
	case "F16":
		bad = widenF16(dst, src)
	case "F32":
		bad = widenF32(dst, src)
	}
	if bad&l.sign == 0 {
		return -1
	}
	return l.search(src)
}

// widenBF16 widens by shifting; its result has a sign bit set where a number is not finite, as widenF16's and widenF32's.
func widenBF16(dst []float32, src []byte) (bad uint64) {
	l := laneTypes["BF16"]
	for len(dst) >= 4 && len(src) >= 8 {
		x := binary.LittleEndian.Uint64(src)
		bad |= x&l.exponent + l.lowest
		d := dst[:4]
		d[0] = math.Float32frombits(uint32(x) << 16)
		d[1] = math.Float32frombits(uint32(x) &^ 0xffff)
		d[2] = math.Float32frombits(uint32(x>>32) << 16)
		d[3] = math.Float32frombits(uint32(x>>32) &^ 0xffff)
		dst, src = dst[4:], src[8:]
	}
	for i := range dst {
		x := uint64(binary.LittleEndian.Uint16(src[2*i:]))
		bad |= x&l.exponent + l.lowest
		dst[i] = math.Float32frombits(uint32(x) << 16)
	}
	return bad
}

// half widens a finite binary16: exponent and mantissa move into place, and a product with 2^112 moves the exponent's bias from
// 15 to 127, which also normalises subnormal numbers.
func half(x uint32) float32 {
	magnitude := math.Float32frombits(x&0x7fff<<13) * 0x1p112
	return math.Float32frombits(math.Float32bits(magnitude) | x&0x8000<<16)
}

func widenF16(dst []float32, src []byte) (bad uint64) {
	l := laneTypes["F16"]
	for len(dst) >= 4 && len(src) >= 8 {
		x := binary.LittleEndian.Uint64(src)
		bad |= x&l.exponent + l.lowest
		d := dst[:4]
		d[0], d[1] = half(uint32(x)), half(uint32(x>>16))
		d[2], d[3] = half(uint32(x>>32)), half(uint32(x>>48))
		dst, src = dst[4:], src[8:]
	}
	for i := range dst {
		x := uint64(binary.LittleEndian.Uint16(src[2*i:]))
		bad |= x&l.exponent + l.lowest
		dst[i] = half(uint32(x))
	}
	return bad
}

func widenF32(dst []float32, src []byte) (bad uint64) {
	l := laneTypes["F32"]
	for len(dst) >= 2 && len(src) >= 8 {
		x := binary.LittleEndian.Uint64(src)
		bad |= x&l.exponent + l.lowest
		d := dst[:2]
		d[0], d[1] = math.Float32frombits(uint32(x)), math.Float32frombits(uint32(x>>32))
		dst, src = dst[2:], src[8:]
	}
	for i := range dst {
		x := uint64(binary.LittleEndian.Uint32(src[4*i:]))
		bad |= x&l.exponent + l.lowest
		dst[i] = math.Float32frombits(uint32(x))
	}
	return bad
}

// search returns the index of the first number of src that is not finite, or -1.
func (l lanes) search(src []byte) int {
	i := 0
	for ; i+8 <= len(src); i += 8 {
		if (binary.LittleEndian.Uint64(src[i:])&l.exponent+l.lowest)&l.sign != 0 {
			break
		}
	}
	for ; i+l.size <= len(src); i += l.size {
		if (l.one(src[i:])&l.exponent+l.lowest)&l.sign&l.mask() != 0 {
			return i / l.size
		}
	}
	return -1
}

// one reads a single number into the lowest lane.
func (l lanes) one(src []byte) uint64 {
	if l.size == 4 {
		return uint64(binary.LittleEndian.Uint32(src))
	}
	return uint64(binary.LittleEndian.Uint16(src))
}

func (l lanes) mask() uint64 { return 1<<(8*l.size) - 1 }

// checkFinite says which of values is not finite.
func checkFinite(what string, values []float32) error {
	at := inParallel(len(values), func(from, to int) int {
		for i, v := range values[from:to] {
			if math.Float32bits(v)&0x7f800000 == 0x7f800000 {
				return i
			}
		}
		return -1
	})
	if at < 0 {
		return nil
	}
	return fmt.Errorf("%s: expected finite numbers, found %v at index %d", what, values[at], at)
}

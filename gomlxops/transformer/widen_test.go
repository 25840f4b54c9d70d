package transformer

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
)

// every16 returns all 65536 numbers of a 2-byte dtype, in order of their bits.
func every16() []byte {
	data := make([]byte, 2*65536)
	for i := range 65536 {
		binary.LittleEndian.PutUint16(data[2*i:], uint16(i))
	}
	return data
}

// slowHalf widens binary16 by the definition of its fields, in float64.
func slowHalf(bits uint16) float64 {
	exponent, mantissa := int(bits>>10&31), float64(bits&1023)
	value := math.Ldexp(mantissa, -24)
	if exponent == 31 {
		value = math.Inf(1)
		if mantissa != 0 {
			return math.NaN()
		}
	} else if exponent > 0 {
		value = math.Ldexp(1024+mantissa, exponent-25)
	}
	if bits>>15 != 0 {
		value = -value
	}
	return value
}

func slowBrain(bits uint16) float64 { return float64(math.Float32frombits(uint32(bits) << 16)) }

// TestWidenEvery16 compares every finite 2-byte number with its definition and sees every other one refused.
func TestWidenEvery16(t *testing.T) {
	src := every16()
	for dtype, slow := range map[string]func(uint16) float64{"F16": slowHalf, "BF16": slowBrain} {
		finite := 0
		for i := range 65536 {
			var got [1]float32
			at := widen(dtype, got[:], src[2*i:2*i+2])
			want := slow(uint16(i))
			if isFinite(want) != (at < 0) {
				t.Fatalf("%s %#04x: value %v, widen said %d", dtype, i, want, at)
			}
			if at < 0 {
				finite++
				if math.Float64bits(float64(got[0])) != math.Float64bits(want) {
					t.Fatalf("%s %#04x: expected %v, found %v", dtype, i, want, got[0])
				}
			}
		}
		t.Logf("%s: %d finite numbers", dtype, finite)
	}
}

func isFinite(x float64) bool { return !math.IsInf(x, 0) && !math.IsNaN(x) }

// TestWidenLengths runs lengths around the loop's four lanes and the workers' ranges, and plants one number that is not finite.
func TestWidenLengths(t *testing.T) {
	const seed = 7
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, n := range []int{0, 1, 2, 3, 4, 5, 7, 8, 1001, perWorker - 1, 2*perWorker + 1, 3*perWorker + 6} {
		values := make([]float32, n)
		for i := range values {
			values[i] = float32(rng.IntN(200)-100) / 8 // exact in every dtype
		}
		for dtype, l := range laneTypes {
			src := make([]byte, 1+n*l.size)[1:] // at an odd address, as behind an unpadded header
			narrow(dtype, src, values)
			got := make([]float32, n)
			if at := widen(dtype, got, src); at >= 0 {
				t.Fatalf("seed %d, %s, %d numbers: index %d is said not to be finite", seed, dtype, n, at)
			}
			for i := range got {
				if got[i] != values[i] {
					t.Fatalf("seed %d, %s, %d numbers: index %d: expected %v, found %v", seed, dtype, n, i, values[i], got[i])
				}
			}
			if n > 0 {
				plant(t, dtype, src, rng.IntN(n))
			}
		}
	}
}

// plant makes one number infinite and sees it found.
func plant(t *testing.T, dtype string, src []byte, at int) {
	t.Helper()
	size := laneTypes[dtype].size
	n := len(src) / size
	high := map[string]byte{"F32": 0x7f, "BF16": 0x7f, "F16": 0x7c}[dtype]
	src[at*size+size-1] = high
	src[at*size+size-2] |= map[string]byte{"F32": 0x80, "BF16": 0x80, "F16": 0}[dtype]
	if got := widen(dtype, make([]float32, n), src); got != at {
		t.Errorf("%s, %d numbers: widen found %d, planted at %d", dtype, n, got, at)
	}
	if got := firstNonFinite(dtype, src); got != at {
		t.Errorf("%s, %d numbers: search found %d, planted at %d", dtype, n, got, at)
	}
}

// TestNarrowRounds compares narrowing with the nearest of all numbers of the dtype, and sees each of those unchanged.
func TestNarrowRounds(t *testing.T) {
	const seed = 11
	rng := rand.New(rand.NewPCG(seed, 0))
	for dtype, slow := range map[string]func(uint16) float64{"F16": slowHalf, "BF16": slowBrain} {
		for range 20000 {
			bits := uint16(rng.IntN(65536))
			low, high := slow(bits), slow(bits+1) // neighbours of one sign, away from the ends
			if !isFinite(low) || !isFinite(high) || low*high < 0 || bits&0x7fff == 0x7fff {
				continue
			}
			between := float32(low + (high-low)*[]float64{0, 0.25, 0.5, 0.75}[rng.IntN(4)])
			want := bits
			if part := (float64(between) - low) / (high - low); part > 0.5 || part == 0.5 && bits&1 == 1 {
				want++
			}
			var out [2]byte
			narrow(dtype, out[:], []float32{between})
			if got := binary.LittleEndian.Uint16(out[:]); got != want {
				t.Fatalf("seed %d, %s of %v: expected %#04x, found %#04x", seed, dtype, between, want, got)
			}
		}
	}
}

func BenchmarkWiden(b *testing.B) {
	const n = 16 << 20
	dst := make([]float32, n)
	for _, dtype := range []string{"BF16", "F16", "F32"} {
		src := make([]byte, n*laneTypes[dtype].size)
		narrow(dtype, src, dst)
		b.Run(dtype, func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				if widen(dtype, dst, src) >= 0 {
					b.Fatal("not finite")
				}
			}
		})
		b.Run(dtype+"/verify", func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				if firstNonFinite(dtype, src) >= 0 {
					b.Fatal("not finite")
				}
			}
		})
	}
}

package bayesopt

import (
	_ "embed"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"strings"
	"sync"
)

// Notation of this file. Numbers below 1 are 32 bits behind the point, the first of which is worth a half.
//
//	symbol  meaning                                                             shape
//	s, a    degree and coefficients a_1 … a_(s−1) of a primitive polynomial     scalar, bits
//	m_k     odd numbers below 2^k, the first s of them given                    scalar
//	v_k     direction numbers m_k/2^k                                           [32]
//	g(n)    n ⊕ ⌊n/2⌋, the Gray code of n
//	x_n     ⊕ v_k over the bits k of g(n), k = 1 the last                       scalar, one for each dimension

// sobol walks along a scrambled Sobol sequence, projected on the budget: the points x_0, x_1, … of I. M. Sobol (1967) in the order of Antonov and Saleev
// (1979), with
//
//	m_k = 2 a_1 m_(k−1) ⊕ 4 a_2 m_(k−2) ⊕ … ⊕ 2^(s−1) a_(s−1) m_(k−s+1) ⊕ 2^s m_(k−s) ⊕ m_(k−s)
//
// and the beginnings of S. Joe and F. Y. Kuo (2008), as PyTorch and SciPy have them. Each dimension is scrambled by a random matrix that adds to each bit some of
// those before it, and by a random shift of all (J. Matoušek, On the L2-discrepancy for anchored boxes, Journal of Complexity 14, 1998): that keeps what the sequence
// is made for, one point of 2^k in each of the 2^k equal parts of every axis. gonum has no Sobol sequence.
type sobol struct{}

func (sobol) next(h *history, _ *rand.Rand) (proposal, error) {
	return proposal{u: h.domain.project(sobolPoint(h.domain.dim(), h.seed, uint32(h.id))), phase: PhaseDesign}, nil
}

// sobolFigures are the given m_k, of sobolMost−1 dimensions; the first needs none.
//
//go:embed sobol.txt
var sobolFigures string

// sobolMost is how many dimensions the figures are for.
const sobolMost = 256

// sobolPoint returns point n of the sequence that a seed scrambles.
func sobolPoint(d int, seed uint64, n uint32) []float64 {
	rng, u := newRand(seed, 0x50b01), make([]float64, d)
	for k := range u {
		u[k] = float64(scramble(rng, directions()[k].at(n))) / (1 << 32)
	}
	return u
}

// direction holds the v_k of one dimension.
type direction [32]uint32

func (v *direction) at(n uint32) (x uint32) {
	for g := n ^ n>>1; g != 0; g &= g - 1 {
		x ^= v[bits.TrailingZeros32(g)]
	}
	return x
}

// scramble adds to each bit of x some of those before it, and shifts all.
func scramble(rng *rand.Rand, x uint32) (y uint32) {
	for bit := uint32(1) << 31; bit != 0; bit >>= 1 {
		if column := bit | rng.Uint32()&(bit-1); x&bit != 0 {
			y ^= column
		}
	}
	return y ^ rng.Uint32()
}

// directions are those of all dimensions.
var directions = sync.OnceValue(func() (all []direction) {
	first := direction{}
	for k := range first {
		first[k] = 1 << (31 - k)
	}
	all = append(all, first)
	for line := range strings.Lines(sobolFigures) {
		if !strings.HasPrefix(line, "#") {
			all = append(all, parseDirection(line))
		}
	}
	return all
})

// parseDirection reads a polynomial and the m_k, and goes on by the recurrence.
func parseDirection(line string) (v direction) {
	fields := strings.Fields(line)
	number := func(i int) (n uint32) {
		if _, err := fmt.Sscan(fields[i], &n); err != nil {
			panic(fmt.Sprintf("bayesopt: sobol.txt: %q: %v", line, err))
		}
		return n
	}
	polynomial, s := number(0), len(fields)-1
	for k := range v {
		if k < s {
			v[k] = number(k+1) << (31 - k)
			continue
		}
		v[k] = v[k-s] ^ v[k-s]>>s
		for i := 1; i < s; i++ {
			if polynomial>>(s-i)&1 == 1 {
				v[k] ^= v[k-i]
			}
		}
	}
	return v
}

package lowrank

import (
	"fmt"
	"math"
)

// Rank returns the rank at which the factors of an [out, in] matrix hold the fraction 1−ratio of its numbers, rounded down:
//
//	r = ⌊(1 − λ) out·in / (out + in)⌋
//
// (Bolaco, arXiv 2405.10616, section 3). It can be 0 for a tiny matrix and a ratio near 1. A ratio outside (0,1) is an error
// that names it.
func Rank(ratio float64, out, in int) (int, error) {
	if !(ratio > 0 && ratio < 1) {
		return 0, fmt.Errorf("ratio: expected the fraction to remove, above 0 and below 1, found %v", ratio)
	}
	if out < 1 || in < 1 {
		return 0, fmt.Errorf("rank: expected positive dimensions, found [%d %d]", out, in)
	}
	exact := (1 - ratio) * float64(out) * float64(in) / (float64(out) + float64(in))
	// 1−0.9 is a little below 0.1 in binary: without this a rank of exactly 10 would become 9.
	const rounding = 1e-12
	return int(math.Floor(exact * (1 + rounding))), nil
}

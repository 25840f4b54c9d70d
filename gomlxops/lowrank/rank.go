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
	if err := checkRatio(ratio); err != nil {
		return 0, err
	}
	if out < 1 || in < 1 {
		return 0, fmt.Errorf("rank: expected positive dimensions, found [%d %d]", out, in)
	}
	exact := (1 - ratio) * float64(out) * float64(in) / (float64(out) + float64(in))
	return int(math.Floor(exact * (1 + rounding))), nil
}

// rounding makes up for 1−λ: 1−0.9 is a little below 0.1 in binary, and without this a rank of exactly 10 would become 9.
const rounding = 1e-12

// BolacoRank returns the rank that Bolaco's released code takes where the fraction 1−ratio is kept: rounded up, and then down to a
// multiple of 8. The paper says the nearest multiple of 8. It can be 0 for a small matrix.
func BolacoRank(ratio float64, out, in int) (int, error) {
	if _, err := Rank(ratio, out, in); err != nil {
		return 0, err
	}
	exact := (1 - ratio) * float64(out) * float64(in) / (float64(out) + float64(in))
	return int(math.Ceil(exact*(1-rounding))) / 8 * 8, nil
}

func checkRatio(ratio float64) error {
	if !(ratio > 0 && ratio < 1) {
		return fmt.Errorf("ratio: expected the fraction to remove, above 0 and below 1, found %v", ratio)
	}
	return nil
}

package linalg

import (
	"fmt"
	"math"
	"slices"
)

// symmetryTolerance bounds |a_ij − a_ji| relative to the largest entry. Sums of float64 rounding over any hidden size stay
// far below it; a product taken in float32 (about 1e-7) does not, and wants [Symmetrize] by somebody who knows that.
const symmetryTolerance = 1e-10

// checkShape says whether a holds rows×cols numbers.
func checkShape(op, what string, a []float64, rows, cols int) error {
	if rows < 0 || cols < 0 {
		return fmt.Errorf("linalg: %s: %s cannot be %d×%d", op, what, rows, cols)
	}
	if cols > 0 && rows > math.MaxInt/8/cols {
		return fmt.Errorf("linalg: %s: %s of %d×%d does not fit into memory", op, what, rows, cols)
	}
	if len(a) != rows*cols {
		return fmt.Errorf("linalg: %s: %s should hold %d×%d = %d numbers, it holds %d", op, what, rows, cols, rows*cols, len(a))
	}
	return nil
}

// largest returns max |a_ij|, or an error that names the first entry which is not finite.
func largest(op string, a []float64, cols int) (float64, error) {
	tops := make([]float64, strips(len(a), scanned)) // infinite where there is such an entry
	parallel(len(tops), 8, func(lo, hi int) {
		for k := lo; k < hi; k++ {
			tops[k] = peakOf(a[k*scanned : min((k+1)*scanned, len(a))])
		}
	})
	top := 0.0
	for k, t := range tops {
		if t > math.MaxFloat64 {
			i := k*scanned + slices.IndexFunc(a[k*scanned:], func(v float64) bool { return v-v != 0 })
			return 0, fmt.Errorf("linalg: %s: entry (row %d, column %d) is %v; every entry must be finite", op, i/cols, i%cols, a[i])
		}
		top = max(top, t)
	}
	return top, nil
}

// scanned is how many numbers are looked at in one go.
const scanned = 1 << 13

// peakOf returns max |a_i|, infinite where one is not a number.
func peakOf(a []float64) float64 {
	m := 0.0
	for _, v := range a {
		v = math.Abs(v)
		if v <= m {
			continue
		}
		if v != v {
			return math.Inf(1)
		}
		m = v
	}
	return m
}

// power returns e with 2^(e-1) ≤ x < 2^e. Dividing by 2^e is exact, so matrices near 1e-300 or 1e150 can be squared afterwards.
func power(x float64) int {
	_, e := math.Frexp(x)
	return e
}

// scaled returns a·2^shift.
func scaled(a []float64, shift int) []float64 {
	out := make([]float64, len(a))
	rescaleTo(out, a, shift)
	return out
}

// rescale multiplies a by 2^shift in place.
func rescale(a []float64, shift int) { rescaleTo(a, a, shift) }

// rescaleTo sets out to a·2^shift. Powers of two beyond the range of float64 are applied in two steps.
func rescaleTo(out, a []float64, shift int) {
	half := shift / 2
	f, g := math.Ldexp(1, half), math.Ldexp(1, shift-half)
	parallel(len(a), 1<<15, func(lo, hi int) {
		for i, v := range a[lo:hi] {
			out[lo+i] = v * f * g
		}
	})
}

// symmetric checks a (n×n) and returns (A+Aᵀ)/2 scaled to entries of at most 1, and the exponent e with A = scaled·2^e.
// An all-zero or empty matrix comes back as nil.
func symmetric(op string, a []float64, n int) (s []float64, e int, err error) {
	if err := checkShape(op, "the matrix", a, n, n); err != nil {
		return nil, 0, err
	}
	m, err := largest(op, a, n)
	if err != nil || m == 0 {
		return nil, 0, err
	}
	e = power(m)
	s = scaled(a, -e)
	if i, j := mirror(s, n, symmetryTolerance); i >= 0 {
		return nil, 0, fmt.Errorf("linalg: %s: the matrix is not symmetric: entry (%d,%d) is %v and (%d,%d) is %v; use Symmetrize if it should be",
			op, i, j, a[i*n+j], j, i, a[j*n+i])
	}
	return s, e, nil
}

// Symmetrize replaces A (n×n) by (A+Aᵀ)/2, for matrices that are symmetric but for the rounding of a coarser type.
func Symmetrize(a []float64, n int) error {
	if err := checkShape("Symmetrize", "the matrix", a, n, n); err != nil {
		return err
	}
	mirror(a, n, math.Inf(1))
	return nil
}

// tile is the side of the squares in which matrices are turned over: 32×32 float64 and their image fit into the first-level cache.
const tile = 32

// mirror gives each pair (i,j), (j,i) of a (n×n) its mean. Where a pair differs by more than tolerance, it returns the first such pair, and
// leaves what follows undefined; else -1.
func mirror(a []float64, n int, tolerance float64) (row, column int) {
	bands := strips(n, tile)
	rows, columns := make([]int, bands), make([]int, bands)
	each(bands, 8, func(k int) {
		k = bands - 1 - k // the longest first
		rows[k], columns[k] = mirrorBand(a, n, k*tile, tolerance)
	})
	for k, row := range rows {
		if row >= 0 {
			return row, columns[k]
		}
	}
	return -1, -1
}

// mirrorBand is mirror for rows [i0, i0 + tile) of the lower half.
func mirrorBand(a []float64, n, i0 int, tolerance float64) (row, column int) {
	for j0 := 0; j0 <= i0; j0 += tile {
		for i := i0; i < min(n, i0+tile); i++ {
			for j := j0; j < min(i, j0+tile); j++ {
				x, y := a[i*n+j], a[j*n+i]
				if math.Abs(x-y) > tolerance {
					return i, j
				}
				mean := x/2 + y/2
				a[i*n+j], a[j*n+i] = mean, mean
			}
		}
	}
	return -1, -1
}

// Transpose returns Aᵀ (n×m) of A (m×n). It panics where a is shorter than m·n.
func Transpose(a []float64, m, n int) []float64 {
	out := make([]float64, m*n)
	parallel((m+tile-1)/tile, 8, func(lo, hi int) {
		for i0 := lo * tile; i0 < min(m, hi*tile); i0 += tile {
			for j0 := 0; j0 < n; j0 += tile {
				for i := i0; i < min(m, i0+tile); i++ {
					for j := j0; j < min(n, j0+tile); j++ {
						out[j*m+i] = a[i*n+j]
					}
				}
			}
		}
	})
	return out
}

func identity(n int) []float64 {
	a := make([]float64, n*n)
	for i := range n {
		a[i*n+i] = 1
	}
	return a
}

// reflectLower copies the lower half of a (n×n) to the upper.
func reflectLower(a []float64, n int) {
	parallel((n+tile-1)/tile, 8, func(lo, hi int) {
		for i0 := lo * tile; i0 < min(n, hi*tile); i0 += tile {
			for j0 := i0; j0 < n; j0 += tile {
				for i := i0; i < min(n, i0+tile); i++ {
					for j := max(i+1, j0); j < min(n, j0+tile); j++ {
						a[i*n+j] = a[j*n+i]
					}
				}
			}
		}
	})
}

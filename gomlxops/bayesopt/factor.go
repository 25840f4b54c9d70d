package bayesopt

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// factor is a Cholesky factor that grows by rows: L with K = L Lᵀ, row i of length i+1.
//
// A row that is appended is computed by the very operations that factorising from scratch takes, so both give the same bits, and a search
// that is resumed proposes what it would have proposed. gonum's mat.Cholesky, which is blocked, has ExtendVecSym but not that.
type factor struct {
	rows [][]float64
}

// append adds the row k of K, its last element the diagonal one. It reports whether the enlarged matrix is positive definite; where not,
// the factor stays as it was. Cost n² for n rows.
func (f *factor) append(k []float64) bool {
	n := len(f.rows)
	row := make([]float64, n+1)
	pivot := k[n]
	for j, other := range f.rows {
		row[j] = (k[j] - floats.Dot(row[:j], other[:j])) / other[j]
	}
	pivot -= floats.Dot(row[:n], row[:n])
	if !(pivot > 1e-15*k[n]) {
		return false
	}
	row[n] = math.Sqrt(pivot)
	f.rows = append(f.rows, row)
	return true
}

// solveLower replaces b by L⁻¹ b.
func (f *factor) solveLower(b []float64) {
	for i, row := range f.rows {
		b[i] = (b[i] - floats.Dot(row[:i], b[:i])) / row[i]
	}
}

// solveUpper replaces b by L⁻ᵀ b.
func (f *factor) solveUpper(b []float64) {
	for i := len(f.rows) - 1; i >= 0; i-- {
		row := f.rows[i]
		b[i] /= row[i]
		floats.AddScaled(b[:i], -b[i], row[:i])
	}
}

// logDet returns log |K|.
func (f *factor) logDet() float64 {
	sum := 0.0
	for i, row := range f.rows {
		sum += math.Log(row[i])
	}
	return 2 * sum
}

// inverse returns the lower triangle of K⁻¹, row i of length i+1.
func (f *factor) inverse() [][]float64 {
	n := len(f.rows)
	// columns[j] is column j of L⁻¹ from the diagonal down.
	columns := make([][]float64, n)
	together(n, func(j int) {
		c := make([]float64, n-j)
		c[0] = 1 / f.rows[j][j]
		for i := j + 1; i < n; i++ {
			c[i-j] = -floats.Dot(f.rows[i][j:i], c[:i-j]) / f.rows[i][i]
		}
		columns[j] = c
	})
	out := make([][]float64, n)
	together(n, func(i int) {
		out[i] = make([]float64, i+1)
		for j := range i + 1 {
			out[i][j] = floats.Dot(columns[i], columns[j][i-j:])
		}
	})
	return out
}

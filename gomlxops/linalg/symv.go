package linalg

// symv multiplies a vector by a symmetric matrix of which only the upper half is read: every entry serves two rows, which halves
// the memory traffic that bounds the reduction to tridiagonal form.
type symv struct {
	partial [][]float64 // a sum for each part, added up in order
}

// symvParts bounds how many parts a product is cut into. The number depends on the size alone, never on the machine's
// processors, so that results do not either.
const symvParts = 8

func newSymv(n int) *symv {
	s := &symv{partial: make([][]float64, min(symvParts, n/256+1))}
	for i := range s.partial {
		s.partial[i] = make([]float64, n)
	}
	return s
}

// multiply sets out = A v, where A is the block of a (n×n) from row and column first on, and v and out have n-first entries.
func (s *symv) multiply(a []float64, n, first int, v, out []float64) {
	m := n - first
	parts := s.partial[:min(len(s.partial), m/256+1)]
	bounds := equalAreas(m, len(parts))
	jobs := make([]func(), len(parts))
	for k := range parts {
		jobs[k] = func() { symvRows(a, n, first, v, parts[k][:m], bounds[k], bounds[k+1]) }
	}
	together(jobs...)
	copy(out, parts[0][:m])
	for _, p := range parts[1:] {
		axpy(1, p[:m], out)
	}
}

// symvRows sets sum to what rows [lo, hi) of the upper half contribute to A v, four rows at a time.
func symvRows(a []float64, n, first int, v, sum []float64, lo, hi int) {
	m := n - first
	clear(sum)
	i := lo
	for ; i+4 <= hi; i += 4 {
		var rows [4][]float64
		for k := range rows {
			rows[k] = a[(first+i+k)*n+first+i : (first+i+k)*n+n]
			symvTriangle(rows[k][k:4], v[i+k:i+4], sum[i+k:i+4])
			rows[k] = rows[k][4:]
		}
		d := symvQuad(&rows, v[i+4:m], (*[4]float64)(v[i:i+4]), sum[i+4:])
		for k := range d {
			sum[i+k] += d[k]
		}
	}
	for ; i < hi; i++ {
		symvTriangle(a[(first+i)*n+first+i:(first+i)*n+n], v[i:m], sum[i:])
	}
}

// symvTriangle adds the share of a short row, which begins at the diagonal.
func symvTriangle(row, v, sum []float64) {
	sum[0] += row[0] * v[0]
	for j := 1; j < len(row); j++ {
		sum[0] += row[j] * v[j]
		sum[j] += row[j] * v[0]
	}
}

// equalAreas cuts the rows of an upper half of size m into parts of about equal area, at multiples of 4.
func equalAreas(m, parts int) []int {
	bounds := make([]int, parts+1)
	bounds[parts] = m
	area, k := 0, 1
	for i := 0; i < m && k < parts; i++ {
		area += m - i
		if 2*parts*area >= k*m*m && (i+1)%4 == 0 {
			bounds[k] = i + 1
			k++
		}
	}
	for ; k < parts; k++ {
		bounds[k] = m
	}
	return bounds
}

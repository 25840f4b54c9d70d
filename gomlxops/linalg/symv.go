package linalg

// symv multiplies a vector by a symmetric matrix of which only the upper half is read: every entry serves two rows, which halves
// the memory traffic that bounds the reduction to tridiagonal form.
type symv struct {
	partial [][]float64 // a sum for each part, added up in order
	team    *team
}

// symvParts is how many parts a product is cut into, and symvRows how many rows together belong to one: part k has rows k·symvRows,
// (k + symvParts)·symvRows and so on of the whole matrix. So parts are about equal, and as the matrix shrinks each keeps its
// rows, which stay in the cache of the processor that takes it. Neither number depends on the machine's processors, so that
// results do not either.
const (
	symvParts = 8
	symvBand  = 16
	// symvSerial is the size below which one processor is as fast.
	symvSerial = 192
)

func newSymv(n int) *symv {
	s := &symv{partial: make([][]float64, 1)}
	if n >= symvSerial {
		s.partial = make([][]float64, symvParts)
	}
	for i := range s.partial {
		s.partial[i] = make([]float64, n)
	}
	s.team = newTeam(len(s.partial))
	return s
}

// multiply sets out = A v, where A is the block of a (n×n) from row and column first on, and v and out have n-first entries.
func (s *symv) multiply(a []float64, n, first int, v, out []float64) {
	m := n - first
	parts := s.partial
	if m < symvSerial {
		parts = parts[:1]
	}
	s.team.run(len(parts), func(k int) {
		sum := parts[k][:m]
		clear(sum)
		for band := k; band*symvBand < n; band += len(parts) {
			symvRows(a, n, first, v, sum, max(band*symvBand, first), min((band+1)*symvBand, n))
		}
	})
	copy(out, parts[0][:m])
	for _, p := range parts[1:] {
		axpy(1, p[:m], out)
	}
}

// symvRows adds to sum what rows [lo, hi) of the upper half contribute to A v, four rows at a time. Rows count from 0, v and sum from first.
func symvRows(a []float64, n, first int, v, sum []float64, lo, hi int) {
	for lo < hi && (lo%4 != 0 || lo+4 > hi) {
		symvRow(a[lo*n+lo:lo*n+n], v[lo-first:], sum[lo-first:])
		lo++
	}
	for ; lo < hi; lo += 4 {
		if lo+4 > hi {
			symvRows(a, n, first, v, sum, lo, hi)
			return
		}
		i := lo - first
		var rows [4][]float64
		for k := range rows {
			rows[k] = a[(lo+k)*n+lo : (lo+k+1)*n]
			symvTriangle(rows[k][k:4], v[i+k:i+4], sum[i+k:i+4])
			rows[k] = rows[k][4:]
		}
		d := symvQuad(&rows, v[i+4:], (*[4]float64)(v[i:i+4]), sum[i+4:])
		for k := range d {
			sum[i+k] += d[k]
		}
	}
}

// symvRow adds the share of one row, which begins at the diagonal.
func symvRow(row, v, sum []float64) {
	sum[0] += row[0]*v[0] + dot(row[1:], v[1:len(row)])
	axpy(v[0], row[1:], sum[1:len(row)])
}

// symvTriangle is symvRow for a row of at most four.
func symvTriangle(row, v, sum []float64) {
	sum[0] += row[0] * v[0]
	for j := 1; j < len(row); j++ {
		sum[0] += row[j] * v[j]
		sum[j] += row[j] * v[0]
	}
}

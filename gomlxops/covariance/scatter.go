package covariance

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// The scatter of one batch, on the host. Notation:
//
//	n, d  tokens of the batch, and channels
//	x     activations [n, d]
//	c     their mean, rounded to float32 [d]
//	r     what is left of the mean: the mean of x − c [d]
//	P_p   panel p of x − c: channels 16p to 16p+15 of every token, [n, 16]; channels past d are zero
//
// Σ (x − c)(x − c)ᵀ is symmetric, so only its lower triangle is computed, half of a product's operations: tile by tile, 8 rows
// by up to 48 columns, each the sum of outer products of two stretches of panels. A panel is read row by row, as x is, so
// nothing is transposed. (K. Goto and R. van de Geijn, "Anatomy of high-performance matrix multiplication", 2008, section
// 4, lays panels out so; here both factors are the same array and share one copy.)
//
// Products and their sums over a batch are float32, everything between batches is float64.
const (
	panelWidth = 16 // channels: one AVX-512 vector of float32
	tileRows   = 8  // of the scatter in one tile
	tilePanels = 3  // most panels across one tile: 8×3 sums and 3 operands fit 32 registers
	tileStride = tilePanels * panelWidth

	// tokensPerScatter bounds a batch: more tokens count as several. It keeps a tile's operands, 4 panels of 64 bytes for each
	// token, in the second cache. The float64 matrix is read and written once for each batch: at 2,816 channels and with sums over 256
	// tokens that took half as much time as the products.
	tokensPerScatter = 2048
	// panelsPerJob is the height of the part of the scatter that one goroutine computes at a time.
	panelsPerJob = 4
)

// scatter holds the centred panels of one batch, and its arrays from batch to batch.
type scatter struct {
	tokens, dim             int
	panels                  []float32 // [⌈d/16⌉][tokens][16]
	mean, residual, absMean []float32 // c, r, and the mean of |x|
}

// centre takes x [tokens, dim] over: means, and panels about them. Cost: two passes over x.
func (s *scatter) centre(x []float32, dim int) {
	s.tokens, s.dim = len(x)/dim, dim
	s.panels = resize(s.panels, s.count()*s.tokens*panelWidth)
	s.mean, s.residual, s.absMean = resize(s.mean, dim), resize(s.residual, dim), resize(s.absMean, dim)
	parallel(s.count(), func(p int) { s.centrePanel(p, x) })
}

// count is the number of panels.
func (s *scatter) count() int { return (s.dim + panelWidth - 1) / panelWidth }

// panel returns P_p and the panels behind it.
func (s *scatter) panel(p int) []float32 { return s.panels[p*s.tokens*panelWidth:] }

func (s *scatter) centrePanel(p int, x []float32) {
	at := p * panelWidth
	width := min(panelWidth, s.dim-at)
	var sum, abs, rest [panelWidth]float64
	var c [panelWidth]float32
	columnSums(x[at:], s.dim, width, &sum, &abs)
	n := float64(s.tokens)
	for i := range width {
		c[i] = float32(sum[i] / n)
		s.mean[at+i], s.absMean[at+i] = c[i], float32(abs[i]/n)
	}
	subtract(s.panel(p)[:s.tokens*panelWidth], x[at:], s.dim, width, &c, &rest)
	for i := range width {
		s.residual[at+i] = float32(rest[i] / n)
	}
}

// addTo adds Σ (x − c)(x − c)ᵀ and update to the packed matrix. The result does not depend on the number of processors.
func (s *scatter) addTo(matrix []float64, update rankTwo) {
	jobs := (s.count() + panelsPerJob - 1) / panelsPerJob
	parallel(jobs, func(job int) {
		first := (jobs - 1 - job) * panelsPerJob // the longest rows first
		s.addRows(matrix, update, first, min(first+panelsPerJob, s.count()))
	})
}

// addRows adds to the rows of panels first to last of the matrix.
func (s *scatter) addRows(matrix []float64, update rankTwo, first, last int) {
	var tile [tileRows * tileStride]float32
	for left := 0; left < last; left += tilePanels {
		across := min(tilePanels, last-left)
		for i := max(first, left) * panelWidth; i < min(last*panelWidth, s.dim); i += tileRows {
			p := i / panelWidth
			wide := min(across, p+1-left) // up to the diagonal's panel
			multiply(s.panel(p)[i%panelWidth:], s.panel(left), s.tokens*panelWidth, s.tokens, wide, &tile)
			for k := range min(tileRows, s.dim-i) {
				from := left * panelWidth
				to := min(from+wide*panelWidth, i+k+1)
				update.addRow(rowOf(matrix, i+k), i+k, from, to, tile[k*tileStride:])
			}
		}
	}
}

// rowOf returns row i of a packed matrix.
func rowOf(matrix []float64, i int) []float64 {
	at := packed(i)
	return matrix[at : at+i+1]
}

// rankTwo is the matrix a u uᵀ + b v vᵀ.
type rankTwo struct {
	a, b float64
	u, v []float64
}

// addRow adds entries [from, to) of row i, and x beside them, to row.
func (t rankTwo) addRow(row []float64, i, from, to int, x []float32) {
	addThree(row[from:to], x, t.a*t.u[i], t.u[from:], t.b*t.v[i], t.v[from:])
}

// parallel calls f(0) to f(n − 1), as many at a time as there are processors, and waits.
func parallel(n int, f func(i int)) {
	var wg sync.WaitGroup
	var next atomic.Int64
	work := func() {
		for i := int(next.Add(1)); i <= n; i = int(next.Add(1)) {
			f(i - 1)
		}
	}
	for range min(runtime.GOMAXPROCS(0), n) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
}

// resize returns n numbers, a's memory where it suffices.
func resize(a []float32, n int) []float32 {
	if cap(a) < n {
		return make([]float32, n)
	}
	return a[:n]
}

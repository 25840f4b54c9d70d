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
//	c     a point near their mean: the mean of every 8th token, rounded to float32 [d]
//	r     what is left of the mean: the mean of x − c [d]
//	P_p   panel p of x − c: channels 16p to 16p+15 of every token, [n, 16]; channels past d are zero
//
// Σ (x − c)(x − c)ᵀ is symmetric, so only its lower triangle is computed, half of a product's operations: tile by tile, 8 rows
// by up to 48 columns, each the sum of outer products of two stretches of panels. A panel is read row by row, as x is, so
// nothing is transposed. (K. Goto and R. van de Geijn, "Anatomy of high-performance matrix multiplication", 2008, section
// 4, lays panels out so; here both factors are the same array and share one copy.)
//
// The point c saves a pass over x: the exact mean is c + r, and n r rᵀ comes off the scatter afterwards. That costs no digits, because r is
// small however the tokens are ordered: the mean of a part φ of them is within σ √((1−φ)/φ) of the mean of all (P. Samuelson, "How deviant
// can you be?", 1968), here 2.6 σ, so that what is summed is at most eight times the scatter. Where the order of tokens
// has nothing to do with their size it is larger by one part in n/8.
//
// Products are float32 and so are their sums over tokensPerTile and then over a batch; everything between batches is float64. So an entry
// is off by at most (192 + 12) roundings, 1.2e-5, of Σ |x_i − c_i| |x_j − c_j|, and in practice by 1e-6 of the largest.
const (
	panelWidth = 16 // channels: one AVX-512 vector of float32
	tileRows   = 8  // of the scatter in one tile
	tilePanels = 3  // most panels across one tile: 8×3 sums and 3 operands fit 32 registers
	tileStride = tilePanels * panelWidth

	// tokensPerScatter bounds a batch: more tokens count as several. The float64 matrix is read and written once for each batch: at 2,816
	// channels and with sums over 256 tokens that took half as much time as the products.
	tokensPerScatter = 2048
	// tokensPerTile keeps three stretches of panels across, 36 KB, in the first cache while the rows of a job pass by.
	tokensPerTile = 192
	// panelsPerJob is the height of the part of the scatter that one goroutine computes at a time, and of x that it centres.
	panelsPerJob = 4
	sampleEvery  = 8  // tokens
	sumRows      = 64 // tokens that are centred in one go, and whose sums are float32
	tilesPerJob  = panelsPerJob * panelWidth / tileRows
)

// scatter holds the centred panels of one batch, and its arrays from batch to batch.
type scatter struct {
	tokens, dim             int
	panels                  []float32 // [⌈d/16⌉][tokens][16]
	mean, residual, absMean []float32 // c, r, and the mean of |x|
}

// centre takes x [tokens, dim] over: means, and panels about c. Cost: a pass over x, and one over an eighth of it.
func (s *scatter) centre(x []float32, dim int) {
	s.tokens, s.dim = len(x)/dim, dim
	s.panels = resize(s.panels, s.count()*s.tokens*panelWidth)
	s.mean, s.residual, s.absMean = resize(s.mean, dim), resize(s.residual, dim), resize(s.absMean, dim)
	parallel(s.jobs(), func(job int) { s.centrePanels(x, job*panelsPerJob, min((job+1)*panelsPerJob, s.count())) })
}

// count is the number of panels, and jobs that of the parts they are worked on in.
func (s *scatter) count() int { return (s.dim + panelWidth - 1) / panelWidth }

func (s *scatter) jobs() int { return (s.count() + panelsPerJob - 1) / panelsPerJob }

// panel returns P_p and the panels behind it, from a token on.
func (s *scatter) panel(p, token int) []float32 { return s.panels[(p*s.tokens+token)*panelWidth:] }

// centrePanels goes through x some tokens at a time, so that panels beside one another read what lies together.
func (s *scatter) centrePanels(x []float32, first, last int) {
	var columns [panelsPerJob]column
	for p := first; p < last; p++ {
		columns[p-first].sample(x[p*panelWidth:], s.dim, s.width(p))
	}
	for token := 0; token < s.tokens; token += sumRows {
		n := min(sumRows, s.tokens-token)
		for p := first; p < last; p++ {
			c := &columns[p-first]
			subtract(s.panel(p, token)[:n*panelWidth], x[token*s.dim+p*panelWidth:], s.dim, s.width(p), &c.point, &c.rest, &c.abs)
		}
	}
	n := float64(s.tokens)
	for p := first; p < last; p++ {
		at, c := p*panelWidth, &columns[p-first]
		for i := range s.width(p) {
			s.mean[at+i], s.residual[at+i], s.absMean[at+i] = c.point[i], float32(c.rest[i]/n), float32(c.abs[i]/n)
		}
	}
}

// width is the number of channels of a panel.
func (s *scatter) width(p int) int { return min(panelWidth, s.dim-p*panelWidth) }

// column is a panel's share of the means, and its sums of x − c and of |x|.
type column struct {
	point     [panelWidth]float32
	rest, abs [panelWidth]float64
}

// sample sets c from every 8th row of x, of which the first width numbers count; rows are stride apart.
func (c *column) sample(x []float32, stride, width int) {
	var sum, abs [panelWidth]float64
	rows := 0
	for len(x) >= width {
		n := min(sumRows, (len(x)-width)/(sampleEvery*stride)+1)
		sums(x, sampleEvery*stride, width, n, &sum, &abs)
		rows += n
		x = x[min(n*sampleEvery*stride, len(x)):]
	}
	for i := range width {
		c.point[i] = float32(sum[i] / float64(rows))
	}
}

// addTo adds Σ (x − c)(x − c)ᵀ and update to the packed matrix. The result does not depend on the number of processors.
func (s *scatter) addTo(matrix []float64, update rankTwo) {
	jobs := s.jobs()
	parallel(jobs, func(job int) {
		first := (jobs - 1 - job) * panelsPerJob // the longest rows first
		s.addRows(matrix, update, first, min(first+panelsPerJob, s.count()))
	})
}

// addRows adds to the rows of panels first to last of the matrix, three panels across at a time.
func (s *scatter) addRows(matrix []float64, update rankTwo, first, last int) {
	var tiles [tilesPerJob][tileRows * tileStride]float32
	for left := 0; left < last; left += tilePanels {
		from, to := max(first, left), min(last*panelWidth, s.dim)
		clear(tiles[:])
		s.multiply(&tiles, from*panelWidth, to, left, min(tilePanels, last-left))
		for i := from * panelWidth; i < to; i++ {
			row := i - from*panelWidth
			begin, end := left*panelWidth, min((left+tilePanels)*panelWidth, i+1)
			update.addRow(rowOf(matrix, i), i, begin, end, tiles[row/tileRows][row%tileRows*tileStride:])
		}
	}
}

// multiply adds the products of rows [from, to) and the panels from left on, as many as are across, up to the diagonal's panel.
func (s *scatter) multiply(tiles *[tilesPerJob][tileRows * tileStride]float32, from, to, left, across int) {
	for token := 0; token < s.tokens; token += tokensPerTile {
		n := min(tokensPerTile, s.tokens-token)
		b := s.panel(left, token)
		for i := from; i < to; i += tileRows {
			p := i / panelWidth
			multiply(s.panel(p, token)[i%panelWidth:], b, s.tokens*panelWidth, n, min(across, p+1-left), &tiles[(i-from)/tileRows])
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

package linalg

import "sync"

// Notation of gemm.go (K. Goto and R. van de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 34, 2008, section 4):
//
//	A, B, C     m×k, k×n, m×n   views: any strides, so that a transpose or a block costs nothing
//	strip of A  8 rows,  packed [depth][8]
//	strip of B  24 columns, packed [depth][24]
//	tile of C   8×24, the sum over depth of products of a strip of A and one of B; tile_amd64.go
//
// The depth is cut at packDepth. Each entry of C is summed in the same order whatever the number of processors.
const (
	tileRows = 8
	tileCols = 24

	// packDepth keeps a strip of B, 36 KB, in the first cache while strips of A pass by.
	packDepth = 192
	// A job is 12 strips of A, 144 KB in the second cache, times 8 strips of B: about 0.1 ms of one processor.
	jobRows = 12
	jobCols = 8
	// serialBelow is the number of multiplications that are not worth waking another processor for.
	serialBelow = 1 << 17
)

// view is an m×n matrix inside data: entry (i,j) is data[i*down+j*right]. One of the two steps is 1.
type view struct {
	data        []float64
	m, n        int
	down, right int
}

// dense views a row-major matrix.
func dense(data []float64, m, n int) view { return view{data, m, n, n, 1} }

// t is the transpose.
func (v view) t() view { return view{v.data, v.n, v.m, v.right, v.down} }

// block is rows [i0, i1) and columns [j0, j1).
func (v view) block(i0, i1, j0, j1 int) view {
	if i0 == i1 || j0 == j1 {
		return view{nil, i1 - i0, j1 - j0, v.down, v.right}
	}
	return view{v.data[i0*v.down+j0*v.right:], i1 - i0, j1 - j0, v.down, v.right}
}

// half says which entries of C a product need not compute.
type half uint8

const (
	whole     half = iota
	upperHalf      // entries below the diagonal may be left as they are, or not
	lowerHalf      // entries above it
)

// skips says whether rows [i0, i1) and columns [j0, j1) lie in the other half.
func (h half) skips(i0, i1, j0, j1 int) bool {
	return h == upperHalf && i0 >= j1 || h == lowerHalf && j0 >= i1
}

// packs are the packed strips of one product.
type packs struct{ a, b []float64 }

var packPool = sync.Pool{New: func() any { return new(packs) }}

// addProduct adds α A B to C, whose rows are contiguous and which overlaps neither factor.
func addProduct(c view, keep half, alpha float64, a, b view) {
	if c.m == 0 || c.n == 0 {
		return
	}
	p := packPool.Get().(*packs)
	defer packPool.Put(p)
	for from := 0; from < a.n; from += packDepth {
		to := min(from+packDepth, a.n)
		p.add(c, keep, alpha, a.block(0, a.m, from, to), b.block(from, to, 0, b.n))
	}
}

// add is addProduct for one depth.
func (p *packs) add(c view, keep half, alpha float64, a, b view) {
	depth := a.n
	down, across := strips(c.m, tileRows), strips(c.n, tileCols)
	p.a, p.b = resized(p.a, down*depth*tileRows), resized(p.b, across*depth*tileCols)
	grain := 1
	if c.m*c.n*depth < serialBelow {
		grain = down + across + 1
	}
	parallel(down, 8*grain, func(lo, hi int) { packStrips(p.a, a, tileRows, lo, hi, alpha) })
	parallel(across, 4*grain, func(lo, hi int) { packStrips(p.b, b.t(), tileCols, lo, hi, 1) })
	rows, cols := strips(down, jobRows), strips(across, jobCols)
	each(rows*cols, grain, func(job int) {
		i, j := job/cols*jobRows, job%cols*jobCols
		p.multiply(c, keep, depth, i, min(i+jobRows, down), j, min(j+jobCols, across))
	})
}

// multiply adds the tiles of strips [i0, i1) of A and [j0, j1) of B to C.
func (p *packs) multiply(c view, keep half, depth, i0, i1, j0, j1 int) {
	var edge [tileRows * tileCols]float64
	for j := j0; j < j1; j++ {
		b, col := p.b[j*depth*tileCols:(j+1)*depth*tileCols], j*tileCols
		width := min(tileCols, c.n-col)
		for i := i0; i < i1; i++ {
			a, row := p.a[i*depth*tileRows:(i+1)*depth*tileRows], i*tileRows
			height := min(tileRows, c.m-row)
			if keep.skips(row, row+height, col, col+width) {
				continue
			}
			at := c.data[row*c.down+col:]
			if height == tileRows && width == tileCols {
				addTile(a, b, depth, at, c.down)
				continue
			}
			clear(edge[:])
			addTile(a, b, depth, edge[:], tileCols)
			for k := range height {
				axpy(1, edge[k*tileCols:k*tileCols+width], at[k*c.down:k*c.down+width])
			}
		}
	}
}

// packStrips writes strips [lo, hi) of α v, each of width rows, to dst, a strip as [v.n][width], with zeros for rows that are missing. It reads
// v the way that it lies in memory.
func packStrips(dst []float64, v view, width, lo, hi int, alpha float64) {
	size := v.n * width
	if last := min(hi*width, v.m) - (hi-1)*width; last < width {
		clear(dst[(hi-1)*size : hi*size])
	}
	if v.right == 1 && v.down != 1 {
		for i := lo * width; i < min(hi*width, v.m); i++ {
			at := i/width*size + i%width
			for _, x := range v.data[i*v.down : i*v.down+v.n] {
				dst[at] = alpha * x
				at += width
			}
		}
		return
	}
	for t := range v.n {
		row := v.data[t*v.right+lo*width*v.down : t*v.right+(min(hi*width, v.m)-1)*v.down+1]
		for at := lo*size + t*width; len(row) > 0; at += size {
			n := min(width, len(row))
			scaleTo(dst[at:at+n], row, alpha)
			row = row[n:]
		}
	}
}

// strips is how many strips of the given width hold n rows.
func strips(n, width int) int { return (n + width - 1) / width }

// resized returns n numbers, a's memory where it suffices.
func resized(a []float64, n int) []float64 {
	if cap(a) < n {
		return make([]float64, n)
	}
	return a[:n]
}

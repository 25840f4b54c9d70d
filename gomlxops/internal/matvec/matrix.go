package matvec

import (
	"fmt"
	"runtime"
	"sync"
	"unsafe"
)

// Matrix is a matrix in memory that the package only reads: row r begins at element r·Stride of Data.
//
//	symbol  meaning                     shape
//	m       the matrix                  [Rows, Cols]
//	x, y    a vector and the product    float32
type Matrix struct {
	DType      string // "F32", "BF16" or "F16", little-endian
	Rows, Cols int
	Stride     int    // elements from one row to the next, at least Cols
	Data       []byte // need not be aligned
}

// Sizes of an element in bytes.
var sizes = map[string]int{"F32": 4, "BF16": 2, "F16": 2}

// Of is the matrix of rows·cols values, row-major. It shares their memory.
func Of(values []float32, rows, cols int) Matrix {
	return Matrix{DType: "F32", Rows: rows, Cols: cols, Stride: cols, Data: bytesOf(values)}
}

func bytesOf(values []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), 4*len(values))
}

// Check says what is wrong with m's sizes; the other methods panic where it does.
func (m Matrix) Check() error {
	size, ok := sizes[m.DType]
	switch {
	case !ok:
		return fmt.Errorf("matrix of dtype %q: expected F32, BF16 or F16", m.DType)
	case m.Rows < 0 || m.Cols < 0 || m.Stride < m.Cols:
		return fmt.Errorf("matrix of %d rows, %d columns, stride %d", m.Rows, m.Cols, m.Stride)
	case m.Rows > 0 && len(m.Data) < ((m.Rows-1)*m.Stride+m.Cols)*size:
		return fmt.Errorf("matrix of %d rows, %d columns, stride %d in %s: %d bytes do not hold it", m.Rows, m.Cols, m.Stride, m.DType, len(m.Data))
	}
	return nil
}

// row returns the bytes of the numbers from column from on, up to column to.
func (m Matrix) row(r, from, to int) []byte {
	size := sizes[m.DType]
	return m.Data[(r*m.Stride+from)*size : (r*m.Stride+to)*size]
}

// Times sets y to m x, for x [Cols] and y [Rows]: y_r = Σ_c m_rc x_c, in float32.
func (m Matrix) Times(y, x []float32) {
	if len(y) != m.Rows || len(x) != m.Cols {
		panic(fmt.Sprintf("matvec: [%d %d] times %d numbers into %d", m.Rows, m.Cols, len(x), len(y)))
	}
	dot := dots[m.DType]
	inParallel(m.Rows, m.Cols, func(from, to int) {
		for r := from; r < to; r++ {
			y[r] = dot(m.row(r, 0, m.Cols), x)
		}
	})
}

// TransposedTimes sets y to mᵀ x, for x [Rows] and y [Cols]: y_c = Σ_r x_r m_rc, in float32. Workers have columns of their own, so that
// the result does not depend on how many there are.
func (m Matrix) TransposedTimes(y, x []float32) {
	if len(y) != m.Cols || len(x) != m.Rows {
		panic(fmt.Sprintf("matvec: [%d %d] transposed times %d numbers into %d", m.Rows, m.Cols, len(x), len(y)))
	}
	add := adders[m.DType]
	inParallel(m.Cols, m.Rows, func(from, to int) {
		part := y[from:to]
		clear(part)
		var f four
		for r := 0; r < m.Rows; r += len(f.a) {
			for i := range f.a {
				f.a[i] = 0 // behind the last row that row once more, none of it
				if r+i < m.Rows {
					f.a[i], f.rows[i] = x[r+i], m.row(r+i, from, to)
				} else {
					f.rows[i] = f.rows[0]
				}
			}
			add(part, &f)
		}
	})
}

// four are rows, and what each is multiplied with: a sum is read and written once for all of them.
type four struct {
	a    [4]float32
	rows [4][]byte
}

// perWorker is the least number of elements that is worth a goroutine of its own, some 10 µs of work.
const perWorker = 1 << 16

// inParallel cuts n pieces of work, each over width elements, into ranges, one for each worker.
func inParallel(n, width int, work func(from, to int)) {
	workers := min(runtime.GOMAXPROCS(0), n, n*width/perWorker)
	if workers <= 1 {
		work(0, n)
		return
	}
	var wg sync.WaitGroup
	for w := 1; w < workers; w++ {
		wg.Go(func() { work(n*w/workers, n*(w+1)/workers) })
	}
	work(0, n/workers)
	wg.Wait()
}

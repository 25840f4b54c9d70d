package importance

// squares is a sink that adds up, over sequences, the gradient of a weight and its square, element by element. Both are float32: the sums are over
// sequences, few next to the 2^24 that float32 counts to, and a square that vanishes (below 1e-45) belongs to a gradient that would not
// show beside any other.
type squares struct {
	columns int
	g, a    []float32 // Σ dW, Σ dW², [rows, columns]
}

func newSquares(rows, columns int) *squares {
	return &squares{columns, make([]float32, rows*columns), make([]float32, rows*columns)}
}

func (s *squares) add(_, lo, hi int, dw []float32) {
	g, a := s.g[lo*s.columns:hi*s.columns], s.a[lo*s.columns:hi*s.columns]
	g, a = g[:len(dw)], a[:len(dw)]
	for i, v := range dw {
		g[i] += v
		a[i] += v * v
	}
}

// mean turns sums over n sequences into means.
func (s *squares) mean(n int) *Gradients {
	scale := 1 / float32(n)
	for i := range s.g {
		s.g[i] *= scale
		s.a[i] *= scale
	}
	return &Gradients{s.g, s.a}
}

// margins is a sink that adds up squares along rows and along columns only, in float64: small ones would vanish in float32.
type margins struct {
	columns int
	row     []float64
	col     [][]float64 // by piece
}

func newMargins(rows, columns int) *margins {
	m := &margins{columns, make([]float64, rows), make([][]float64, pieces(rows, columns))}
	for i := range m.col {
		m.col[i] = make([]float64, columns)
	}
	return m
}

func (m *margins) add(piece, lo, hi int, dw []float32) {
	col := m.col[piece]
	for r := lo; r < hi; r++ {
		line, sum := dw[(r-lo)*m.columns:(r-lo+1)*m.columns], 0.0
		for j, v := range line {
			square := float64(v) * float64(v)
			sum += square
			col[j] += square
		}
		m.row[r] += sum
	}
}

// cols is the sum of the pieces, in their order.
func (m *margins) cols() []float64 {
	sum := make([]float64, m.columns)
	for _, piece := range m.col {
		for j, v := range piece {
			sum[j] += v
		}
	}
	return sum
}

package importance

// squares adds up, over sequences, the gradient of a weight and its square, element by element. Both are float32: their sums are over
// sequences, few next to the 2^24 that float32 counts to, and a square that vanishes (below 1e-45) is of a gradient that no other in float32
// would be seen beside.
type squares struct {
	columns int
	g, a    []float32 // Σ dW, Σ dW²
}

func newSquares(rows, columns int) *squares {
	return &squares{columns, make([]float32, rows*columns), make([]float32, rows*columns)}
}

// add takes one sequence's gradient of rows [lo, hi).
func (s *squares) add(_, lo, hi int, dw []float32) {
	g, a := s.g[lo*s.columns:hi*s.columns], s.a[lo*s.columns:hi*s.columns]
	g, a = g[:len(dw)], a[:len(dw)]
	for i, v := range dw {
		g[i] += v
		a[i] += v * v
	}
}

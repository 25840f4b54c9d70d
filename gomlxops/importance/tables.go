package importance

import "github.com/parelab/pare/gomlxops/transformer"

// tables makes gradients of the embedding's rows of those of the activations that it gave.
//
// A head that is tied to the embedding is the same matrix. With H and E the gradients of one sequence's loss by way of the head and of the
// embedding, E zero but in the rows of the sequence's tokens, the squares add up to
//
//	Σ (H + E)² = Σ H² + Σ E·(E + 2H)
//
// H comes first, so its rows of the sequence's tokens are kept: as many numbers as one block's activations have.
type tables struct {
	config    *transformer.Config
	sequences [][]int32
	kept      []map[int32][]float32 // rows of H, by sequence; nil where the head is not tied
	seen      []int                 // sequences that a piece of the head has had
}

// tied returns a sink of H that keeps rows.
func (t *tables) tied(sums *squares, rows, columns int) sink {
	if t.kept == nil {
		t.seen = make([]int, pieces(rows, columns))
		for _, s := range t.sequences {
			of := map[int32][]float32{}
			for _, id := range s {
				of[id] = nil
			}
			for id := range of {
				of[id] = make([]float32, columns)
			}
			t.kept = append(t.kept, of)
		}
	}
	return tiedHead{t, sums}
}

type tiedHead struct {
	*tables
	sums *squares
}

func (h tiedHead) add(piece, lo, hi int, dw []float32) {
	h.sums.add(piece, lo, hi, dw)
	for id, row := range h.kept[h.seen[piece]] {
		if r := int(id); lo <= r && r < hi {
			copy(row, dw[(r-lo)*len(row):])
		}
	}
	h.seen[piece]++
}

// add takes dh, [tokens, width], of some sequences to the rows of one table.
func (t *tables) add(table transformer.Table, sums *squares, s transformer.Seen, dh []float32) {
	width := sums.columns
	length := len(dh) / width / s.Sequences
	for i := range s.Sequences {
		n := s.First + i
		rows := map[int][]float32{} // of one sequence
		for p, id := range t.sequences[n] {
			r := int(id)
			if table.Place == transformer.PositionTable {
				r = p + table.Offset
			}
			if rows[r] == nil {
				rows[r] = make([]float32, width)
			}
			for j, v := range dh[(i*length+p)*width : (i*length+p+1)*width] {
				rows[r][j] += v
			}
		}
		for r, e := range rows {
			var head []float32
			if t.kept != nil && table.Place == transformer.Embedding {
				head = t.kept[n][int32(r)]
			}
			addRow(sums.g[r*width:(r+1)*width], sums.a[r*width:(r+1)*width], e, head)
		}
	}
}

// addRow adds E and E·(E + 2H) of one row; head may be nil.
func addRow(g, a, e, head []float32) {
	for j, v := range e {
		g[j] += v
		h := float32(0)
		if head != nil {
			h = head[j]
		}
		a[j] = max(0, a[j]+v*(v+2*h)) // rounding could leave less than nothing where E is −H
	}
}

package importance

import (
	"math"
	"runtime"
	"sync"
)

// Notation of this file, for one weight:
//
//	W  the weight                                              [rows, columns]
//	G  gradient of the mean of the sequences' losses           [rows, columns]
//	A  mean over sequences of the squared gradient of its own  [rows, columns]
//	S  salience of each element, by a criterion                [rows, columns]
//
// A norm's vector is one column.

// Gradients are the two matrices of a weight that the Taylor criteria read, row-major.
type Gradients struct {
	G []float32 // gradient of the mean loss
	A []float32 // mean over sequences of the squared gradient of a sequence's own loss
}

// salience returns S for one element by the Taylor criteria, in the order of [TaylorCriteria]. The first is W·G with its sign.
func salience(w, g, a float64) (vector, first, second, mix float64) {
	vector, second = w*g, w*a*w
	return vector, math.Abs(vector), math.Abs(second), math.Abs(vector - second/2)
}

// Element returns S of every element of a weight by param_first, param_second or param_mix. For a criterion that has no elements
// of its own the result is nil.
func (g *Gradients) Element(by Criterion, weight []float32) []float64 {
	at := map[Criterion]int{ParamFirst: 1, ParamSecond: 2, ParamMix: 3}[by]
	if at == 0 {
		return nil
	}
	all := make([]float64, len(weight))
	for i, w := range weight {
		vector, first, second, mix := salience(float64(w), float64(g.G[i]), float64(g.A[i]))
		all[i] = [...]float64{vector, first, second, mix}[at]
	}
	return all
}

// taylor adds the salience up along rows and along columns, for each criterion. norm leaves columns out.
func taylor(weight []float32, g *Gradients, rows, columns int, norm bool) map[Criterion]Vectors {
	sums := addUp(rows, columns, len(TaylorCriteria), func(r int, row []float64, part [][]float64) {
		line := weight[r*columns : (r+1)*columns]
		gs, as := g.G[r*columns:][:len(line)], g.A[r*columns:][:len(line)]
		c0, c1, c2, c3 := part[0][:len(line)], part[1][:len(line)], part[2][:len(line)], part[3][:len(line)]
		for c, w := range line {
			s0, s1, s2, s3 := salience(float64(w), float64(gs[c]), float64(as[c]))
			row[0], row[1], row[2], row[3] = row[0]+s0, row[1]+s1, row[2]+s2, row[3]+s3
			c0[c], c1[c], c2[c], c3[c] = c0[c]+s0, c1[c]+s1, c2[c]+s2, c3[c]+s3
		}
	})
	for _, v := range [][]float64{sums[0].Rows, sums[0].Columns} {
		for i := range v {
			v[i] = math.Abs(v[i]) // vectorize takes the magnitude last
		}
	}
	return named(TaylorCriteria, sums, norm)
}

// magnitude is taylor for l1 and l2.
func magnitude(weight []float32, rows, columns int, norm bool) map[Criterion]Vectors {
	sums := addUp(rows, columns, 2, func(r int, row []float64, part [][]float64) {
		for c, w := range weight[r*columns : (r+1)*columns] {
			first, second := math.Abs(float64(w)), float64(w)*float64(w)
			row[0], row[1] = row[0]+first, row[1]+second
			part[0][c], part[1][c] = part[0][c]+first, part[1][c]+second
		}
	})
	return named([]Criterion{L1, L2}, sums, norm)
}

func named(criteria []Criterion, sums []Vectors, norm bool) map[Criterion]Vectors {
	by := make(map[Criterion]Vectors, len(criteria))
	for i, c := range criteria {
		if norm {
			sums[i].Columns = nil
		}
		by[c] = sums[i]
	}
	return by
}

// sumPieces is how many parts of a matrix are added up on their own. It is fixed, so that rounding does not depend on the machine.
const sumPieces = 8

// addUp returns the sums of n quantities of each element along rows and columns. line(r, row, part) adds those of row r up: to row[k] all of the
// k-th quantity, and to part[k][c] that of column c.
func addUp(rows, columns, n int, line func(r int, row []float64, part [][]float64)) []Vectors {
	sums := make([]Vectors, n)
	for k := range sums {
		sums[k] = Vectors{make([]float64, rows), make([]float64, columns)}
	}
	parts := make([][][]float64, sumPieces)
	parallel(sumPieces, func(p int) {
		row, part := make([]float64, n), make([][]float64, n)
		for k := range part {
			part[k] = make([]float64, columns)
		}
		for r := rows * p / sumPieces; r < rows*(p+1)/sumPieces; r++ {
			clear(row)
			line(r, row, part)
			for k, v := range row {
				sums[k].Rows[r] = v
			}
		}
		parts[p] = part
	})
	for _, part := range parts {
		for k, columns := range part {
			for c, v := range columns {
				sums[k].Columns[c] += v
			}
		}
	}
	return sums
}

// parallel does n pieces of work on all processors.
func parallel(n int, work func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := range next {
				work(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

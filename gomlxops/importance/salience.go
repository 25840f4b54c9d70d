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
func salience(w, g, a float64) [4]float64 {
	first, second := w*g, w*a*w
	return [4]float64{first, math.Abs(first), math.Abs(second), math.Abs(first - second/2)}
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
		all[i] = salience(float64(w), float64(g.G[i]), float64(g.A[i]))[at]
	}
	return all
}

// taylor adds the salience up along rows and along columns, for each criterion. norm leaves columns out.
func taylor(weight []float32, g *Gradients, rows, columns int, norm bool) map[Criterion]Vectors {
	sums := addUp(rows, columns, len(TaylorCriteria), func(i int, to []float64) {
		s := salience(float64(weight[i]), float64(g.G[i]), float64(g.A[i]))
		copy(to, s[:])
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
	sums := addUp(rows, columns, 2, func(i int, to []float64) {
		w := float64(weight[i])
		to[0], to[1] = math.Abs(w), w*w
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

// addUp returns the sums of n quantities of each element along rows and columns. element(i, to) puts those of element i into to.
func addUp(rows, columns, n int, element func(i int, to []float64)) []Vectors {
	sums := make([]Vectors, n)
	for k := range sums {
		sums[k] = Vectors{make([]float64, rows), make([]float64, columns)}
	}
	parts := make([][]float64, sumPieces) // sums by column, n side by side
	parallel(sumPieces, func(p int) {
		values, part := make([]float64, n), make([]float64, n*columns)
		for r := rows * p / sumPieces; r < rows*(p+1)/sumPieces; r++ {
			for c := range columns {
				element(r*columns+c, values)
				for k, v := range values {
					sums[k].Rows[r] += v
					part[c*n+k] += v
				}
			}
		}
		parts[p] = part
	})
	for _, part := range parts {
		for k := range sums {
			for c := range columns {
				sums[k].Columns[c] += part[c*n+k]
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

package layer

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// transposeTile is the width of the products that transpose a matrix: wide enough for the backend's kernel, narrow enough that the
// product, 2·transposeTile operations an element, costs less than moving the element.
const transposeTile = 32

// transposeRows is the height from which products pay. Measured in a step (BenchmarkStep/peer, one processor), nanoseconds an element, the backend's own transpose and
// this one: 256×704 3.9 and 2.5; alone, where everything lies in the cache, 1024×256 10.5 and 2.4, 1024×1024 10.6 and 3.7, 256×256 1.3 and 3.1.
const transposeRows = 256

// transpose returns xᵀ of x, [N, n], as [n, N].
//
// The pure Go backend transposes a tall matrix element by element, while its matrix kernel and permutations that keep the last axis
// are fast. So the columns are cut into c tiles of width t, and the kernel turns each by a product with the identity I:
//
//	[N, c·t] → [c, N, t] → I [t, t] times the transpose of each = [c, t, N] = [c·t, N]
//
// where the first arrow keeps the last axis. The product is exact for finite numbers: each result is a sum of one number times
// 1 and zeros. A number that is not finite spoils its tile instead of staying alone; it stays visible.
func (s Style) transpose(x *Node) *Node {
	rows, cols := x.Shape().Dim(0), x.Shape().Dim(1)
	if !s.Manual || rows < transposeRows || cols%transposeTile != 0 {
		return TransposeAllAxes(x, 1, 0)
	}
	const t = transposeTile
	tiles := TransposeAllAxes(Reshape(x, rows, 1, cols/t, t), 1, 2, 0, 3)
	return Reshape(turn(tiles), cols, rows)
}

// turn transposes the last two axes of x, [a, b, m, n], by products with the identity.
func turn(x *Node) *Node {
	a, b, n := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(3)
	one := ConvertDType(Diagonal(x.Graph(), n), x.DType())
	return matmulT(BroadcastToDims(ExpandLeftToRank(one, 4), a, b, n, n), x)
}

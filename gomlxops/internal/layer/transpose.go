package layer

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// transposeTile is the width of the products that transpose a matrix: wide enough for the backend's kernel, narrow enough that the
// product, 2·transposeTile operations an element, costs less than moving the element.
const transposeTile = 64

// transposeRows is the height from which products pay. Measured, nanoseconds an element, the backend's own transpose and this one,
// each with two additions beside it: 2048×256 7.8 and 3.5, 2048×704 8.3 and 2.8, 2048×64 11.3 and 4.3, but 256×2048 3.4 and 4.2.
const transposeRows = 512

// transpose returns xᵀ of x, [N, n], as [n, N].
//
// The pure Go backend transposes a tall matrix element by element, while its matrix kernel and permutations that keep the last axis
// are fast. So the columns are cut into c tiles of width t, and the kernel turns them by a product with the identity I:
//
//	[N, c·t] → [c·N, t] → I [t, t] times the transpose of that = [t, c·N] → [c·t, N]
//
// where the first and the last arrow keep the last axis. The product is exact for finite numbers: each result is a sum of one number times
// 1 and zeros. A number that is not finite spoils its tile instead of staying alone; it stays visible.
func (s Style) transpose(x *Node) *Node {
	rows, cols := x.Shape().Dim(0), x.Shape().Dim(1)
	if !s.Manual || rows < transposeRows || cols%transposeTile != 0 {
		return TransposeAllAxes(x, 1, 0)
	}
	const t = transposeTile
	c := cols / t
	tiles := Reshape(TransposeAllAxes(Reshape(x, rows, c, t), 1, 0, 2), c*rows, t)
	one := ConvertDType(Diagonal(x.Graph(), t), x.DType())
	turned := Reshape(DotGeneral(one, []int{1}, nil, tiles, []int{1}, nil), t, c, rows)
	return Reshape(TransposeAllAxes(turned, 1, 0, 2), cols, rows)
}

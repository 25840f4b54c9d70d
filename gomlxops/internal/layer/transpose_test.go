package layer

import (
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/parelab/pare/gomlxops"
)

// TestTransposeIsExact takes a matrix by products and compares it with itself, number by number. The sizes are one tile, several, and
// those that the backend's own transpose takes.
func TestTransposeIsExact(t *testing.T) {
	b, err := gomlxops.Backend()
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range [][2]int{{512, 64}, {515, 192}, {2048, 256}, {100, 128}, {512, 96}, {600, 65}} {
		rows, cols := size[0], size[1]
		x := make([]float32, rows*cols)
		for i := range x {
			x[i] = float32(i)*1.000001e-3 - 7
		}
		exec := MustNewExec(b, func(x *Node) *Node { return Style{Manual: true}.transpose(x) })
		out, err := exec.Call(tensors.FromFlatDataAndDimensions(x, rows, cols))
		if err != nil {
			t.Fatal(err)
		}
		got := tensors.MustCopyFlatData[float32](out[0])
		for i := range rows {
			for j := range cols {
				if got[j*rows+i] != x[i*cols+j] {
					t.Fatalf("%d×%d: element (%d, %d) came out as %v, want %v", rows, cols, i, j, got[j*rows+i], x[i*cols+j])
				}
			}
		}
	}
}

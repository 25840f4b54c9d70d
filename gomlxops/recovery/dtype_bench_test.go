package recovery

import (
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/parelab/pare/gomlxops"
)

// BenchmarkProduct measures the processor time of a linear's product, 1024 tokens by [704, 256], in float32 and in bfloat16: whether to
// compute in the narrower type pays on this backend.
func BenchmarkProduct(b *testing.B) {
	backend, err := gomlxops.Backend()
	if err != nil {
		b.Fatal(err)
	}
	for _, dtype := range []dtypes.DType{dtypes.Float32, dtypes.BFloat16} {
		b.Run(dtype.String(), func(b *testing.B) {
			product, err := graph.NewExec(backend, func(x, w *graph.Node) *graph.Node {
				return graph.DotGeneral(x, []int{1}, nil, w, []int{1}, nil)
			})
			if err != nil {
				b.Fatal(err)
			}
			x, w := tensors.FromShape(shapes.Make(dtype, 1024, 256)), tensors.FromShape(shapes.Make(dtype, 704, 256))
			if _, err := product.Call(x, w); err != nil { // compiles
				b.Fatal(err)
			}
			start := processorSeconds()
			for b.Loop() {
				if _, err := product.Call(x, w); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric((processorSeconds()-start)/float64(b.N)*1e3, "cpu-ms/product")
		})
	}
}

package recovery

import (
	"slices"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/parelab/pare/gomlxops/transformer"
)

// What matrices may be multiplied in.
const (
	Float32  = "f32"
	BFloat16 = "bf16"
)

// In bfloat16,
//
//   - frozen matrices are held in it, the embedding and the head among them: half the memory of the base, and exactly what the file holds where that
//     is in bfloat16 too;
//   - trained matrices of linears are rounded to it at the beginning of every step, and so are the numbers that linears read, on the way back as well;
//   - sums of products are made in float32, and so is everything between linears: norms, attention, activations, the residual stream, the loss;
//   - trained numbers, their gradients' sums, both moments of the optimizer, and what is saved stay in float32.
//
// That is what torch.autocast does, whose attention multiplies in bfloat16 as well.

// frozenType is what a frozen array is held in.
func (p *Problem) frozenType(a Array) dtypes.DType {
	if p.DType == BFloat16 && len(a.Shape) == 2 {
		return dtypes.BFloat16
	}
	return dtypes.Float32
}

// loadAs is load in a type of its own.
func (a Array) loadAs(b compute.Backend, dtype dtypes.DType) (*tensors.Tensor, error) {
	if dtype == dtypes.Float32 {
		return a.load(b)
	}
	shape := shapes.Make(dtype, a.Shape...)
	values := make([]float32, shape.Size())
	if err := a.Read(values); err != nil {
		return nil, err
	}
	if err := finiteNumbers(values); err != nil {
		return nil, err
	}
	t, err := tensors.FromShapeForBackend(b, 0, shape)
	if err != nil {
		return nil, err
	}
	return t, tensors.MutableFlatData(t, func(dst []bfloat16.BFloat16) {
		for i, v := range values {
			dst[i] = bfloat16.FromFloat32(v)
		}
	})
}

// narrow has the trained matrices of linears multiplied in the problem's type.
func (p *Problem) narrow(w transformer.Weights) {
	if p.DType != BFloat16 {
		return
	}
	linears := p.Config.Linears()
	for name, a := range p.Trained {
		of := func(l transformer.Linear) bool { return strings.HasPrefix(name, l.Name+".") }
		if len(a.Shape) == 2 && slices.ContainsFunc(linears, of) {
			w[name] = graph.ConvertDType(w[name], dtypes.BFloat16)
		}
	}
}

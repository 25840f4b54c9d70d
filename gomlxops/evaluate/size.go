package evaluate

import "github.com/parelab/pare/gomlxops/transformer"

// Sizes are the counted numbers of a variant, next to those of the same model with every linear dense.
type Sizes struct {
	Params            int64   `json:"params"`              // the whole variant: embedding, blocks, norms, head; a tied head once
	LinearParams      int64   `json:"linear_params"`       // its decoder linears, as held, biases counted
	DenseParams       int64   `json:"dense_params"`        // of the whole model, dense
	DenseLinearParams int64   `json:"dense_linear_params"` // of its decoder linears, dense
	Removed           float64 `json:"removed"`             // fraction of the decoder linears' parameters that is gone
	RemovedWhole      float64 `json:"removed_whole"`       // fraction of the whole model's
	Bytes             int64   `json:"bytes"`               // Params in the model's dtype
	DType             string  `json:"dtype"`
}

// Size counts a variant. It reads no weights.
func Size(v *transformer.Variant) Sizes {
	s := Sizes{Params: v.Params(), LinearParams: v.LinearParams(), DType: storedType(v.Model())}
	for _, l := range v.Model().Linears() {
		s.DenseLinearParams += l.Params()
	}
	s.DenseParams = s.Params - s.LinearParams + s.DenseLinearParams
	s.Removed = 1 - float64(s.LinearParams)/float64(s.DenseLinearParams)
	s.RemovedWhole = 1 - float64(s.Params)/float64(s.DenseParams)
	s.Bytes = s.Params * bytesOf(s.DType)
	return s
}

// bytesOf is the width of a torch_dtype; 4 for one that this program does not know.
func bytesOf(dtype string) int64 {
	switch dtype {
	case "bfloat16", "float16":
		return 2
	case "float64":
		return 8
	}
	return 4
}

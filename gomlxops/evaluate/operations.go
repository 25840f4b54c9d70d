package evaluate

import (
	"fmt"

	"github.com/parelab/pare/gomlxops/transformer"
)

// Symbols of this file, with m = multiply-accumulate, two floating-point operations.
//
//	L      tokens of a sequence
//	P      parameters of the matrices that a token is multiplied with: linears as they are held, and the head
//	d_a    channels of the attention heads of a layer together

// Operations are the multiply-accumulates of a forward pass, counted from the tensors. Norms, rotations, softmax, biases and the look-up
// in the embedding are no products of matrices and are left out.
type Operations struct {
	Linears   int64 `json:"linears"`   // for each token, in decoder linears as held: r(out+in) for a factored one
	Head      int64 `json:"head"`      // for each token, vocabulary times hidden
	PerToken  int64 `json:"per_token"` // their sum, P
	Length    int   `json:"length"`    // L
	Attention int64 `json:"attention"` // of a sequence: 2 L² d_a for each layer
	Sequence  int64 `json:"sequence"`  // L·PerToken + Attention
}

// CountOperations counts the multiply-accumulates for a sequence of length tokens (0 means 64, as LLM-Pruner counts them).
//
// Attention is counted in full, L keys for each of L queries, as LLM-Pruner's and Bolaco's tables have it: 424.0 billion for LLaMA-7B and 64 tokens there, 423.9 here,
// where elementwise operations are left out.
// A program that leaves out what the causal mask hides needs half of that part.
func CountOperations(v *transformer.Variant, length int) (Operations, error) {
	if length < 0 {
		return Operations{}, fmt.Errorf("cannot count operations: length: expected a positive number of tokens, found %d", length)
	}
	if length == 0 {
		length = 64
	}
	return count(v.Model().Config(), v.Model().Linears(), length, func(l transformer.Linear) int64 { return products(v, l) }), nil
}

func count(c *transformer.Config, linears []transformer.Linear, length int, products func(transformer.Linear) int64) Operations {
	o := Operations{Length: length, Head: int64(c.VocabSize) * int64(c.HiddenSize)}
	for _, l := range linears {
		o.Linears += products(l)
		if l.Kind == transformer.Output { // reads what the heads give: its input is d_a
			o.Attention += 2 * int64(length) * int64(length) * int64(l.In)
		}
	}
	o.PerToken = o.Linears + o.Head
	o.Sequence = int64(length)*o.PerToken + o.Attention
	return o
}

// products counts the elements of the matrices that hold a linear; a vector is a bias or a diagonal.
func products(v *transformer.Variant, l transformer.Linear) (n int64) {
	form, replaced := v.Form(l.Name)
	if !replaced {
		return int64(l.Out) * int64(l.In)
	}
	for _, p := range form.Parts() {
		if len(p.Shape) == 2 {
			n += int64(p.Elements())
		}
	}
	return n
}

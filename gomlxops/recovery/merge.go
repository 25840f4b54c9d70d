package recovery

import (
	"fmt"

	"github.com/parelab/pare/gomlxops/transformer"
)

// merged is a linear with an adapter's branches worked into its numbers. It keeps the form that it was made of, so that unmerging gives
// that back, bit for bit, where subtracting would leave rounding errors.
type merged struct {
	transformer.Form
	base transformer.Form
}

// Merge returns v with the adapter worked into its weights, so that it costs nothing more to run and can be saved. Sums are made in float64 and
// rounded once to float32.
//
//	symbol  meaning                                               shape
//	W       dense linear                 W + s B' A'              [out, in]
//	A, B    factored, LoRA beside it     [A; A'], [B, s B']       rank r + r'
//	A, B    factored, LoRA beside one    A + s B' A'              rank r stays
//	A, B    factored, subspace form      B ∘ (1 + Λ_b ⊗ Λ_d)      rank r stays
//
// The last line: B A + Λ_b B' Λ_d A' = (B + Λ_b B D) A, where D is Λ_d at the chosen directions and 0 at the others.
//
// [Unmerge] is its exact inverse. The base stays in memory or mapped.
func (a *Adapter) Merge(v *transformer.Variant) (*transformer.Variant, error) {
	if _, err := a.Apply(v); err != nil {
		return nil, err
	}
	forms := map[string]transformer.Form{}
	for linear, sides := range a.Sides {
		l, err := v.Model().Linear(linear)
		if err != nil {
			return nil, err
		}
		base := plain(v, l)
		parts, err := readParts(base)
		if err != nil {
			return nil, fmt.Errorf("cannot merge into %s: %w", linear, err)
		}
		form, err := mergeLinear(l, base.Name(), parts, sides, a.Index[linear])
		if err != nil {
			return nil, err
		}
		forms[linear] = &merged{form, base}
	}
	return replaced(v, forms)
}

// Unmerge returns v as it was before [Adapter.Merge]: the very same forms. Linears that nothing was merged into stay.
func Unmerge(v *transformer.Variant) (*transformer.Variant, error) {
	forms := map[string]transformer.Form{}
	for _, l := range v.Model().Linears() {
		if m, ok := v.Held(l).(*merged); ok {
			forms[l.Name] = m.base
		}
	}
	return replaced(v, forms)
}

// mergeLinear works branches into a linear's parts, which it may change.
func mergeLinear(l transformer.Linear, name string, parts [][]float32, sides []*transformer.Side, index []int) (transformer.Form, error) {
	if name != "factored" {
		for _, s := range sides {
			addProduct(parts[0], s)
		}
		d := &transformer.Dense{Out: l.Out, In: l.In, W: parts[0]}
		if len(parts) > 1 {
			d.Bias = parts[1]
		}
		return d, nil
	}
	rank := len(parts[0]) / l.In
	var beside []*transformer.Side
	for _, s := range sides {
		switch {
		case s.Subspace() && len(index) != s.Rank:
			return nil, fmt.Errorf("cannot merge into %s: expected the indices of %d directions, found %d", l.Name, s.Rank, len(index))
		case s.Subspace():
			scaleColumns(parts[1], rank, s, index)
		case s.At == "A":
			addProduct(parts[0], s)
		case s.At == "B":
			addProduct(parts[1], s)
		default:
			beside = append(beside, s)
		}
	}
	for _, s := range beside {
		parts[0] = append(parts[0], s.A...)
		parts[1] = stackColumns(parts[1], rank, s)
		rank += s.Rank
	}
	return factored(rank, parts), nil
}

// addProduct adds s B A to w, [out, in].
func addProduct(w []float32, s *transformer.Side) {
	in := len(s.A) / s.Rank
	row := make([]float64, in)
	for i := range len(s.B) / s.Rank {
		clear(row)
		for k := range s.Rank {
			b := float64(s.Scale) * float64(s.B[i*s.Rank+k])
			for j, a := range s.A[k*in : (k+1)*in] {
				row[j] += b * float64(a)
			}
		}
		for j, v := range row {
			w[i*in+j] = float32(float64(w[i*in+j]) + v)
		}
	}
}

// stackColumns returns [B, s B'].
func stackColumns(b []float32, rank int, s *transformer.Side) []float32 {
	out := len(b) / rank
	all := make([]float32, 0, out*(rank+s.Rank))
	for i := range out {
		all = append(all, b[i*rank:(i+1)*rank]...)
		for _, v := range s.B[i*s.Rank : (i+1)*s.Rank] {
			all = append(all, s.Scale*v)
		}
	}
	return all
}

// scaleColumns multiplies B at row i and direction index[j] by 1 + Outer[i]·Inner[j].
func scaleColumns(b []float32, rank int, s *transformer.Side, index []int) {
	for i, outer := range s.Outer {
		for j, k := range index {
			b[i*rank+k] = float32(float64(b[i*rank+k]) * (1 + float64(outer)*float64(s.Inner[j])))
		}
	}
}

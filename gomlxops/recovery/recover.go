package recovery

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/transformer"
)

// VariantArrays lists all arrays of a variant, without branches, by the names of [transformer.Weights]. They are read when they are needed.
func VariantArrays(v *transformer.Variant) map[string]Array {
	m, arrays, linears := v.Model(), map[string]Array{}, map[string]bool{}
	for _, l := range m.Linears() {
		linears[l.Name+".weight"], linears[l.Name+".bias"] = true, true
		form := plain(v, l)
		for i, p := range form.Parts() {
			arrays[l.Name+"."+p.Suffix] = Array{p.Shape, func(dst []float32) error { return form.Read(i, dst) }}
		}
	}
	for _, s := range m.Config().TensorShapes() {
		if !linears[s.Name] {
			arrays[s.Name] = Array{s.Shape, func(dst []float32) error { return m.Read(s.Name, dst) }}
		}
	}
	return arrays
}

// Problem is the training of the adapter beside v. Of LoRA A and B are trained, of the subspace form the diagonals.
func (a *Adapter) Problem(v *transformer.Variant) (*Problem, error) {
	if _, err := a.Apply(v); err != nil {
		return nil, err
	}
	p := &Problem{Config: v.Model().Config(), Trained: map[string]Array{}, Frozen: VariantArrays(v), Dropout: a.dropout()}
	for linear, sides := range a.Sides {
		for _, s := range sides {
			values := s.Values()
			for i, part := range s.Parts() {
				into := p.Frozen
				if trains(s, i) {
					into = p.Trained
				}
				into[linear+"."+part.Suffix] = Numbers(values[i], part.Shape...)
			}
		}
	}
	return p, nil
}

// trains says whether part i of a branch is trained.
func trains(s *transformer.Side, i int) bool { return s.Subspace() == (i >= 2) }

// with returns a copy of the adapter with trained numbers.
func (a *Adapter) with(weights map[string][]float32) *Adapter {
	trained := *a
	trained.Sides = map[string][]*transformer.Side{}
	for linear, sides := range a.Sides {
		for _, s := range sides {
			fresh := *s
			parts := s.Parts()
			into := []*[]float32{&fresh.A, &fresh.B, nil}
			if s.Subspace() {
				into = []*[]float32{nil, nil, &fresh.Inner, &fresh.Outer}
			}
			for i, field := range into {
				if field != nil {
					*field = weights[linear+"."+parts[i].Suffix]
				}
			}
			trained.Sides[linear] = append(trained.Sides[linear], &fresh)
		}
	}
	return &trained
}

// Recover trains the adapter beside v, which stays as it is, and returns the trained one; a stays too. Batches, options, metrics and errors are
// those of [Tune]. Where ctx ends, what has been trained is returned with the context's error.
func Recover(ctx context.Context, v *transformer.Variant, a *Adapter, next func(step int) Batch, opt TrainOptions, rec gomlxops.Recorder) (*Adapter, *TrainResult, error) {
	p, err := a.Problem(v)
	if err != nil {
		return nil, nil, err
	}
	result, err := Tune(ctx, p, next, opt, rec)
	if result == nil || result.Weights == nil {
		return nil, result, err
	}
	return a.with(result.Weights), result, err
}

// TuneFactor trains one factor of factored linears, "B" (U in the SVD's words) or "A" (V), while all else stays, and returns the variant
// with it. Targets are as in [LoRA]; none are all factored linears.
func TuneFactor(ctx context.Context, v *transformer.Variant, factor string, targets []string, next func(step int) Batch, opt TrainOptions, rec gomlxops.Recorder) (*transformer.Variant, *TrainResult, error) {
	at := slices.Index([]string{"A", "B"}, factor)
	if at < 0 {
		return nil, nil, fmt.Errorf("expected factor A or B to be trained, found %q", factor)
	}
	found, err := findModules(v, targets, "")
	if err != nil {
		return nil, nil, err
	}
	p := &Problem{Config: v.Model().Config(), Trained: map[string]Array{}, Frozen: VariantArrays(v)}
	found = slices.DeleteFunc(found, func(m module) bool { return m.rank == 0 || m.at != "" })
	if len(found) == 0 {
		return nil, nil, fmt.Errorf("cannot train factor %s: none of the targets is a factored linear", factor)
	}
	for _, m := range found {
		name := m.linear + "." + factor + ".weight"
		p.Trained[name] = p.Frozen[name]
		delete(p.Frozen, name)
	}
	result, err := Tune(ctx, p, next, opt, rec)
	if result == nil || result.Weights == nil {
		return nil, result, err
	}
	forms := map[string]transformer.Form{}
	for _, m := range found {
		parts, readErr := readParts(m.form)
		if readErr != nil {
			return nil, result, readErr
		}
		parts[at] = result.Weights[m.linear+"."+factor+".weight"]
		forms[m.linear] = factored(m.rank, parts)
	}
	tuned, withErr := replaced(v, forms)
	if withErr != nil {
		return nil, result, withErr
	}
	return tuned, result, err
}

// factored makes a form of its parts: A, B, and the bias where there is one.
func factored(rank int, parts [][]float32) *transformer.Factored {
	f := &transformer.Factored{Rank: rank, A: parts[0], B: parts[1]}
	if len(parts) > 2 {
		f.Bias = parts[2]
	}
	return f
}

// replaced returns v with some linears held otherwise.
func replaced(v *transformer.Variant, forms map[string]transformer.Form) (*transformer.Variant, error) {
	all := map[string]transformer.Form{}
	for _, l := range v.Model().Linears() {
		if f, ok := v.Form(l.Name); ok {
			all[l.Name] = f
		}
		if f, ok := forms[l.Name]; ok {
			all[l.Name] = f
		}
	}
	return v.Model().With(all)
}

// TwoSided trains the outer factors with the inner ones fixed and then the inner ones with the outer ones fixed, opt.Steps steps each. The
// states of the two, where opt.Dir asks for them, lie in its folders B and A.
//
// Xin Wang et al., "SVD-LLM: Truncation-aware Singular Value Decomposition for Large Language Model Compression", ICLR 2025, section 3.2
// (sequential low-rank approximation), of which this trains the factors themselves rather than LoRA beside them.
func TwoSided(ctx context.Context, v *transformer.Variant, targets []string, next func(step int) Batch, opt TrainOptions, rec gomlxops.Recorder) (*transformer.Variant, [2]*TrainResult, error) {
	var results [2]*TrainResult
	for i, factor := range []string{"B", "A"} {
		o := opt
		if opt.Dir != "" {
			o.Dir = filepath.Join(opt.Dir, factor)
		}
		tuned, result, err := TuneFactor(ctx, v, factor, targets, next, o, rec)
		results[i] = result
		if err != nil {
			return tuned, results, err
		}
		v = tuned
	}
	return v, results, nil
}

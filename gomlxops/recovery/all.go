package recovery

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/internal/durable"
)

// TuneAll trains every number of v as it is held: embedding, norms, head, and of a linear its matrix or its factors. It returns them by the
// names of [VariantArrays], for [Rebuild]. Batches, options, metrics and errors are those of [Tune].
func TuneAll(ctx context.Context, v *transformer.Variant, next func(step int) Batch, opt TrainOptions, rec gomlxops.Recorder) (*TrainResult, error) {
	return Tune(ctx, &Problem{Config: v.Model().Config(), Trained: VariantArrays(v)}, next, opt, rec)
}

// Rebuild writes a model that holds its numbers as v does, with the weights of [TuneAll] in their place, as a directory of float32, and opens
// it. extra are files beside the weights, as in [transformer.SaveTensors].
func Rebuild(ctx context.Context, dir string, v *transformer.Variant, weights map[string][]float32, extra map[string][]byte) (*transformer.Model, error) {
	c := v.Model().Config()
	forms, err := rebuiltForms(v, weights)
	if err != nil {
		return nil, err
	}
	if len(forms) == 0 {
		return saveAndOpen(ctx, dir, c, weights, extra)
	}
	between, err := durable.NewWorkspace(filepath.Dir(filepath.Clean(dir)), ".rebuilding-")
	if err != nil {
		return nil, err
	}
	defer between.Remove()
	base, err := saveAndOpen(ctx, filepath.Join(between.Dir, "base"), c, withPlaceholders(c, weights), extra)
	if err != nil {
		return nil, err
	}
	defer base.Close()
	whole, err := base.With(forms)
	if err != nil {
		return nil, err
	}
	if err := transformer.Save(ctx, dir, whole, transformer.SaveOptions{DType: "F32"}); err != nil {
		return nil, err
	}
	return transformer.Open(dir)
}

func saveAndOpen(ctx context.Context, dir string, c *transformer.Config, weights map[string][]float32, extra map[string][]byte) (*transformer.Model, error) {
	if err := transformer.SaveTensors(ctx, dir, c, weights, "F32", extra); err != nil {
		return nil, err
	}
	return transformer.Open(dir)
}

// rebuiltForms are those that a checkpoint of the family cannot hold: factors, and biases that it has not.
func rebuiltForms(v *transformer.Variant, weights map[string][]float32) (map[string]transformer.Form, error) {
	forms := map[string]transformer.Form{}
	for _, l := range v.Model().Linears() {
		form := plain(v, l)
		var parts [][]float32
		for _, p := range form.Parts() {
			values := weights[l.Name+"."+p.Suffix]
			if len(values) != p.Elements() {
				return nil, fmt.Errorf("cannot rebuild the model: %s.%s: expected %d numbers for shape %v, found %d", l.Name, p.Suffix, p.Elements(), p.Shape, len(values))
			}
			parts = append(parts, values)
		}
		switch {
		case form.Name() == "factored":
			forms[l.Name] = factored(form.Parts()[0].Shape[0], parts)
		case (len(parts) > 1) != l.Bias:
			d := &transformer.Dense{Out: l.Out, In: l.In, W: parts[0]}
			if len(parts) > 1 {
				d.Bias = parts[1]
			}
			forms[l.Name] = d
		}
	}
	return forms, nil
}

// withPlaceholders adds zeros for the matrices and biases that forms are put in the place of.
func withPlaceholders(c *transformer.Config, weights map[string][]float32) map[string][]float32 {
	all := map[string][]float32{}
	for _, s := range c.TensorShapes() {
		if all[s.Name] = weights[s.Name]; len(all[s.Name]) != s.Elements() {
			all[s.Name] = slices.Repeat([]float32{0}, s.Elements())
		}
	}
	return all
}

package prune

import (
	"fmt"
	"maps"
	"slices"

	"github.com/parelab/pare/gomlxops/transformer"
)

// forms lists the linears of the smaller model that its family's checkpoints have no room for: those that the variant replaces, and those
// that get a bias.
func (k *knife) forms(compensation map[string][]float32) (map[string]transformer.Form, error) {
	forms := make(map[string]transformer.Form)
	used := 0
	for _, l := range k.small.Linears() {
		was := k.linear(l.Name)
		form, replaced := k.v.Form(was)
		extra, compensated := compensation[was]
		if compensated {
			used++
		}
		if !replaced && !compensated {
			continue
		}
		f := &cutForm{knife: k, linear: l, was: was, form: form, extra: extra}
		if err := f.check(); err != nil {
			return nil, err
		}
		f.multiply()
		forms[l.Name] = f
	}
	if used != len(compensation) {
		return nil, fmt.Errorf("compensation: expected linears that are kept, found %v", slices.Sorted(maps.Keys(compensation)))
	}
	return forms, nil
}

// cutForm is a linear of the smaller model, read from that of the model as it is. Parts of it are read when they are asked for.
type cutForm struct {
	knife  *knife
	linear transformer.Linear
	was    string
	form   transformer.Form // in the model as it is; nil where it is dense as in the checkpoint
	extra  []float32        // is added to the bias, by row of the smaller model; nil is nothing

	factors *cutForm // what is left of the factors, where they are multiplied out; otherwise nil
}

// The suffixes of a form's matrices.
const (
	partA = "A.weight"
	partB = "B.weight"
)

// multiply turns factors into a matrix where what is left of them holds no fewer numbers.
func (f *cutForm) multiply() {
	if f.form == nil || len(f.form.Parts()) < 2 || f.form.Parts()[0].Suffix != partA {
		return
	}
	if r, out, in := f.form.Parts()[0].Shape[0], f.linear.Out, f.linear.In; r*(out+in) >= out*in {
		factors := *f
		f.factors, factors.extra = &factors, nil
	}
}

var _ transformer.Form = (*cutForm)(nil)

func (f *cutForm) check() error {
	if f.extra != nil && len(f.extra) != f.linear.Out {
		return fmt.Errorf("%s: expected a compensation for each of %d rows that are kept, found %d", f.was, f.linear.Out, len(f.extra))
	}
	for i, v := range f.extra {
		if v-v != 0 {
			return fmt.Errorf("%s: expected a compensation of finite numbers, found %v at index %d", f.was, v, i)
		}
	}
	return nil
}

// Name returns that of the form in the model as it is.
func (f *cutForm) Name() string {
	if f.form == nil || f.factors != nil {
		return "dense"
	}
	return f.form.Name()
}

// Size returns what is left of the linear.
func (f *cutForm) Size() (out, in int) { return f.linear.Out, f.linear.In }

// Params counts the numbers of all parts.
func (f *cutForm) Params() (n int64) {
	for _, p := range f.Parts() {
		n += int64(p.Elements())
	}
	return n
}

// parts lists the parts in the model as it is.
func (f *cutForm) parts() []transformer.Part {
	if f.factors != nil {
		of := f.form.Parts()
		parts := []transformer.Part{{Suffix: "weight", Shape: []int{of[1].Shape[0], of[0].Shape[1]}}}
		if len(of) > 2 {
			parts = append(parts, transformer.Part{Suffix: "bias", Shape: of[2].Shape})
		}
		return parts
	}
	if f.form != nil {
		return f.form.Parts()
	}
	parts := []transformer.Part{{Suffix: "weight", Shape: f.knife.shapes[f.was+".weight"]}}
	if f.linear.Bias {
		parts = append(parts, transformer.Part{Suffix: "bias", Shape: f.knife.shapes[f.was+".bias"]})
	}
	return parts
}

// Parts lists what is left of the parts, and a bias where there was none and one is needed.
func (f *cutForm) Parts() []transformer.Part {
	parts := slices.Clone(f.parts())
	for i, p := range parts {
		rows, columns := f.keeps(p)
		p.Shape = slices.Clone(p.Shape)
		for at, kept := range [][]int{rows, columns} {
			if kept != nil {
				p.Shape[at] = len(kept)
			}
		}
		parts[i] = p
	}
	if f.extra != nil && len(parts[len(parts)-1].Shape) == 2 {
		suffix := "bias"
		if len(parts) == 2 {
			suffix = "B.bias"
		}
		parts = append(parts, transformer.Part{Suffix: suffix, Shape: []int{f.linear.Out}})
	}
	return parts
}

// keeps says which rows and columns of a part are kept, nil for all: a factor B has the rows of the linear, A its columns.
func (f *cutForm) keeps(p transformer.Part) (rows, columns []int) {
	rows, columns = f.knife.kept[Slot{f.was + ".weight", 0}], f.knife.kept[Slot{f.was + ".weight", 1}]
	switch p.Suffix {
	case partA:
		rows = nil
	case partB, "B.bias", "bias":
		columns = nil
	}
	return rows, columns
}

// Read fills dst with what is left of part i.
func (f *cutForm) Read(i int, dst []float32) error {
	parts := f.parts()
	switch {
	case i >= len(parts):
		clear(dst)
	case f.factors != nil && i == 0:
		return f.factors.product(dst)
	case f.factors != nil:
		if err := f.factors.Read(2, dst); err != nil {
			return err
		}
	default:
		p := parts[i]
		all := make([]float32, p.Elements())
		if err := f.readWhole(i, p, all); err != nil {
			return err
		}
		rows, columns := f.keeps(p)
		pick(dst, all, p.Shape, rows, columns)
	}
	if len(f.Parts()[i].Shape) == 1 {
		for j := range f.extra {
			dst[j] += f.extra[j]
		}
	}
	return nil
}

func (f *cutForm) readWhole(i int, p transformer.Part, dst []float32) error {
	if f.form != nil {
		return f.form.Read(i, dst)
	}
	return f.knife.v.Model().Read(f.was+"."+p.Suffix, dst)
}

// product fills dst with B A of what is left of the factors, summed in float64.
func (f *cutForm) product(dst []float32) error {
	var read [2][]float32
	for i, p := range f.Parts()[:2] {
		read[i] = make([]float32, p.Elements())
		if err := f.Read(i, read[i]); err != nil {
			return err
		}
	}
	in := f.linear.In
	r, row := len(read[0])/in, make([]float64, in)
	for i := range f.linear.Out {
		clear(row)
		for k, b := range read[1][i*r : (i+1)*r] {
			for j, a := range read[0][k*in : (k+1)*in] {
				row[j] += float64(b) * float64(a)
			}
		}
		for j, x := range row {
			dst[i*in+j] = float32(x)
		}
	}
	return nil
}

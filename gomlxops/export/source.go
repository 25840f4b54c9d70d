package export

import (
	"fmt"
	"strings"

	"github.com/parelab/pare/gomlxops/linalg"
	"github.com/parelab/pare/gomlxops/transformer"
)

// source reads a variant's linears as whole matrices.
//
//	symbol  meaning                                  shape
//	W       the matrix                               [out, in]
//	B, A    its factors, W = B A                     [out, r], [r, in]
type source struct {
	v        *transformer.Variant
	linears  map[string]transformer.Linear // by name
	biases   map[transformer.Kind]bool     // kinds of which some linear has a bias
	factored int                           // linears held as factors
}

// newSource looks at the forms of v, which has no adapters.
func newSource(v *transformer.Variant) *source {
	s := &source{v: v, linears: map[string]transformer.Linear{}, biases: map[transformer.Kind]bool{}}
	for _, l := range v.Model().Linears() {
		s.linears[l.Name] = l
		f := v.Held(l)
		if f.Name() == factoredForm {
			s.factored++
		}
		if _, ok := biasPart(f); ok {
			s.biases[l.Kind] = true
		}
	}
	return s
}

// factoredForm is the name of the form that holds two factors.
const factoredForm = "factored"

// biasPart is the index of a form's bias, the last part where there is one.
func biasPart(f transformer.Form) (int, bool) {
	parts := f.Parts()
	last := len(parts) - 1
	return last, len(parts[last].Shape) == 1
}

// weight fills dst with W, [out, in]. Factors are multiplied in float64 and rounded once.
func (s *source) weight(l transformer.Linear, dst []float32) error {
	f := s.v.Held(l)
	if f.Name() != factoredForm {
		return f.Read(0, dst)
	}
	a, err := readWide(f, 0)
	if err != nil {
		return err
	}
	b, err := readWide(f, 1)
	if err != nil {
		return err
	}
	w, err := linalg.Mul(b, l.Out, f.Parts()[0].Shape[0], a, l.In)
	if err != nil {
		return fmt.Errorf("cannot multiply the factors of %s: %w", l.Name, err)
	}
	for i, x := range w {
		dst[i] = float32(x)
	}
	return nil
}

// bias fills dst with the bias, zeros where the linear has none.
func (s *source) bias(l transformer.Linear, dst []float32) error {
	f := s.v.Held(l)
	if i, ok := biasPart(f); ok {
		return f.Read(i, dst)
	}
	clear(dst)
	return nil
}

// read fills dst with a logical tensor, by its name.
func (s *source) read(tensor string, dst []float32) error {
	name, isWeight := strings.CutSuffix(tensor, ".weight")
	if l, ok := s.linears[name]; ok && isWeight {
		return s.weight(l, dst)
	}
	name, isBias := strings.CutSuffix(tensor, ".bias")
	if l, ok := s.linears[name]; ok && isBias {
		return s.bias(l, dst)
	}
	return s.v.Model().Read(tensor, dst)
}

func readWide(f transformer.Form, part int) ([]float64, error) {
	narrow := make([]float32, f.Parts()[part].Elements())
	if err := f.Read(part, narrow); err != nil {
		return nil, err
	}
	wide := make([]float64, len(narrow))
	for i, x := range narrow {
		wide[i] = float64(x)
	}
	return wide, nil
}

package prune

import (
	"errors"
	"fmt"

	"github.com/parelab/pare/gomlxops/covariance"
	"github.com/parelab/pare/gomlxops/transformer"
)

// Compensate returns, for each linear of v that loses inputs under the plan, what its bias needs so that the mean of its output stays:
//
//	b = W[kept rows, S] μ[S]
//
//	symbol  meaning                                   shape
//	W       the linear's matrix                       [out, in]
//	S       inputs that go
//	μ       mean of the inputs over calibration text  [in]
//
// mean gives μ of a linear by its name. A linear of the layers that go as a whole needs nothing. Where all inputs that go are constant the output
// stays as it was. A plan that cuts the residual stream has no such means and is an error.
//
// Y. An et al., "Fluctuation-based Adaptive Structured Pruning for Large Language Models" (FLAP), AAAI 2024, https://arxiv.org/abs/2312.11983, eq. 2.
func Compensate(v *transformer.Variant, p *Plan, mean func(linear string) ([]float64, error)) (map[string][]float32, error) {
	if p.Hidden != nil {
		return nil, errors.New("compensation: expected a plan of heads, MLP channels and layers, found one that cuts the residual stream")
	}
	small, err := p.Config(v.Model().Config())
	if err != nil {
		return nil, err
	}
	k, err := newKnife(v, p, small)
	if err != nil {
		return nil, err
	}
	biases := make(map[string][]float32)
	for _, l := range small.Linears() {
		was := k.linear(l.Name)
		weight := was + ".weight"
		kept, ok := k.kept[Slot{weight, 1}]
		if !ok {
			continue
		}
		mu, err := mean(was)
		if err != nil {
			return nil, fmt.Errorf("compensation of %s: %w", was, err)
		}
		in := k.shapes[weight][1]
		if len(mu) != in {
			return nil, fmt.Errorf("compensation of %s: expected the mean of %d inputs, found %d", was, in, len(mu))
		}
		x := append([]float64(nil), mu...)
		for _, i := range kept {
			x[i] = 0
		}
		if biases[was], err = k.times(was, x); err != nil {
			return nil, err
		}
	}
	return biases, nil
}

// Means gives the mean input of each linear of v from moments of it, for [Compensate].
func Means(v *transformer.Variant, m *covariance.Moments) func(linear string) ([]float64, error) {
	return func(linear string) ([]float64, error) {
		l, err := v.Model().Linear(linear)
		if err != nil {
			return nil, err
		}
		s, err := m.Site(l.Layer, l.Kind.Site())
		if err != nil {
			return nil, err
		}
		return s.Mean(), nil
	}
}

// times returns the kept rows of W x, for the linear's matrix as the variant holds it.
func (k *knife) times(linear string, x []float64) ([]float32, error) {
	y := x
	if form, ok := k.v.Form(linear); ok {
		for i, p := range form.Parts() { // A, then B
			if len(p.Shape) != 2 {
				continue
			}
			w := make([]float32, p.Elements())
			if err := form.Read(i, w); err != nil {
				return nil, err
			}
			y = product64(w, p.Shape, y)
		}
	} else {
		w, shape, err := k.v.Model().Float32(linear + ".weight")
		if err != nil {
			return nil, err
		}
		y = product64(w, shape, x)
	}
	rows, cut := k.kept[Slot{linear + ".weight", 0}]
	if !cut {
		rows = upTo(len(y))
	}
	out := make([]float32, len(rows))
	for i, r := range rows {
		out[i] = float32(y[r])
	}
	return out, nil
}

// product64 is W x in float64.
func product64(w []float32, shape []int, x []float64) []float64 {
	y := make([]float64, shape[0])
	for r := range y {
		for i, v := range w[r*shape[1] : (r+1)*shape[1]] {
			y[r] += float64(v) * x[i]
		}
	}
	return y
}

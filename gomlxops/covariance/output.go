package covariance

import (
	"fmt"

	"github.com/parelab/pare/gomlxops/linalg"
	"github.com/parelab/pare/gomlxops/transformer"
)

// Output is the mean and covariance of a linear's output.
type Output struct {
	Mean []float64 // [out]
	Cov  []float64 // [out, out], unbiased
}

// SCM returns the statistics of y = W x over all tokens: Mean(y) = W Mean(x), Cov(y) = W SCM(x) Wᵀ. w is [lin.Out, lin.In].
//
// Cost: 2·out·in² + 2·out²·in float64 operations. That is nothing next to the eigenvalues for small models; at hidden size
// 4,096 it is some 300 Gflop per square linear, and the MLP's [11008, 4096] takes 1.4 Tflop, so ask once per linear.
func (m *Moments) SCM(w []float32, lin transformer.Linear) (*Output, error) {
	return m.output(w, lin, (*Stats).SCM)
}

// PCM is [Moments.SCM] with the covariance pooled over groups. The mean is that of all tokens.
func (m *Moments) PCM(w []float32, lin transformer.Linear) (*Output, error) {
	return m.output(w, lin, (*Stats).PCM)
}

func (m *Moments) output(w []float32, lin transformer.Linear, cov func(*Stats) []float64) (*Output, error) {
	s, err := m.Input(lin)
	if err != nil {
		return nil, err
	}
	if len(w) != lin.Out*lin.In {
		return nil, fmt.Errorf("%s: expected a weight of shape [%d %d], found %d values", lin.Name, lin.Out, lin.In, len(w))
	}
	wide := widen(w)
	mean, err := linalg.Mul(wide, lin.Out, lin.In, s.Mean(), 1)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", lin.Name, err)
	}
	c, err := linalg.Congruence(wide, lin.Out, lin.In, cov(s))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", lin.Name, err)
	}
	return &Output{mean, c}, nil
}

func widen(w []float32) []float64 {
	wide := make([]float64, len(w))
	for i, v := range w {
		wide[i] = float64(v)
	}
	return wide
}

// Input returns the moments of the linear's input, checked against its size.
func (m *Moments) Input(lin transformer.Linear) (*Stats, error) {
	s, err := m.Site(lin.Layer, lin.Kind.Site())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", lin.Name, err)
	}
	if s.Dim != lin.In {
		return nil, fmt.Errorf("%s: expected moments of %d channels, found %d", lin.Name, lin.In, s.Dim)
	}
	return s, nil
}

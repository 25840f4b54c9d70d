package lowrank

import (
	"fmt"
	"slices"

	"github.com/parelab/pare/gomlxops/linalg"
	"github.com/parelab/pare/gomlxops/transformer"
)

// Spectrum is a linear taken apart, ready for every rank up to Kept.
//
// Notation: U [out, Kept] orthonormal columns, most energy first; W [out, in]; ȳ [out] the mean of the calibration outputs.
// U and Uᵀ W are kept in float32, which is what factors are made of; means and energies in float64.
type Spectrum struct {
	Linear transformer.Linear
	Method Method
	Values []float64 // energies of all min(out, in) directions, descending; feature methods: variances of the outputs
	Kept   int       // directions whose vectors are kept

	Model   string // digest of the model
	Moments string // digest of the moments; empty where the method needs none

	basis     []float32 // U, [out, Kept]
	projected []float32 // Uᵀ W, [Kept, in]
	mean      []float64 // ȳ, [out]; nil: the method makes no bias
	along     []float64 // Uᵀ ȳ, [Kept]
}

// newSpectrum keeps the first directions of an analysis.
func newSpectrum(p problem, m Method, a *analysis, kept int) (*Spectrum, error) {
	out, in, all := p.linear.Out, p.linear.In, len(a.values)
	u := make([]float64, out*kept)
	for i := range out {
		copy(u[i*kept:(i+1)*kept], a.u[i*all:i*all+kept])
	}
	projected, err := linalg.TMul(u, out, kept, p.w, in)
	if err != nil {
		return nil, err
	}
	s := &Spectrum{Linear: p.linear, Method: m, Values: a.values, Kept: kept, basis: narrow(u), projected: narrow(projected)}
	if a.mean != nil {
		s.mean = a.mean
		if s.along, err = linalg.TMul(u, out, kept, a.mean, 1); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Factors returns the linear at the given rank: B = U_r, A = U_rᵀ W, and for the feature methods the bias
// ȳ − U_r U_rᵀ ȳ, which is orthogonal to U_r. The result shares A with the spectrum: leave it unchanged.
//
// A rank outside 1…Kept is an error. Whether a rank saves anything is the caller's question; [Apply] asks it.
func (s *Spectrum) Factors(rank int) (*transformer.Factored, error) {
	if rank < 1 || rank > s.Kept {
		return nil, fmt.Errorf("%s: expected a rank of 1 to %d, found %d", s.Linear.Name, s.Kept, rank)
	}
	out, in := s.Linear.Out, s.Linear.In
	f := &transformer.Factored{Rank: rank, A: s.projected[: rank*in : rank*in], B: make([]float32, 0, out*rank)}
	for i := range out {
		f.B = append(f.B, s.basis[i*s.Kept:i*s.Kept+rank]...)
	}
	if s.mean != nil {
		f.Bias = s.bias(rank)
	}
	return f, nil
}

// bias returns (I − U_r U_rᵀ) ȳ, summed in float64.
func (s *Spectrum) bias(rank int) []float32 {
	rest := slices.Clone(s.mean)
	for i := range rest {
		for k, c := range s.along[:rank] {
			rest[i] -= float64(s.basis[i*s.Kept+k]) * c
		}
	}
	return narrow(rest)
}

// Energy returns the sum of all energies: for the feature methods the variance of the outputs, for plain SVD ‖W‖²_F.
func (s *Spectrum) Energy() float64 { return s.Discarded(0) }

// Discarded returns the energy that the given rank leaves out, the sum of the values behind it; 0 from the last rank on. It
// never grows with the rank.
func (s *Spectrum) Discarded(rank int) float64 {
	sum := 0.0
	for k := len(s.Values) - 1; k >= max(rank, 0); k-- { // from the smallest
		sum += max(s.Values[k], 0) // rounding can leave values of zero a little below it
	}
	return sum
}

func narrow(a []float64) []float32 {
	out := make([]float32, len(a))
	for i, v := range a {
		out[i] = float32(v)
	}
	return out
}

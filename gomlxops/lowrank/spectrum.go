package lowrank

import (
	"fmt"
	"slices"

	"github.com/parelab/pare/gomlxops/linalg"
	"github.com/parelab/pare/gomlxops/transformer"
)

// Spectrum is a linear taken apart, ready for every rank up to Kept.
//
// Notation: W [out, in] and where it has one the bias β [out]; B [out, Kept], A [Kept, in] its factors, most energy first, so that those
// of rank r are the first r columns and rows; ȳ = W x̄ [out] the mean of the calibration outputs, β left out. Factors are kept in float32, which is what a model holds; means and energies
// in float64.
type Spectrum struct {
	Linear   transformer.Linear
	Method   Method
	Settings Settings  // resolved, as by [Settings.For]
	Values   []float64 // energies of all min(out, in) directions, descending; the method's file says of what
	Kept     int       // directions whose vectors are kept

	Model   string // digest of the model
	Moments string // digest of the moments; empty where the method needs none
	Fisher  string // digest of the Fisher sums; empty where the method needs none

	b     []float32 // [out, Kept]
	a     []float32 // [Kept, in]
	own   []float32 // β, [out]; nil where the dense linear has none
	mean  []float64 // ȳ, [out]; nil: the method makes no bias of its own
	along []float64 // Bᵀ ȳ, [Kept]; with a mean the columns of B are orthonormal
}

// newSpectrum keeps the first directions of an analysis.
func newSpectrum(p problem, a *analysis, kept int) (*Spectrum, error) {
	b, rows, err := a.factors(p, kept)
	if err != nil {
		return nil, err
	}
	s := &Spectrum{Linear: p.linear, Values: a.values, Kept: kept, b: narrow(b), a: narrow(rows), own: p.bias}
	if a.mean != nil {
		s.mean = a.mean
		if s.along, err = linalg.TMul(b, p.linear.Out, kept, a.mean, 1); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// factors returns B [out, r] and A [r, in].
func (a *analysis) factors(p problem, r int) (b, rows []float64, err error) {
	out, in := p.linear.Out, p.linear.In
	if a.a != nil {
		rows = a.a[:r*in]
	}
	if a.b == nil {
		b, err = linalg.MulT(p.w, out, in, rows, r)
		return b, rows, err
	}
	b = make([]float64, 0, out*r)
	for i, width := 0, len(a.b)/out; i < out; i++ {
		b = append(b, a.b[i*width:i*width+r]...)
	}
	if rows == nil {
		rows, err = linalg.TMul(b, out, r, p.w, in)
	}
	return b, rows, err
}

// Factors returns the linear at the given rank: B, A and the bias. That is β, if the linear has one, and where the mean is kept
// ȳ − B Bᵀ ȳ more, which is orthogonal to the columns of B. The result shares A with the spectrum: leave it unchanged.
//
// A rank outside 1…Kept is an error. Whether a rank saves anything is the caller's question; [Apply] asks it.
func (s *Spectrum) Factors(rank int) (*transformer.Factored, error) {
	if rank < 1 || rank > s.Kept {
		return nil, fmt.Errorf("%s: expected a rank of 1 to %d, found %d", s.Linear.Name, s.Kept, rank)
	}
	out, in := s.Linear.Out, s.Linear.In
	f := &transformer.Factored{Rank: rank, A: s.a[: rank*in : rank*in], B: make([]float32, 0, out*rank)}
	for i := range out {
		f.B = append(f.B, s.b[i*s.Kept:i*s.Kept+rank]...)
	}
	if s.hasBias() {
		f.Bias = s.bias(rank)
	}
	return f, nil
}

// hasBias says whether the factors have one.
func (s *Spectrum) hasBias() bool { return s.mean != nil || s.Linear.Bias }

// bias returns β + ȳ − B Bᵀ ȳ at a rank, summed in float64.
func (s *Spectrum) bias(rank int) []float32 {
	if s.mean == nil {
		return slices.Clone(s.own)
	}
	rest := slices.Clone(s.mean)
	for i := range rest {
		if s.own != nil {
			rest[i] += float64(s.own[i])
		}
		for k, c := range s.along[:rank] {
			rest[i] -= float64(s.b[i*s.Kept+k]) * c
		}
	}
	return narrow(rest)
}

// Energy returns the sum of all energies: for the feature methods the variance of the outputs, for plain SVD ‖W‖²_F. Energies
// of different methods have different units; compare [Spectrum.Relative].
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

// Relative returns the fraction of the energy that the given rank leaves out, in [0, 1]; 0 of a linear without energy.
func (s *Spectrum) Relative(rank int) float64 {
	if all := s.Energy(); all > 0 {
		return s.Discarded(rank) / all
	}
	return 0
}

func narrow(a []float64) []float32 {
	out := make([]float32, len(a))
	for i, v := range a {
		out[i] = float32(v)
	}
	return out
}

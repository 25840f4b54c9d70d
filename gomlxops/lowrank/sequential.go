package lowrank

import (
	"context"
	"errors"
	"fmt"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/transformer"
)

// Mode says what [Sequential] does anew on the inputs that compressed blocks give.
type Mode string

// The modes.
const (
	Recalibrate Mode = "recalibrate" // decompose with their moments
	Update      Mode = "update"      // keep A, and fit B and the bias by least squares: SVD-LLM's closed-form update
	Both        Mode = "both"        // decompose, and then fit B and the bias
)

// Target says what the outputs should be.
type Target string

// The targets.
const (
	Shifted  Target = "shifted"  // W x', x' the input that the compressed blocks before give: SVD-LLM
	Original Target = "original" // W x, x the input in the dense model, so that later blocks make up for earlier ones
)

// SequentialOptions choose what [Sequential] does. The zero value recalibrates a method that looks at moments and updates another.
type SequentialOptions struct {
	Mode     Mode
	Target   Target            // "" means Shifted
	Groups   int               // of consecutive sequences, for pooled covariances; 0 means 1
	Batch    int               // sequences in one call of the graph; 0 lets the stream choose
	Recorder gomlxops.Recorder // told of progress; nil keeps nothing
}

// Recalibration is what [Sequential] did.
type Recalibration struct {
	Mode    Mode   `json:"mode"`
	Target  Target `json:"target"`
	Linears []Fit  `json:"linears"` // those that are held in factors
}

// Fit is what came of one linear: the mean squared error of its outputs against the target, on the inputs that the compressed
// blocks before it give, as a fraction of the target's mean square.
type Fit struct {
	Linear string  `json:"linear"`
	Before float64 `json:"before"` // with the factors from the dense model's calibration
	After  float64 `json:"after"`
}

// Sequential compresses m block after block, each on what the compressed blocks before it give. ranks are those of the allocation, which
// came from spectra, the decomposition of the dense model; the result is the allocation with its Sequential set. Energies in it
// remain those that ranks were chosen by.
//
// For each block the sequences that passed all blocks before it, compressed, run through it as it is, and the moments of its sites are
// collected: x' of o_proj, for one, comes of the dense q, k and v of its own block. From these each linear is decomposed
// again, its B fitted, or both ([Mode]). After a fit the error is the least that any B and bias can have with that A, so it is
// not above that before. Where A already comes from those moments, uncentred or with its bias and unpooled, B = U is that fit, and
// updating it changes nothing: W C Aᵀ (A C Aᵀ)⁻¹ = U for A = Uᵀ W and C the covariance that U diagonalises W C Wᵀ of.
//
// With the target W x' each linear keeps up with what it is given, and errors of earlier blocks go on as they are. With Original it aims at
// what the dense model would have put out, and so makes up for them as far as it can: the matrix that is decomposed is then not W but
// M = argmin ‖W X − M X'‖_F, which is W where x' = x.
//
// Memory: one block, its moments, and the activations of all sequences; with Original twice that. Cost: a calibration, two more passes
// over the blocks, and the decompositions.
//
// Errors: those of [DecomposeAll] and of covariance.Collect, a mode that the method cannot follow, an allocation of other spectra.
// Cancelling ctx stops between two calls of the graph or two linears.
func Sequential(ctx context.Context, m *transformer.Model, spectra []*Spectrum, a *Allocation, sequences [][]int32, opt SequentialOptions) (map[string]transformer.Form, *Allocation, error) {
	s, err := newSequence(m, spectra, a, opt)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot recalibrate: %w", err)
	}
	if err := s.begin(sequences); err != nil {
		return nil, nil, fmt.Errorf("cannot recalibrate: %w", errors.Join(err, s.close()))
	}
	for s.walk.Next() && err == nil {
		err = s.block(ctx)
	}
	if err = errors.Join(err, s.close()); err != nil {
		return nil, nil, fmt.Errorf("cannot recalibrate: %w", err)
	}
	done := *a
	done.Sequential = &s.done
	return s.forms, &done, nil
}

// For returns the options with the method's defaults, or what it cannot follow.
func (o SequentialOptions) For(m Method) (SequentialOptions, error) {
	if err := m.check(); err != nil {
		return o, err
	}
	if o.Mode == "" {
		o.Mode = map[bool]Mode{true: Recalibrate, false: Update}[m.NeedsMoments()]
	}
	if o.Target == "" {
		o.Target = Shifted
	}
	switch {
	case o.Mode != Recalibrate && o.Mode != Update && o.Mode != Both:
		return o, fmt.Errorf("mode: expected %q, %q or %q, found %q", Recalibrate, Update, Both, o.Mode)
	case o.Target != Shifted && o.Target != Original:
		return o, fmt.Errorf("target: expected %q or %q, found %q", Shifted, Original, o.Target)
	case o.Mode != Update && !m.NeedsMoments():
		return o, fmt.Errorf("mode: method %q looks at no inputs, so that other inputs change nothing; take %q", m, Update)
	}
	return o, nil
}

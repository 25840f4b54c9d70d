package lowrank

import (
	"fmt"
	"maps"
	"slices"

	"github.com/parelab/pare/gomlxops/covariance"
	"github.com/parelab/pare/gomlxops/importance"
	"github.com/parelab/pare/gomlxops/transformer"
)

// Method names a way to order the directions of a linear.
type Method string

// The methods, each in the file of its family.
const (
	FeaturePCM Method = "pcm"       // principal components of the outputs, covariance pooled over groups
	FeatureSCM Method = "scm"       // the same with the covariance over all tokens
	SVDLLM     Method = "svdllm"    // singular vectors of the weight on whitened inputs
	ASVD       Method = "asvd"      // singular vectors of the weight with its columns scaled by the size of the inputs
	PlainSVD   Method = "svd"       // singular vectors of the weight, no calibration
	FWSVDRow   Method = "fwsvd_row" // the same with its rows, the outputs, scaled by Fisher information
	FWSVDCol   Method = "fwsvd_col" // the same with its columns, the inputs, scaled by Fisher information
)

// entry is what the list of methods says of one.
type entry struct {
	moments bool                    // it looks at calibration moments
	fisher  bool                    // it looks at Fisher sums
	make    func(Settings) analyser // settings are resolved
}

var methods = map[Method]entry{
	FeaturePCM: {true, false, func(s Settings) analyser { return feature{(*covariance.Stats).PCM, s.Centring} }},
	FeatureSCM: {true, false, func(s Settings) analyser { return feature{(*covariance.Stats).SCM, s.Centring} }},
	SVDLLM:     {true, false, func(Settings) analyser { return whitening{} }},
	ASVD:       {true, false, func(s Settings) analyser { return activation{s.Alpha} }},
	PlainSVD:   {false, false, func(Settings) analyser { return plain{} }},
	FWSVDRow:   {false, true, func(Settings) analyser { return fisherRows{} }},
	FWSVDCol:   {false, true, func(Settings) analyser { return fisherCols{} }},
}

// Methods lists the methods, sorted.
func Methods() []Method { return slices.Sorted(maps.Keys(methods)) }

// NeedsMoments says whether the method looks at calibration moments; [Decompose] takes nil for one that does not.
func (m Method) NeedsMoments() bool { return methods[m].moments }

// NeedsFisher says whether the method looks at the Fisher sums of [Options].
func (m Method) NeedsFisher() bool { return methods[m].fisher }

func (m Method) feature() bool { return m == FeaturePCM || m == FeatureSCM }

func (m Method) check() error {
	if _, ok := methods[m]; !ok {
		return fmt.Errorf("method: expected one of %v, found %q", Methods(), m)
	}
	return nil
}

// analyser is what a file of this package adds.
//
// Laws: values are descending and not negative but for rounding; the best rank-r factors in the method's sense are the
// first r columns of B and the first r rows of A, for every r; the result does not depend on what was analysed before.
type analyser interface {
	analyse(problem) (*analysis, error)
}

// problem is one linear to be decomposed.
type problem struct {
	linear transformer.Linear
	w      []float64         // W, [out, in]
	bias   []float32         // β of y = W x + β, [out]; nil where the linear has none
	input  *covariance.Stats // of the linear's input; nil where the method needs none
	fisher *importance.Sums  // of the linear; nil where the method needs none
	roots  *roots            // square roots of input moments, shared between linears
	keep   int               // directions whose vectors are wanted, a method may find more; 0 wants all
}

// analysis is the outcome, in float64: the energies of all k = min(out, in) directions, and as many vectors as are wanted, or more. A method gives B with orthonormal columns, or A with
// orthonormal rows, or both factors as they come; the one left out is the projection of W, Bᵀ W or W Aᵀ, so that no scale is
// ever divided by.
type analysis struct {
	values []float64 // energies, k, descending
	b      []float64 // [out, as many]; nil: W Aᵀ
	a      []float64 // [as many, in]; nil: Bᵀ W
	mean   []float64 // ȳ, [out]; nil where the method makes no bias
}

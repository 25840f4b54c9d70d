package lowrank

import (
	"fmt"
	"maps"
	"slices"

	"github.com/parelab/pare/gomlxops/covariance"
	"github.com/parelab/pare/gomlxops/transformer"
)

// Method names a way to order the directions of a linear's output.
type Method string

// The methods, each in the file of its name.
const (
	FeaturePCM Method = "pcm" // principal components of the outputs, covariance pooled over groups
	FeatureSCM Method = "scm" // the same with the covariance over all tokens
	PlainSVD   Method = "svd" // singular vectors of the weight, no calibration
)

var methods = map[Method]method{
	FeaturePCM: feature{(*covariance.Stats).PCM},
	FeatureSCM: feature{(*covariance.Stats).SCM},
	PlainSVD:   plain{},
}

// Methods lists the methods, sorted.
func Methods() []Method { return slices.Sorted(maps.Keys(methods)) }

// NeedsMoments says whether the method looks at calibration moments; [Decompose] takes nil for one that does not.
func (m Method) NeedsMoments() bool { return methods[m] != nil && methods[m].needsMoments() }

func (m Method) check() error {
	if methods[m] == nil {
		return fmt.Errorf("method: expected one of %v, found %q", Methods(), m)
	}
	return nil
}

// method is what a file of this package adds.
//
// Laws: u has orthonormal columns; values are descending and not negative but for rounding; the result does not depend on
// what was analysed before. The best rank-r factors in the method's sense are u_r and u_rᵀ W for every r.
type method interface {
	needsMoments() bool
	analyse(problem) (*analysis, error)
}

// problem is one linear to be decomposed.
type problem struct {
	linear transformer.Linear
	w      []float64         // W, [out, in]
	input  *covariance.Stats // of the linear's input; nil where the method needs none
	roots  *roots            // square roots of input covariances, shared between linears
}

// analysis is the outcome, in float64.
type analysis struct {
	values []float64 // energies, min(out, in), descending
	u      []float64 // [out, min(out, in)]
	mean   []float64 // ȳ, [out]; nil where the method makes no bias
}

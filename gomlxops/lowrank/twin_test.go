package lowrank

import (
	"fmt"
	"testing"

	"github.com/parelab/pare/gomlxops/covariance"
	"github.com/parelab/pare/gomlxops/transformer"
)

// decomposedOn decomposes one linear with moments taken from captured inputs, token by token in float64, in four groups.
func (r *reference) decomposedOn(t *testing.T, method Method, inputs capture, l transformer.Linear) *Spectrum {
	t.Helper()
	x := inputs[fmt.Sprint(l.Layer, l.Kind.Site())]
	const groups = 4
	s := &covariance.Stats{Layer: l.Layer, Site: l.Kind.Site(), Dim: l.In, AbsMean: make([]float64, l.In), Within: make([]float64, l.In*(l.In+1)/2)}
	n := len(x) / l.In / groups
	for g := range groups {
		part := x[g*n*l.In : (g+1)*n*l.In]
		mean := make([]float64, l.In)
		for i, v := range part {
			mean[i%l.In] += float64(v) / float64(n)
			s.AbsMean[i%l.In] += max(float64(v), -float64(v)) / float64(n*groups)
		}
		for ; len(part) > 0; part = part[l.In:] {
			at := 0
			for i := range l.In {
				for j := range i + 1 {
					s.Within[at] += (float64(part[i]) - mean[i]) * (float64(part[j]) - mean[j])
					at++
				}
			}
		}
		s.Groups = append(s.Groups, covariance.Group{Count: n, Mean: mean})
	}
	digest, err := r.model.Digest()
	if err != nil {
		t.Fatal(err)
	}
	spectrum, err := Decompose(r.model, &covariance.Moments{Model: digest, Sequences: 16, Length: n * groups / 16, Groups: groups, Stats: []*covariance.Stats{s}}, l, method)
	if err != nil {
		t.Fatal(err)
	}
	return spectrum
}

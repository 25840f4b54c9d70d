package covariance

import (
	"fmt"
	"slices"
)

// Regroup returns the moments for fewer groups, each made of consecutive ones of m: what [Collect] would give with that
// number. Groups of m that join add the scatter between them to the scatter within, so no pass over the model is needed.
//
// A number that does not divide m.Groups is an error. Cost: groups·d² per site; the result shares nothing with m.
func (m *Moments) Regroup(groups int) (*Moments, error) {
	if groups < 1 || m.Groups%groups != 0 {
		return nil, fmt.Errorf("groups: expected a divisor of %d, the number of groups collected, found %d", m.Groups, groups)
	}
	out := *m
	out.Groups, out.Stats = groups, make([]*Stats, len(m.Stats))
	for i, s := range m.Stats {
		out.Stats[i] = s.regroup(groups)
	}
	return &out, nil
}

func (s *Stats) regroup(groups int) *Stats {
	out := newStats(s.Layer, s.Site, s.Dim, groups)
	copy(out.AbsMean, s.AbsMean)
	copy(out.Within, s.Within)
	size := len(s.Groups) / groups
	for k := range out.Groups {
		part := &Stats{Dim: s.Dim, Groups: s.Groups[k*size : (k+1)*size]}
		out.Groups[k] = Group{part.Count(), part.Mean()}
		if size == 1 {
			continue
		}
		for _, g := range part.Groups {
			addOuter(out.Within, float64(g.Count), difference(g.Mean, out.Groups[k].Mean))
		}
	}
	return out
}

// Merge returns the moments of both calibrations together, the groups of other after those of m, so that a calibration can
// be split and added up.
//
// Both must be of one model and have sequences of one length and groups of one size; the error names what differs. Data and
// Tokens of the result tell both.
func (m *Moments) Merge(other *Moments) (*Moments, error) {
	if err := m.mergeable(other); err != nil {
		return nil, fmt.Errorf("cannot merge moments: %w", err)
	}
	out := *m
	out.Sequences += other.Sequences
	out.Groups += other.Groups
	out.Data, out.Tokens = join(m.Data, other.Data), join(m.Tokens, other.Tokens)
	out.Stats = make([]*Stats, len(m.Stats))
	for i, s := range m.Stats {
		out.Stats[i] = s.merge(other.Stats[i])
	}
	return &out, nil
}

func (m *Moments) mergeable(o *Moments) error {
	size, otherSize := m.Sequences/m.Groups, o.Sequences/o.Groups
	switch {
	case m.Model != o.Model:
		return fmt.Errorf("model: expected digest %.16s…, found %.16s…", m.Model, o.Model)
	case m.Replaced != 0 || o.Replaced != 0:
		return fmt.Errorf("replaced linears: expected moments of the dense model, found %d and %d linears replaced", m.Replaced, o.Replaced)
	case m.Length != o.Length:
		return fmt.Errorf("length: expected %d tokens per sequence, found %d", m.Length, o.Length)
	case size != otherSize:
		return fmt.Errorf("groups: expected %d sequences per group, found %d", size, otherSize)
	case len(m.Stats) != len(o.Stats):
		return fmt.Errorf("sites: expected %d, found %d", len(m.Stats), len(o.Stats))
	}
	for i, s := range m.Stats {
		if t := o.Stats[i]; s.Layer != t.Layer || s.Site != t.Site || s.Dim != t.Dim {
			return fmt.Errorf("sites: expected layer %d, %s of %d, found layer %d, %s of %d", s.Layer, s.Site, s.Dim, t.Layer, t.Site, t.Dim)
		}
	}
	return nil
}

func (s *Stats) merge(t *Stats) *Stats {
	out := newStats(s.Layer, s.Site, s.Dim, 0)
	out.Groups = slices.Concat(s.Groups, t.Groups)
	share := float64(t.Count()) / float64(out.Count())
	for i := range out.AbsMean {
		out.AbsMean[i] = s.AbsMean[i] + share*(t.AbsMean[i]-s.AbsMean[i])
	}
	for i := range out.Within {
		out.Within[i] = s.Within[i] + t.Within[i]
	}
	return out
}

func join(a, b string) string {
	if a == b {
		return a
	}
	return a + "+" + b
}

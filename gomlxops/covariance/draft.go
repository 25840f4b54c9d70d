package covariance

import (
	"fmt"

	"github.com/parelab/pare/gomlxops/internal/tensorfile"
)

// draft is the file that moments are made in. nil stands for moments in the heap, which need none.
type draft struct{ *tensorfile.Draft }

// draft gives the outlines of m arrays in a file at path.
func (m *Moments) draft(path string) (*draft, error) {
	var arrays []tensorfile.Tensor
	for _, s := range m.Stats {
		name, groups := s.name(), len(s.Groups)
		arrays = append(arrays,
			tensorfile.Tensor{Name: name + ".counts", Shape: []int{groups}, Data: []int64(nil)},
			tensorfile.Tensor{Name: name + ".means", Shape: []int{groups, s.Dim}, Data: []float64(nil)},
			tensorfile.Tensor{Name: name + ".abs_mean", Shape: []int{s.Dim}, Data: []float64(nil)},
			tensorfile.Tensor{Name: name + ".within", Shape: []int{packed(s.Dim)}, Data: []float64(nil)})
	}
	d, err := tensorfile.NewDraft(path, arrays, m.metadata())
	if err != nil {
		return nil, err
	}
	for _, s := range m.Stats {
		name := s.name()
		s.lay(d.Float64(name+".means"), d.Float64(name+".abs_mean"), d.Float64(name+".within"))
	}
	return &draft{d}, nil
}

// commit puts the file of m in its place.
func (d *draft) commit(m *Moments) error {
	if d == nil {
		return nil
	}
	for _, s := range m.Stats {
		counts := d.Int64(s.name() + ".counts")
		for k, g := range s.Groups {
			counts[k] = int64(g.Count)
		}
	}
	if err := d.Commit(); err != nil {
		return fmt.Errorf("cannot save the moments: %w", err)
	}
	return nil
}

func (d *draft) discard() error {
	if d == nil {
		return nil
	}
	return d.Discard()
}

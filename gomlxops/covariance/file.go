package covariance

import (
	"fmt"
	"strconv"

	"github.com/parelab/pare/gomlxops/internal/tensorfile"
	"github.com/parelab/pare/gomlxops/transformer"
)

// fileKind and fileVersion head a file of moments. The version changes when the meaning of its arrays does.
const (
	fileKind    = "pare moments"
	fileVersion = "1"
)

// Save writes the moments to path, whole or not at all, as safetensors: for each site "layers.L.SITE.counts" (int64, groups),
// ".means" (groups × d), ".abs_mean" (d) and ".within" (packed), in float64, and as metadata what they were made from.
func (m *Moments) Save(path string) error {
	return tensorfile.Write(path, m.arrays(), m.metadata())
}

func (m *Moments) metadata() map[string]string {
	return map[string]string{
		"kind": fileKind, "version": fileVersion, "model": m.Model, "replaced": strconv.Itoa(m.Replaced), "data": m.Data, "tokens": m.Tokens,
		"sequences": strconv.Itoa(m.Sequences), "length": strconv.Itoa(m.Length), "groups": strconv.Itoa(m.Groups),
	}
}

func (m *Moments) arrays() (arrays []tensorfile.Tensor) {
	for _, s := range m.Stats {
		counts := make([]int64, len(s.Groups))
		means := make([]float64, 0, len(s.Groups)*s.Dim)
		for k, g := range s.Groups {
			counts[k] = int64(g.Count)
			means = append(means, g.Mean...)
		}
		name := s.name()
		arrays = append(arrays,
			tensorfile.Tensor{Name: name + ".counts", Shape: []int{len(counts)}, Data: counts},
			tensorfile.Tensor{Name: name + ".means", Shape: []int{len(s.Groups), s.Dim}, Data: means},
			tensorfile.Tensor{Name: name + ".abs_mean", Shape: []int{s.Dim}, Data: s.AbsMean},
			tensorfile.Tensor{Name: name + ".within", Shape: []int{packed(s.Dim)}, Data: s.Within})
	}
	return arrays
}

// Load reads what [Moments.Save] wrote. Another kind of file, a damaged one, and counts that contradict each other are
// errors that name path, the array or field, what was expected and what was found. [Moments.For] says whether the moments
// belong to a model; decompositions ask it. The arrays stay in the file, mapped into memory: leave it as it is, though another may
// take its name.
func Load(path string) (*Moments, error) {
	f, err := tensorfile.OpenMapped(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read moments: %w", err)
	}
	defer f.Close()
	m, err := load(f)
	if err == nil {
		err = m.complete()
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read moments: %s: %w", path, err)
	}
	return m, nil
}

func load(f *tensorfile.File) (*Moments, error) {
	if kind, version := f.Metadata("kind"), f.Metadata("version"); kind != fileKind || version != fileVersion {
		return nil, fmt.Errorf("expected kind %q, version %s, found kind %q, version %q; calibrate again", fileKind, fileVersion, kind, version)
	}
	return readMoments(f)
}

// readMoments reads what arrays and metadata gave.
func readMoments(f *tensorfile.File) (*Moments, error) {
	m := &Moments{Model: f.Metadata("model"), Data: f.Metadata("data"), Tokens: f.Metadata("tokens")}
	for _, field := range []struct {
		name  string
		to    *int
		least int
	}{{"replaced", &m.Replaced, 0}, {"sequences", &m.Sequences, 1}, {"length", &m.Length, 1}, {"groups", &m.Groups, 1}} {
		n, err := strconv.Atoi(f.Metadata(field.name))
		if err != nil || n < field.least {
			return nil, fmt.Errorf("%s: expected a number of at least %d, found %q", field.name, field.least, f.Metadata(field.name))
		}
		*field.to = n
	}
	for layer := 0; ; layer++ {
		before := len(m.Stats)
		for _, site := range transformer.Sites {
			s := &Stats{Layer: layer, Site: site}
			if !f.Has(s.name() + ".counts") {
				continue
			}
			if err := s.load(f, m.Groups); err != nil {
				return nil, err
			}
			m.Stats = append(m.Stats, s)
		}
		if len(m.Stats) == before {
			break
		}
	}
	const arraysPerSite = 4
	if len(m.Stats) == 0 || len(f.Names()) != arraysPerSite*len(m.Stats) {
		return nil, fmt.Errorf("expected %d arrays for each site of consecutive layers, found %d arrays for %d sites", arraysPerSite, len(f.Names()), len(m.Stats))
	}
	return m, nil
}

func (s *Stats) load(f *tensorfile.File, groups int) error {
	name := s.name()
	shape := f.Shape(name + ".abs_mean")
	if len(shape) != 1 || shape[0] < 1 {
		return fmt.Errorf("tensor %q: expected a vector, found shape %v", name+".abs_mean", shape)
	}
	s.Dim = shape[0]
	counts, err := f.Int64(name+".counts", groups)
	if err != nil {
		return err
	}
	means, err := f.Float64(name+".means", groups, s.Dim)
	if err != nil {
		return err
	}
	for k, n := range counts {
		if n < 1 || n != counts[0] {
			return fmt.Errorf("tensor %q: expected groups of equal size, found %d tokens in group %d and %d in group 0", name+".counts", n, k, counts[0])
		}
		s.Groups = append(s.Groups, Group{int(n), means[k*s.Dim : (k+1)*s.Dim]})
	}
	if s.AbsMean, err = f.Float64(name+".abs_mean", s.Dim); err != nil {
		return err
	}
	s.Within, err = f.Float64(name+".within", packed(s.Dim))
	return err
}

// name is what a site's arrays begin with: "layers.3.mlp_in".
func (s *Stats) name() string { return fmt.Sprintf("layers.%d.%s", s.Layer, s.Site) }

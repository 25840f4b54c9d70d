package lowrank

import (
	"fmt"
	"strconv"

	"github.com/parelab/pare/gomlxops/internal/tensorfile"
	"github.com/parelab/pare/gomlxops/transformer"
)

// fileKind and fileVersion head a file of spectra. The version changes when the meaning of its arrays does.
const (
	fileKind    = "pare spectra"
	fileVersion = "1"
)

// Save writes spectra of one model and method to path, whole or not at all, as safetensors. For each linear LINEAR the arrays are
// LINEAR.values (float64), LINEAR.basis (B, float32, out × kept) and LINEAR.projected (A, float32, kept × in), of a linear with a
// bias LINEAR.own_bias (β, float32), and where the mean is kept LINEAR.mean (ȳ) and LINEAR.along (Bᵀ ȳ), float64. The order of the spectra is kept. Settings stand in the
// metadata under their names; where they are absent the defaults held.
func Save(path string, spectra []*Spectrum) error {
	if err := checkTogether(spectra); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	first := spectra[0]
	metadata := map[string]string{
		"kind": fileKind, "version": fileVersion, "method": string(first.Method), "model": first.Model, "moments": first.Moments, "fisher": first.Fisher,
		"linears": strconv.Itoa(len(spectra)),
	}
	first.Settings.write(metadata)
	var arrays []tensorfile.Tensor
	for i, s := range spectra {
		metadata["linear."+strconv.Itoa(i)] = s.Linear.Name
		arrays = append(arrays, s.arrays()...)
	}
	return tensorfile.Write(path, arrays, metadata)
}

func (s *Spectrum) arrays() []tensorfile.Tensor {
	name, out, in := s.Linear.Name, s.Linear.Out, s.Linear.In
	arrays := []tensorfile.Tensor{
		{Name: name + ".values", Shape: []int{len(s.Values)}, Data: s.Values},
		{Name: name + ".basis", Shape: []int{out, s.Kept}, Data: s.b},
		{Name: name + ".projected", Shape: []int{s.Kept, in}, Data: s.a},
	}
	if s.own != nil {
		arrays = append(arrays, tensorfile.Tensor{Name: name + ".own_bias", Shape: []int{out}, Data: s.own})
	}
	if s.mean != nil {
		arrays = append(arrays,
			tensorfile.Tensor{Name: name + ".mean", Shape: []int{out}, Data: s.mean},
			tensorfile.Tensor{Name: name + ".along", Shape: []int{s.Kept}, Data: s.along})
	}
	return arrays
}

// Load reads what [Save] wrote for model m. Spectra of another model, another kind of file and a damaged one are errors that name
// path, what was expected and what was found.
func Load(path string, m *transformer.Model) ([]*Spectrum, error) {
	f, err := tensorfile.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read spectra: %w", err)
	}
	defer f.Close()
	spectra, err := load(f, m)
	if err != nil {
		return nil, fmt.Errorf("cannot read spectra: %s: %w", path, err)
	}
	return spectra, nil
}

func load(f *tensorfile.File, m *transformer.Model) ([]*Spectrum, error) {
	if kind, version := f.Metadata("kind"), f.Metadata("version"); kind != fileKind || version != fileVersion {
		return nil, fmt.Errorf("expected kind %q, version %s, found kind %q, version %q; decompose again", fileKind, fileVersion, kind, version)
	}
	digest, err := m.Digest()
	if err != nil {
		return nil, err
	}
	if found := f.Metadata("model"); found != digest {
		return nil, fmt.Errorf("model: expected digest %.16s… of %s, found %.16s…; decompose this model", digest, m.Dir(), found)
	}
	method := Method(f.Metadata("method"))
	settings, err := readSettings(f, method)
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(f.Metadata("linears"))
	if err != nil || n < 1 || n > len(m.Linears()) {
		return nil, fmt.Errorf("linears: expected a number of 1 to %d, found %q", len(m.Linears()), f.Metadata("linears"))
	}
	spectra := make([]*Spectrum, n)
	for i := range spectra {
		lin, err := m.Linear(f.Metadata("linear." + strconv.Itoa(i)))
		if err != nil {
			return nil, err
		}
		spectra[i] = &Spectrum{Linear: lin, Method: method, Settings: settings, Model: digest, Moments: f.Metadata("moments"), Fisher: f.Metadata("fisher")}
		if err := spectra[i].load(f); err != nil {
			return nil, err
		}
	}
	return spectra, checkTogether(spectra)
}

func (s *Spectrum) load(f *tensorfile.File) (err error) {
	name, out, in := s.Linear.Name, s.Linear.Out, s.Linear.In
	shape := f.Shape(name + ".basis")
	if len(shape) != 2 || shape[1] < 1 || shape[1] > min(out, in) {
		return fmt.Errorf("tensor %q: expected shape [%d, 1 to %d], found %v", name+".basis", out, min(out, in), shape)
	}
	s.Kept = shape[1]
	if s.Values, err = f.Float64(name+".values", min(out, in)); err != nil {
		return err
	}
	if s.b, err = f.Float32(name+".basis", out, s.Kept); err != nil {
		return err
	}
	if s.a, err = f.Float32(name+".projected", s.Kept, in); err != nil {
		return err
	}
	if s.Linear.Bias {
		if s.own, err = f.Float32(name+".own_bias", out); err != nil {
			return err
		}
	}
	if s.Settings.Centring != KeepMean {
		return nil
	}
	if s.mean, err = f.Float64(name+".mean", out); err != nil {
		return err
	}
	s.along, err = f.Float64(name+".along", s.Kept)
	return err
}

// write adds the settings that are not zero to a file's metadata.
func (s Settings) write(metadata map[string]string) {
	if s.Alpha != 0 {
		metadata["alpha"] = strconv.FormatFloat(s.Alpha, 'g', -1, 64)
	}
	if s.Centring != "" {
		metadata["centring"] = string(s.Centring)
	}
}

func readSettings(f *tensorfile.File, method Method) (Settings, error) {
	s := Settings{Centring: Centring(f.Metadata("centring"))}
	if text := f.Metadata("alpha"); text != "" {
		var err error
		if s.Alpha, err = strconv.ParseFloat(text, 64); err != nil {
			return s, fmt.Errorf("alpha: expected a number, found %q", text)
		}
	}
	return s.For(method)
}

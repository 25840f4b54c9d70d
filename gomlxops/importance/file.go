package importance

import (
	"fmt"
	"strconv"

	"github.com/parelab/pare/gomlxops/internal/tensorfile"
	"github.com/parelab/pare/gomlxops/transformer"
)

// fileKind and fileVersion head a file of Fisher sums. The version changes when the meaning of its arrays does.
const (
	fileKind    = "pare fisher"
	fileVersion = "1"
)

// Save writes the sums to path, whole or not at all, as safetensors: LINEAR.fisher_row and LINEAR.fisher_col, float64, for each
// linear, and as metadata what they were made from.
func (f *Fisher) Save(path string) error {
	var arrays []tensorfile.Tensor
	for _, s := range f.Linears {
		arrays = append(arrays,
			tensorfile.Tensor{Name: s.Linear.Name + ".fisher_row", Shape: []int{len(s.Row)}, Data: s.Row},
			tensorfile.Tensor{Name: s.Linear.Name + ".fisher_col", Shape: []int{len(s.Col)}, Data: s.Col})
	}
	return tensorfile.Write(path, arrays, map[string]string{
		"kind": fileKind, "version": fileVersion, "model": f.Model, "data": f.Data, "tokens": f.Tokens,
		"sequences": strconv.Itoa(f.Sequences), "length": strconv.Itoa(f.Length),
	})
}

// Load reads what [Fisher.Save] wrote for model m. Sums of another model, another kind of file and a damaged one are errors
// that name path, what was expected and what was found.
func Load(path string, m *transformer.Model) (*Fisher, error) {
	file, err := tensorfile.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read Fisher sums: %w", err)
	}
	defer file.Close()
	f, err := load(file, m)
	if err != nil {
		return nil, fmt.Errorf("cannot read Fisher sums: %s: %w", path, err)
	}
	return f, nil
}

func load(file *tensorfile.File, m *transformer.Model) (*Fisher, error) {
	if kind, version := file.Metadata("kind"), file.Metadata("version"); kind != fileKind || version != fileVersion {
		return nil, fmt.Errorf("expected kind %q, version %s, found kind %q, version %q; collect again", fileKind, fileVersion, kind, version)
	}
	f := &Fisher{Model: file.Metadata("model"), Data: file.Metadata("data"), Tokens: file.Metadata("tokens")}
	if err := f.For(m); err != nil {
		return nil, err
	}
	var err error
	if f.Sequences, err = strconv.Atoi(file.Metadata("sequences")); err != nil || f.Sequences < 1 {
		return nil, fmt.Errorf("sequences: expected a positive number, found %q", file.Metadata("sequences"))
	}
	if f.Length, err = strconv.Atoi(file.Metadata("length")); err != nil || f.Length < 2 {
		return nil, fmt.Errorf("length: expected a number of at least 2, found %q", file.Metadata("length"))
	}
	for _, l := range m.Linears() {
		s := &Sums{Linear: l}
		if s.Row, err = readSums(file, l.Name+".fisher_row", l.Out); err != nil {
			return nil, err
		}
		if s.Col, err = readSums(file, l.Name+".fisher_col", l.In); err != nil {
			return nil, err
		}
		f.Linears = append(f.Linears, s)
	}
	return f, nil
}

// readSums reads sums of squares: none is negative.
func readSums(file *tensorfile.File, name string, n int) ([]float64, error) {
	sums, err := file.Float64(name, n)
	for i, v := range sums {
		if v < 0 {
			return nil, fmt.Errorf("tensor %q: expected sums of squares, found %v at %d", name, v, i)
		}
	}
	return sums, err
}

package importance

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/parelab/pare/gomlxops/internal/tensorfile"
	"github.com/parelab/pare/gomlxops/transformer"
)

// scoresKind and scoresVersion head a file of scores. The version changes when the meaning of its arrays does.
const (
	scoresKind    = "pare scores"
	scoresVersion = "1"
)

// Save writes the scores to path, whole or not at all, as safetensors: WEIGHT.CRITERION.out and WEIGHT.CRITERION.in, float64, "losses", and as metadata what
// they were made from. Gradients that were asked for are WEIGHT.grad and WEIGHT.sqgrad, float32.
func (s *Scores) Save(path string) error {
	var arrays []tensorfile.Tensor
	var shapes strings.Builder
	for _, w := range s.Weights {
		fmt.Fprintf(&shapes, "%s %d %d %d\n", w.Name, w.Layer, w.Rows, w.Columns)
		for _, c := range w.criteria() {
			for i, v := range [][]float64{w.By[c].Rows, w.By[c].Columns} {
				if v != nil {
					arrays = append(arrays, tensorfile.Tensor{Name: w.array(c, i), Shape: []int{len(v)}, Data: v})
				}
			}
		}
		if g := w.Gradients; g != nil {
			shape := []int{w.Rows, max(1, w.Columns)}
			arrays = append(arrays, tensorfile.Tensor{Name: w.Name + ".grad", Shape: shape, Data: g.G},
				tensorfile.Tensor{Name: w.Name + ".sqgrad", Shape: shape, Data: g.A})
		}
	}
	if s.Losses != nil {
		arrays = append(arrays, tensorfile.Tensor{Name: "losses", Shape: []int{len(s.Losses)}, Data: s.Losses})
	}
	return tensorfile.Write(path, arrays, map[string]string{
		"kind": scoresKind, "version": scoresVersion, "model": s.Model, "data": s.Data, "tokens": s.Tokens, "seed": strconv.FormatUint(s.Seed, 10),
		"sequences": strconv.Itoa(s.Sequences), "length": strconv.Itoa(s.Length), "weights": shapes.String(),
	})
}

// LoadScores reads what [Scores.Save] wrote for model m. Scores of another model, another kind of file and a damaged one are errors
// that name path, what was expected and what was found.
func LoadScores(path string, m *transformer.Model) (*Scores, error) {
	file, err := tensorfile.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read scores: %w", err)
	}
	defer file.Close()
	s, err := loadScores(file)
	if err == nil {
		err = s.For(m)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read scores: %s: %w", path, err)
	}
	return s, nil
}

func loadScores(f *tensorfile.File) (*Scores, error) {
	if kind, version := f.Metadata("kind"), f.Metadata("version"); kind != scoresKind || version != scoresVersion {
		return nil, fmt.Errorf("expected kind %q, version %s, found kind %q, version %q; score again", scoresKind, scoresVersion, kind, version)
	}
	s := &Scores{Model: f.Metadata("model"), Data: f.Metadata("data"), Tokens: f.Metadata("tokens")}
	var err error
	if s.Seed, err = strconv.ParseUint(f.Metadata("seed"), 10, 64); err != nil {
		return nil, fmt.Errorf("seed: expected a number, found %q", f.Metadata("seed"))
	}
	for name, to := range map[string]*int{"sequences": &s.Sequences, "length": &s.Length} {
		if *to, err = strconv.Atoi(f.Metadata(name)); err != nil || *to < 0 {
			return nil, fmt.Errorf("%s: expected a number, found %q", name, f.Metadata(name))
		}
	}
	if f.Has("losses") {
		if s.Losses, err = f.Float64("losses", s.Sequences); err != nil {
			return nil, err
		}
	}
	for line := range strings.Lines(f.Metadata("weights")) {
		w := &Weight{}
		if _, err := fmt.Sscanf(line, "%s %d %d %d", &w.Name, &w.Layer, &w.Rows, &w.Columns); err != nil || w.Rows < 1 || w.Columns < 0 {
			return nil, fmt.Errorf("weights: expected a name, a layer and a shape, found %q", line)
		}
		if err := w.load(f); err != nil {
			return nil, err
		}
		s.Weights = append(s.Weights, w)
	}
	return s, nil
}

// array names the scores by rows (axis 0) or columns (1).
func (w *Weight) array(c Criterion, axis int) string {
	return fmt.Sprintf("%s.%s.%s", w.Name, c, []string{"out", "in"}[axis])
}

// load reads the arrays of one weight.
func (w *Weight) load(f *tensorfile.File) (err error) {
	w.By = map[Criterion]Vectors{}
	for _, c := range Criteria {
		var v Vectors
		for i, to := range []*[]float64{&v.Rows, &v.Columns} {
			if name := w.array(c, i); f.Has(name) {
				if *to, err = f.Float64(name, []int{w.Rows, w.Columns}[i]); err != nil {
					return err
				}
			}
		}
		if v.Rows != nil || v.Columns != nil {
			w.By[c] = v
		}
	}
	if !f.Has(w.Name + ".grad") {
		return nil
	}
	g := &Gradients{}
	if g.G, err = f.Float32(w.Name+".grad", w.Rows, max(1, w.Columns)); err != nil {
		return err
	}
	g.A, err = f.Float32(w.Name+".sqgrad", w.Rows, max(1, w.Columns))
	w.Gradients = g
	return err
}

package importance

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/parelab/pare/gomlxops/transformer"
)

// Scores say how much each row and each column of each weight of a model matters, by one or several criteria.
type Scores struct {
	Model     string // digest of the model, as of transformer.Model.Digest
	Data      string // digest of the data, as the caller gave it; may be empty
	Tokens    string // digest of the token ids; empty where no text was read
	Sequences int    // 0 where no text was read
	Length    int    // tokens per sequence
	Seed      uint64 // of the criterion random

	Losses  []float64 // mean loss of each sequence in nats, where there were gradients
	Weights []*Weight // linears in forward order, then norms
}

// Weight holds the scores of one weight: a linear's matrix or a norm's vector.
type Weight struct {
	Name      string // in the checkpoint, without ".weight"
	Layer     int
	Rows      int
	Columns   int // 0 for a norm
	By        map[Criterion]Vectors
	Gradients *Gradients // nil unless asked for
}

// Vectors are scores by row and by column. Rows is nil for a criterion that has none (flap), Columns for a norm.
type Vectors struct {
	Rows    []float64
	Columns []float64
}

// Of finds a weight's scores by its name.
func (s *Scores) Of(name string) (*Weight, error) {
	for _, w := range s.Weights {
		if w.Name == name {
			return w, nil
		}
	}
	return nil, fmt.Errorf("%s: expected scores of it, found those of %d other weights", name, len(s.Weights))
}

// Vector returns the scores along an axis; an error says which the weight has.
func (w *Weight) Vector(by Criterion, axis Axis) ([]float64, error) {
	vs, ok := w.By[by]
	if !ok {
		return nil, fmt.Errorf("expected scores by %s, found those by %v", by, w.criteria())
	}
	v := vs.Rows
	if axis == Columns {
		v = vs.Columns
	}
	if v == nil || axis != Rows && axis != Columns {
		return nil, fmt.Errorf("scores by %s: expected %q, which it has none of", by, axis)
	}
	return v, nil
}

// criteria lists what the weight was scored by, in the order of [Criteria].
func (w *Weight) criteria() []Criterion {
	var all []Criterion
	for _, c := range Criteria {
		if _, ok := w.By[c]; ok {
			all = append(all, c)
		}
	}
	return all
}

// Criteria lists the criteria that every linear was scored by; norms lack wanda and flap.
func (s *Scores) Criteria() []Criterion {
	if len(s.Weights) == 0 {
		return nil
	}
	return s.Weights[0].criteria()
}

// For returns nil where the scores were made from model, and else an error that names both digests.
func (s *Scores) For(model *transformer.Model) error {
	digest, err := model.Digest()
	if err != nil {
		return err
	}
	if digest != s.Model {
		return fmt.Errorf("scores are of another model: expected digest %.16s… of %s, found %.16s…; score this model", digest, model.Dir(), s.Model)
	}
	return nil
}

// Digest names what the scores were made from: model, tokens, criteria and seed. SHA-256, in hex.
func (s *Scores) Digest() string {
	text := fmt.Sprintf("pare scores %s\nmodel %s\ntokens %s\nsequences %d length %d\ncriteria %v seed %d\n",
		scoresVersion, s.Model, s.Tokens, s.Sequences, s.Length, s.Criteria(), s.Seed)
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Join adds the criteria of other, scores of the same model, to s. Tokens, where both read some, must agree, and no criterion may be in both.
func (s *Scores) Join(other *Scores) error {
	switch {
	case s.Model != other.Model:
		return fmt.Errorf("cannot join scores: expected model %.16s…, found %.16s…", s.Model, other.Model)
	case s.Tokens != "" && other.Tokens != "" && s.Tokens != other.Tokens:
		return fmt.Errorf("cannot join scores: expected tokens %.16s…, found %.16s…", s.Tokens, other.Tokens)
	case len(s.Weights) != len(other.Weights):
		return fmt.Errorf("cannot join scores: expected %d weights, found %d", len(s.Weights), len(other.Weights))
	}
	for _, c := range other.Criteria() {
		if slices.Contains(s.Criteria(), c) {
			return fmt.Errorf("cannot join scores: both hold %s", c)
		}
	}
	for i, w := range s.Weights {
		if o := other.Weights[i]; o.Name != w.Name || o.Rows != w.Rows || o.Columns != w.Columns {
			return fmt.Errorf("cannot join scores: expected %s [%d %d], found %s [%d %d]", w.Name, w.Rows, w.Columns, o.Name, o.Rows, o.Columns)
		}
	}
	for i, w := range s.Weights {
		if w.By == nil {
			w.By = map[Criterion]Vectors{}
		}
		maps.Copy(w.By, other.Weights[i].By)
	}
	if s.Tokens == "" {
		s.Data, s.Tokens, s.Sequences, s.Length = other.Data, other.Tokens, other.Sequences, other.Length
	}
	if s.Losses == nil {
		s.Losses = other.Losses
	}
	s.Seed = max(s.Seed, other.Seed)
	return nil
}

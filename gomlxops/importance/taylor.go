package importance

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/parelab/pare/gomlxops/transformer"
)

// Taylor runs each sequence (token ids, all of one length, at least two) forward and backward through v, and scores every linear and every norm by all
// of [TaylorCriteria]. The gradient G is that of the mean of the sequences' losses, A the mean of their own squared gradients.
//
// Memory: the two matrices of one block at a time in float32, twice the block's weights, and what the reverse stream needs (see
// [transformer.Variant.Backward]). Cost: three forward passes, and for each sequence the gradients of all weights, a product as large as the
// forward pass's, with a pass over G and A: measured 4.1 forward passes in all at 256 channels, 3.9 and 4.3 at 1,024 (see the package's speeds), and 4.2 at
// 2,048 in processor time (BenchmarkLarge).
//
// Errors: sequences that the model cannot run, a linear that is not held dense, a gradient that is not finite; that one names the weight.
// Cancelling ctx stops before the next call.
func Taylor(ctx context.Context, v *transformer.Variant, sequences [][]int32, opt Options) (*Scores, error) {
	s, err := taylorScores(ctx, v, sequences, opt)
	if err != nil {
		return nil, fmt.Errorf("cannot score by gradients: %w", err)
	}
	return s, nil
}

func taylorScores(ctx context.Context, v *transformer.Variant, sequences [][]int32, opt Options) (*Scores, error) {
	s, err := blank(v)
	if err != nil {
		return nil, err
	}
	for _, name := range opt.Keep {
		if _, err := s.Of(name); err != nil {
			return nil, fmt.Errorf("keep: %w", err)
		}
	}
	r := &taylorReader{v: v, scores: s, places: placesOf(v), keep: opt.Keep, n: len(sequences)}
	if opt.Tables {
		r.tables = &tables{config: v.Model().Config(), sequences: sequences}
	}
	p, err := newProbe(r)
	if err != nil {
		return nil, err
	}
	losses, err := v.Backward(ctx, sequences, p, transformer.RunOptions{Batch: opt.Batch, Recorder: opt.Recorder})
	if err != nil {
		return nil, err
	}
	s.Data, s.Tokens, s.Sequences, s.Length = opt.Data, digestTokens(sequences), len(sequences), len(sequences[0])
	for _, sum := range losses.Sum {
		s.Losses = append(s.Losses, sum/float64(losses.Predictions))
	}
	return s, nil
}

// placesOf numbers the weights of [blank] by layer and place.
func placesOf(v *transformer.Variant) map[spot]int {
	all, n := map[spot]int{}, 0
	for _, l := range v.Model().Linears() {
		all[spot{l.Layer, transformer.Place(l.Kind)}] = n
		n++
	}
	for _, norm := range v.Model().Config().Norms() {
		all[spot{norm.Layer, norm.Place}] = n
		n++
	}
	for _, t := range v.Model().Config().Tables() {
		all[spot{layerOf(v.Model().Config(), t.Place), t.Place}] = n
		n++
	}
	return all
}

type spot struct {
	layer int
	place transformer.Place
}

// taylorReader keeps the squares of one layer, and scores its weights when all sequences were seen.
type taylorReader struct {
	v      *transformer.Variant
	scores *Scores
	places map[spot]int
	keep   []string
	n      int     // sequences
	tables *tables // nil where they are not asked for

	open map[int]*squares // by number of the weight
}

func (r *taylorReader) wants(p transformer.Place) bool { return r.tables != nil || !isTable(p) }

func (r *taylorReader) sink(s transformer.Seen, rows, columns int) sink {
	if s.Place != transformer.Head {
		return r.sums(spot{s.Layer, s.Place}, rows, max(1, columns))
	}
	if r.tables.config.TieEmbeddings {
		return r.tables.tied(r.sums(spot{-1, transformer.Embedding}, rows, columns), rows, columns)
	}
	return r.sums(spot{s.Layer, s.Place}, rows, columns)
}

// sums returns the squares of one weight.
func (r *taylorReader) sums(at spot, rows, columns int) *squares {
	i := r.places[at]
	if r.open[i] == nil {
		if r.open == nil {
			r.open = map[int]*squares{}
		}
		r.open[i] = newSquares(rows, columns)
	}
	return r.open[i]
}

// embedded adds gradients of the embedding, row by row.
func (r *taylorReader) embedded(s transformer.Seen, width int, dh []float32) {
	for _, t := range r.tables.config.Tables() {
		if t.Place != transformer.Head {
			r.tables.add(t, r.sums(spot{-1, t.Place}, t.Rows, t.Columns), s, dh)
		}
	}
}

// Finish scores the weights of a layer. Those of the embedding wait for its own, even where the head has begun them.
func (r *taylorReader) Finish(layer int) error {
	for at, sums := range r.open {
		w := r.scores.Weights[at]
		if w.Layer != layer {
			continue
		}
		delete(r.open, at)
		if err := r.score(w, sums.mean(r.n)); err != nil {
			return fmt.Errorf("%s: %w", w.Name, err)
		}
	}
	return nil
}

func (r *taylorReader) score(w *Weight, g *Gradients) error {
	values, err := weightOf(r.v, w)
	if err != nil {
		return err
	}
	w.By = taylor(values, g, w.Rows, max(1, w.Columns), w.Columns == 0)
	for c, v := range w.By {
		for i, x := range v.Rows {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return fmt.Errorf("row %d: expected a finite score by %s, found %v: a gradient or its square leaves float32's range", i, c, x)
			}
		}
	}
	if slices.Contains(r.keep, w.Name) {
		w.Gradients = g
	}
	return nil
}

package transformer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/internal/layer"
)

// TokenLosses returns for each sequence −ln p, in nats, of every token but the first, given those before it: one number less
// than the sequence has tokens. Sequences have at least two tokens, at most as many as the model has positions, and need not be equally long.
//
// They run in groups of similar length, filled up on the right. A position sees no later one, so what is behind a sequence changes none of its
// losses. Memory, errors and cancellation are those of [Variant.Losses]; progress counts sequences. A Probe and Align have no
// place here and are refused.
func (v *Variant) TokenLosses(ctx context.Context, sequences [][]int32, opt RunOptions) ([][]float32, error) {
	if opt.Probe != nil || opt.Align != 0 {
		return nil, fmt.Errorf("losses of single tokens: the sequences run in another order, so that no probe and no alignment is possible")
	}
	c := v.m.config
	if err := CheckTokens(sequences, c); err != nil {
		return nil, err
	}
	for i, s := range sequences {
		if len(s) < 2 {
			return nil, fmt.Errorf("sequence %d: expected at least 2 tokens, found %d", i, len(s))
		}
	}
	b, err := gomlxops.Backend()
	if err != nil {
		return nil, err
	}
	perGroup := tokensPerCall
	if !layer.For(b).Manual {
		perGroup = tokensPerCallXLA
	}
	t := &tokenLosses{v: v, sequences: sequences, losses: make([][]float32, len(sequences))}
	rec := &groupRecorder{rec: gomlxops.OrDiscard(opt.Recorder), total: len(sequences)}
	opt.Recorder = rec
	for _, g := range byLength(sequences, perGroup, c.MaxPositions) {
		rec.of = len(g.members)
		if err := t.run(ctx, g, opt); err != nil {
			return nil, err
		}
		rec.before += rec.of
	}
	return t.losses, nil
}

// tokenLosses are losses on the way.
type tokenLosses struct {
	v         *Variant
	sequences [][]int32
	losses    [][]float32
}

// run fills in the losses of a group.
func (t *tokenLosses) run(ctx context.Context, g lengthGroup, opt RunOptions) (err error) {
	r, err := t.v.newRun(g.padded(t.sequences), 2, opt)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	r.progress.total += len(r.spans)
	for _, i := range g.members {
		t.losses[i] = make([]float32, len(t.sequences[i])-1)
	}
	return r.through(ctx, func(streams []stream) error {
		return r.head(ctx, streams, "loss", func(s span, first int, rows []float32) error {
			for at, loss := range rows {
				sequence := g.members[s.first+(first+at)/r.length]
				position := (first + at) % r.length
				if position >= len(t.losses[sequence]) {
					continue // of what fills up, and of the last token, which predicts nothing
				}
				if math.IsNaN(float64(loss)) || math.IsInf(float64(loss), 0) {
					return fmt.Errorf("the loss of sequence %d is %v at position %d: the final norm or the head leads out of float32's range", sequence, loss, position)
				}
				t.losses[sequence][position] = loss
			}
			return nil
		})
	})
}

// lengthGroup is sequences that run at one length.
type lengthGroup struct {
	length  int
	members []int
}

// padded returns the members, filled up to the group's length with their own last tokens.
func (g lengthGroup) padded(sequences [][]int32) [][]int32 {
	filled := make([][]int32, len(g.members))
	for i, m := range g.members {
		s := sequences[m]
		filled[i] = append(make([]int32, 0, g.length), s...)
		for len(filled[i]) < g.length {
			filled[i] = append(filled[i], s[len(s)-1])
		}
	}
	return filled
}

// lengthStep is what the lengths of groups are multiples of, so that other sequences meet graphs that are built already.
const lengthStep = 8

// byLength divides sequences into groups so that as few tokens as possible run in all, each group costing perGroup tokens more: a graph of
// its own is to be built, and calls are not full. Lengths are at most longest.
//
// With the distinct lengths l₁ < … < l_m and n_i sequences of each, best(j) = min over i ≤ j of best(i−1) + l_j (n_i + … + n_j) + perGroup; O(m²).
func byLength(sequences [][]int32, perGroup, longest int) (groups []lengthGroup) {
	members := map[int][]int{}
	for i, s := range sequences {
		length := min((len(s)+lengthStep-1)/lengthStep*lengthStep, longest)
		members[length] = append(members[length], i)
	}
	var lengths []int
	for l := range members {
		lengths = append(lengths, l)
	}
	slices.Sort(lengths)
	best, first := make([]int, len(lengths)+1), make([]int, len(lengths)+1)
	for j := range lengths {
		best[j+1] = math.MaxInt
		n := 0
		for i := j; i >= 0; i-- {
			n += len(members[lengths[i]])
			if cost := best[i] + lengths[j]*n + perGroup; cost < best[j+1] {
				best[j+1], first[j+1] = cost, i
			}
		}
	}
	for j := len(lengths); j > 0; j = first[j] {
		g := lengthGroup{length: lengths[j-1]}
		for _, l := range lengths[first[j]:j] {
			g.members = append(g.members, members[l]...)
		}
		groups = append(groups, g)
	}
	return groups
}

// groupRecorder turns the progress of a group into that of all sequences.
type groupRecorder struct {
	rec               gomlxops.Recorder
	before, of, total int // sequences of the groups that are done, of this one, and of all
}

// Metric implements gomlxops.Recorder.
func (g *groupRecorder) Metric(name string, step int, value float64) { g.rec.Metric(name, step, value) }

// Progress implements gomlxops.Recorder.
func (g *groupRecorder) Progress(stage string, done, total int) {
	g.rec.Progress(stage, g.before+g.of*done/total, g.total)
}

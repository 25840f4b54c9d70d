package transformer

import (
	"context"
	"fmt"
)

// EachLogits gives the logits of all positions to use, piece by piece and in order: those of n positions of one sequence from position first on,
// [n, vocabulary], which are only lent. No more than a piece is in memory at once, unlike in [Variant.Logits]. An error of use ends it.
//
// Memory, errors and cancellation are those of [Variant.Stream]; logits that are not finite are an error too.
func (v *Variant) EachLogits(ctx context.Context, sequences [][]int32, opt RunOptions, use func(sequence, first int, logits []float32) error) error {
	r, err := v.newRun(sequences, 1, opt)
	if err != nil {
		return err
	}
	defer r.close()
	r.progress.total += len(r.spans)
	return r.through(ctx, func(streams []stream) error {
		return r.head(ctx, streams, "logits", func(s span, first int, rows []float32) error {
			return r.bySequence(s, first, rows, use)
		})
	})
}

// bySequence cuts logits of a span, from its row first on, where a sequence ends.
func (r *run) bySequence(s span, first int, rows []float32, use func(sequence, first int, logits []float32) error) error {
	vocab := r.c.VocabSize
	for len(rows) > 0 {
		sequence, position := s.first+first/r.length, first%r.length
		n := min(r.length-position, len(rows)/vocab)
		part := rows[:n*vocab]
		if at := firstBad(part); at >= 0 {
			return fmt.Errorf("the logit of token %d is %v in sequence %d at position %d: the final norm or the head leads out of float32's range",
				at%vocab, part[at], sequence, position+at/vocab)
		}
		if err := use(sequence, position, part); err != nil {
			return err
		}
		rows, first = rows[n*vocab:], first+n
	}
	return nil
}

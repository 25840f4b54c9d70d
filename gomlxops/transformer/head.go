package transformer

import (
	"context"
	"errors"
	"fmt"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// Losses are the losses of equally long sequences, in nats.
type Losses struct {
	Sum         []float64 // for each sequence, the sum of −ln p over its predictions
	Predictions int       // for each sequence: its length less one
}

// Losses returns what the variant makes of each sequence: every token but the first is predicted from those before it. The logits are
// float32, their losses are added in float64. Memory, errors and cancellation are those of [Variant.Stream]; a loss that is not
// finite is an error too. Sequences have at least two tokens.
func (v *Variant) Losses(ctx context.Context, sequences [][]int32, opt RunOptions) (*Losses, error) {
	r, err := v.newRun(sequences, 2, opt)
	if err != nil {
		return nil, err
	}
	defer r.close()
	r.progress.total += len(r.spans)
	losses := &Losses{Sum: make([]float64, len(sequences)), Predictions: r.length - 1}
	err = r.through(ctx, func(streams []stream) error {
		return r.head(ctx, streams, "loss", func(s span, first int, rows []float32) error {
			return losses.add(r, s, first, rows)
		})
	})
	if err != nil {
		return nil, err
	}
	return losses, nil
}

// add puts the losses of some rows of a span, from row first on, to their sequences. The last row of a sequence predicts nothing.
func (l *Losses) add(r *run, s span, first int, rows []float32) error {
	if at := firstBad(rows); at >= 0 {
		row := first + at
		return fmt.Errorf("the loss of sequence %d is %v at position %d: the final norm or the head leads out of float32's range", s.first+row/r.length, rows[at], row%r.length)
	}
	for i, loss := range rows {
		if row := first + i; row%r.length != r.length-1 {
			l.Sum[s.first+row/r.length] += float64(loss)
		}
	}
	return nil
}

// mostLogits bounds the result of Logits: 2^28 numbers, a gigabyte.
const mostLogits = 1 << 28

// Logits returns the logits of all positions, [sequences, length, vocabulary], for small inputs: more than 2^28 numbers are an
// error.
func (v *Variant) Logits(ctx context.Context, sequences [][]int32) ([]float32, error) {
	r, err := v.newRun(sequences, 1, RunOptions{})
	if err != nil {
		return nil, err
	}
	defer r.close()
	r.progress.total += len(r.spans)
	vocab := r.c.VocabSize
	if n := len(sequences) * r.length * vocab; n > mostLogits {
		return nil, fmt.Errorf("logits of %d sequences of %d tokens are %d numbers, more than %d: ask for fewer sequences at a time, or for Losses", len(sequences), r.length, n, mostLogits)
	}
	logits := make([]float32, len(sequences)*r.length*vocab)
	err = r.through(ctx, func(streams []stream) error {
		return r.head(ctx, streams, "logits", func(s span, first int, rows []float32) error {
			copy(logits[(s.first*r.length+first)*vocab:], rows)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return logits, nil
}

// logitBytes bounds the logits of one call of the head: a large vocabulary takes the tokens of a span in pieces.
var logitBytes = 64 << 20

// head takes streams through final norm and head, and gives what they make ("loss" for each token or "logits") to use, piece by
// piece and in order.
func (r *run) head(ctx context.Context, streams []stream, what string, use func(s span, first int, rows []float32) error) error {
	w, err := r.loadHead()
	if err != nil {
		return err
	}
	err = r.waves(ctx, len(streams), func(i int) (func() error, error) {
		return r.headCalls(w, streams[i], what, use)
	})
	return errors.Join(err, w.free())
}

// loadHead loads the final norm and the head, in the order of headGraph's parameters.
func (r *run) loadHead() (*weights, error) {
	w, m := &weights{}, r.v.m
	for _, t := range append(r.c.finalNorm(), r.c.head()) {
		if err := r.e.load(r.b, w, t.Name, t.Shape, func(dst []float32) error { return m.Read(t.Name, dst) }); err != nil {
			return nil, errors.Join(err, w.free())
		}
	}
	return w, nil
}

// headCalls takes one stream through the head, in as many pieces as logitBytes asks for. All pieces have the same number of
// rows; the last one overlaps the one before where they do not divide.
func (r *run) headCalls(w *weights, s stream, what string, use func(span, int, []float32) error) (func() error, error) {
	n := s.count * r.length
	most := max(1, logitBytes/4/r.c.VocabSize)
	pieces := (n + most - 1) / most
	rows := (n + pieces - 1) / pieces
	exec, err := r.headGraph(what, n, rows)
	if err != nil {
		return nil, err
	}
	targets := tensors.FromFlatDataAndDimensions(r.targets(s.span), n)
	var results []*tensors.Tensor
	for p := range pieces {
		first := min(p*rows, n-rows)
		args := append([]any{s.h, targets, tensors.FromScalar(int32(first))}, w.args...)
		out, err := exec.Call(args...)
		if err != nil {
			return nil, fmt.Errorf("head, sequences %d to %d: %w", s.first, s.first+s.count-1, err)
		}
		results = append(results, out[0])
	}
	return func() error {
		var errs []error
		for p, t := range results {
			first := min(p*rows, n-rows)
			fresh := (p*rows - first) * (t.Size() / rows) // what the piece before has given already
			err := tensors.ConstFlatData(t, func(flat []float32) { errs = append(errs, use(s.span, p*rows, flat[fresh:])) })
			errs = append(errs, err, t.FinalizeAll())
		}
		return errors.Join(errs...)
	}, nil
}

// targets lists for every token of a span the one that follows, and 0 for the last of a sequence.
func (r *run) targets(s span) []int32 {
	next := make([]int32, 0, s.count*r.length)
	for _, tokens := range r.sequences[s.first : s.first+s.count] {
		next = append(append(next, tokens[1:]...), 0)
	}
	return next
}

// headGraph returns the graph from n rows of the residual stream to the losses or logits of rows of them. Its parameters are
// the residual stream, the targets, the first of the rows, the final norm, and the head.
func (r *run) headGraph(what string, n, rows int) (*Exec, error) {
	c, style := r.c, r.style
	return r.e.graphs.get(r.b, fmt.Sprintf("%s %d of %d", what, rows, n), func(in []*Node) []*Node {
		h, targets, first := in[0], in[1], in[2]
		norm, rest := c.takeNorm(in[3:])
		if rows < n {
			at := Add(Iota(h.Graph(), shapes.Make(dtypes.Int32, rows, 1), 0), first)
			h, targets = Gather(h, at, true), Gather(targets, at, true)
		}
		d := &decoder{Style: style, c: c}
		logits := d.Linear(d.norm(FinalNorm, h, norm), rest[0], nil)
		if what == "logits" {
			return []*Node{logits}
		}
		return []*Node{style.CrossEntropy(logits, targets)}
	})
}

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

// throughHead takes all spans through the final norm, the head and the loss, and leaves the gradient by the residual stream behind the
// last block.
func (r *reverse) throughHead(ctx context.Context) error {
	w, err := r.loadHead()
	if err != nil {
		return err
	}
	last := r.c.Layers
	err = r.waves(ctx, len(r.spans), func(i int) (after func() error, err error) {
		err = r.shelf.use(r.inputs[last][i], func(h *tensors.Tensor) error {
			after, err = r.callHead(w, i, h)
			return err
		})
		return after, err
	})
	if err = errors.Join(err, w.free()); err != nil {
		return err
	}
	return r.probe.Finish(last)
}

// piece is the rows of a span that the head takes at once.
type piece struct {
	first, rows int // rows of the span
	fresh       int // the first that the piece before did not have
	sequences   int // whole ones, or 1 of which it is a part
	part, parts int
}

// key names the graph that takes the piece out of n rows.
func (p piece) key(n int) string {
	return fmt.Sprintf("head %d of %d, %d sequences", p.rows, n, p.sequences)
}

// pieces cuts a span of count sequences for the head, so that logits stay within logitBytes: whole sequences where some fit, otherwise parts of one,
// all of one size, the last of a sequence overlapping the one before where they do not divide.
func pieces(count, length, vocabulary int) (all []piece) {
	most := max(1, logitBytes/4/vocabulary)
	if most >= length {
		calls := (count*length + most/length*length - 1) / (most / length * length)
		for i := range calls {
			from, to := i*count/calls, (i+1)*count/calls
			all = append(all, piece{from * length, (to - from) * length, from * length, to - from, 0, 1})
		}
		return all
	}
	parts := (length + most - 1) / most
	rows := (length + parts - 1) / parts
	for s := range count {
		for p := range parts {
			first := min(p*rows, length-rows)
			all = append(all, piece{s*length + first, rows, s*length + p*rows, 1, p, parts})
		}
	}
	return all
}

// callHead takes one span, h, through the head. One call at a time: the temporaries are some five times the logits, and its products, which are the
// larger part, use all processors anyway.
func (r *reverse) callHead(w *weights, i int, h *tensors.Tensor) (after func() error, err error) {
	s := r.spans[i]
	r.heads.Lock()
	defer r.heads.Unlock()
	n := s.count * r.length
	all := pieces(s.count, r.length, r.c.VocabSize)
	targets := tensors.FromFlatDataAndDimensions(r.targets(s), n)
	defer targets.FinalizeAll()
	var outs [][]*tensors.Tensor
	for _, p := range all {
		exec, err := r.headBackGraph(n, p)
		if err != nil {
			return nil, err
		}
		share := tensors.FromFlatDataAndDimensions(r.shares(p), p.rows)
		out, err := exec.Call(append([]any{h, targets, share, tensors.FromScalar(int32(p.first))}, w.args...)...)
		if err = errors.Join(err, share.FinalizeAll()); err != nil {
			return nil, fmt.Errorf("head, sequences %d to %d: %w", s.first, s.first+s.count-1, err)
		}
		outs = append(outs, out)
	}
	return func() error {
		err := r.shelf.drop(&r.inputs[r.c.Layers][i])
		if err == nil {
			err = r.gather(i, all, outs)
		}
		return err
	}, nil
}

// shares lists what each row of a piece adds to L: one over the predictions of a sequence, and nothing for the last row of a sequence or one that
// the piece before had.
func (r *reverse) shares(p piece) []float32 {
	share := make([]float32, p.rows)
	for i := range share {
		if row := p.first + i; row >= p.fresh && row%r.length != r.length-1 {
			share[i] = float32(1 / float64(r.length-1))
		}
	}
	return share
}

// gather puts the pieces of a span together: losses to their sequences, gradients to the shelf, the rest to the probe.
func (r *reverse) gather(i int, all []piece, outs [][]*tensors.Tensor) error {
	s := r.spans[i]
	grad, err := onBackend(r.b, []int{s.count * r.length, r.c.HiddenSize}, func(dst []float32) error {
		for k, p := range all {
			if err := r.takePiece(s, p, dst, outs[k]); err != nil {
				return err
			}
		}
		if at := firstBad(dst); at >= 0 {
			return fmt.Errorf("head: the gradient of sequence %d is %v at position %d: it leaves float32's range", s.first+at/r.c.HiddenSize/r.length, dst[at], at/r.c.HiddenSize%r.length)
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.grads[i], err = r.shelf.put(grad)
	return err
}

// takePiece takes the results of one call of the head: losses and gradients, and the probe's outputs.
func (r *reverse) takePiece(s span, p piece, dst []float32, out []*tensors.Tensor) error {
	var errs []error
	fresh, width := p.fresh-p.first, r.c.HiddenSize
	errs = append(errs,
		tensors.ConstFlatData(out[0], func(flat []float32) { errs = append(errs, r.losses.add(r.run, s, p.fresh, flat[fresh:])) }),
		tensors.ConstFlatData(out[1], func(flat []float32) { copy(dst[p.fresh*width:], flat[fresh*width:]) }),
		out[0].FinalizeAll(), out[1].FinalizeAll())
	at := Seen{Layer: r.c.Layers, First: s.first + p.first/r.length, Sequences: p.sequences, Part: p.part, Parts: p.parts}
	return errors.Join(append(errs, r.look(at, p.key(s.count*r.length), out[2:]))...)
}

// headBackGraph returns the graph from rows of n rows of the residual stream to their losses, the gradient by them, and the probe's
// outputs. Its parameters are the residual stream, the targets, the rows' shares of L, the first row, the final norm and the head.
func (r *reverse) headBackGraph(n int, p piece) (*Exec, error) {
	key := p.key(n)
	return r.back.get(r.b, key, func(in []*Node) []*Node {
		h, targets, share, first := in[0], in[1], in[2], in[3]
		norm, rest := r.c.takeNorm(in[4:])
		if p.rows < n {
			at := Add(Iota(h.Graph(), shapes.Make(dtypes.Int32, p.rows, 1), 0), first)
			h, targets = Gather(h, at, true), Gather(targets, at, true)
		}
		d := &decoder{Style: r.style, c: r.c, taps: &taps{}}
		x := d.norm(FinalNorm, h, norm)
		logits := d.taps.on(Head, operand{form: formDense, parts: rest[:1]}, x, d.Linear(x, rest[0], nil))
		losses := r.style.CrossEntropy(logits, targets)
		grad := Gradient(ReduceAllSum(Mul(losses, share)), h)[0]
		nodes, outputs := d.taps.show(r.probe, p.sequences, p.rows/p.sequences)
		r.taps.set(key, outputs)
		return append([]*Node{losses, grad}, nodes...)
	})
}

// throughEmbedding shows the probe the gradients before the first block.
func (r *reverse) throughEmbedding(ctx context.Context) error {
	err := r.waves(ctx, len(r.spans), func(i int) (after func() error, err error) {
		s := r.spans[i]
		key := fmt.Sprintf("embedding %d", s.count)
		exec, err := r.back.get(r.b, key, func(in []*Node) []*Node {
			t := &taps{all: []*Tap{{Place: Embedding, DY: in[0]}}}
			nodes, outputs := t.show(r.probe, s.count, r.length)
			r.taps.set(key, outputs)
			return append([]*Node{ReduceAllSum(in[0])}, nodes...) // a graph has some result
		})
		if err != nil {
			return nil, err
		}
		err = r.shelf.use(r.grads[i], func(dh *tensors.Tensor) error {
			out, err := exec.Call(dh)
			if err != nil {
				return fmt.Errorf("embedding, sequences %d to %d: %w", s.first, s.first+s.count-1, err)
			}
			after = func() error {
				err := r.look(Seen{Layer: -1, First: s.first, Sequences: s.count, Parts: 1}, key, out[1:])
				return errors.Join(err, out[0].FinalizeAll())
			}
			return nil
		})
		return after, err
	})
	if err != nil {
		return err
	}
	return r.probe.Finish(-1)
}

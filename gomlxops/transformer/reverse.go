package transformer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// Place is a set of weights that a [GradientProbe] looks at. A linear's is its Kind.
type Place string

// The places that are not linears of a block. The head is a linear behind the last block.
const (
	InputNorm     Place = "input_norm" // before attention
	MLPNorm       Place = "mlp_norm"   // before the MLP
	QueryNorm     Place = "query_norm" // of each head's queries, where the family has it
	KeyNorm       Place = "key_norm"
	FinalNorm     Place = "final_norm"
	Head          Place = "head"
	Embedding     Place = "embedding" // of tokens, and of positions where they are learned
	PositionTable Place = "positions" // which have the gradients of Embedding: no Tap comes from here
)

// Tap is what the weights of one place meet on the way forward and back. The loss L is the sum over sequences of each one's mean loss: a row of DY
// is the gradient of the loss of its own sequence.
type Tap struct {
	Place Place
	// X is what multiplies the weights: a linear's input [tokens, in]; of a norm, its input brought to unit size, [rows, width], where a norm
	// of heads has tokens·heads rows. The embedding has none: its rows are looked up.
	X *graph.Node
	// DY is the gradient of L by what comes out: [tokens, out] or [rows, width]. So ∂L/∂W of a dense linear is DYᵀX, ∂L/∂scale of a norm is the
	// sum over rows of DY·X, and ∂L/∂bias of either is the sum over rows of DY. A row of the embedding has the sum of DY where its token is;
	// a head that is tied to it adds its own.
	DY *graph.Node
	// Weights are the parts of the linear's form in their order; of a norm, its scale and its bias where it has one; none of the embedding.
	Weights []*graph.Node
	Form    string // of a linear, as [Form.Name]; empty for others

	Sequences, Length int // of the call: tokens = Sequences·Length
}

// GradientProbe adds outputs to the graphs of the way back, to look at gradients. What nobody asks for is not computed.
type GradientProbe interface {
	// Graph returns what to compute at a place: any number of nodes, none to skip it. It is called while a graph is built, for each
	// place and call size, and the graph then serves every layer whose block has the same shapes.
	Graph(t Tap) []*graph.Node
	// Observe gets the values of Graph's nodes for one call. The tensors are freed when it returns. Calls come one at a time: the head first,
	// then the last block, and so on to the first, and the embedding; within a layer in the order of sequences, and all sequences of a layer
	// before the next layer. The values may be other than finite.
	Observe(s Seen, out []*tensors.Tensor) error
	// Finish is called when all sequences of a layer were observed, with the number of layers for what is behind the last block, and −1 for the
	// embedding. An accumulator may be used up and forgotten then.
	Finish(layer int) error
}

// Seen says what a [GradientProbe]'s outputs belong to.
type Seen struct {
	Layer            int // the number of layers for the head and the final norm, −1 for the embedding
	Place            Place
	First, Sequences int // of the call
	// Part and Parts count the calls of one sequence, which the head takes in pieces where its vocabulary is large. Parts is 1 where sequences
	// are whole.
	Part, Parts int
}

// Backward runs sequences of equal length (at least two tokens) forward and backward through the variant for the sake of a probe, and returns
// their losses.
//
// The activations before each block are kept on the way forward. On the way back a block is computed again from its own, now with its
// gradient: one block's weights and graph are in memory at a time. The activations take (layers + 1)·tokens·hidden·4 bytes, of which 512 MB
// stay in memory and the rest goes to a file in the system's temporary directory. Of the last blocks, as many as fit in [RunOptions].Keep, the
// linears' outputs are kept too, and only the rest is computed again.
//
// Cost: the forward pass, another but for what was kept, and about as much again for the gradient by the activations: at most three times a
// forward pass, and what the probe asks for.
//
// Errors are those of [Variant.Losses], of the probe, and gradients that are not finite; that one names layer and sequence. A cancelled ctx stops
// before the next calls.
func (v *Variant) Backward(ctx context.Context, sequences [][]int32, probe GradientProbe, opt RunOptions) (*Losses, error) {
	if opt.Stage == "" {
		opt.Stage = "gradients"
	}
	if probe == nil {
		return nil, errors.New("a backward pass needs a probe")
	}
	r, err := v.newReverse(sequences, probe, opt)
	if err != nil {
		return nil, err
	}
	err = r.all(ctx)
	return r.losses, errors.Join(err, r.close())
}

// reverse is one pass of sequences through a variant and back.
type reverse struct {
	*run
	probe  GradientProbe
	back   graphs // those of the way back, which the probe makes its own
	taps   tapped
	shelf  shelf
	inputs [][]shelved // before each block and behind the last, of each span
	grads  []shelved   // gradient of L by the activations at hand, of each span
	losses *Losses
	first  int                   // the first layer that is kept
	kept   [][][]*tensors.Tensor // what is kept of each layer and span
	heads  sync.Mutex            // held by a call of the head: see callHead
}

// tokensPerReverse is [tokensPerCall] for the way back, whose temporaries are about four times those of the way forward.
const tokensPerReverse = 1024

func (v *Variant) newReverse(sequences [][]int32, probe GradientProbe, opt RunOptions) (*reverse, error) {
	if opt.Batch == 0 && len(sequences) > 0 && len(sequences[0]) > 0 {
		opt.Batch = max(1, min(tokensPerReverse/len(sequences[0]), (len(sequences)+concurrent-1)/concurrent))
	}
	run, err := v.newRun(sequences, 2, opt)
	if err != nil {
		return nil, err
	}
	r := &reverse{run: run, probe: probe, shelf: shelf{b: run.b, room: residentBytes}}
	r.inputs = make([][]shelved, r.c.Layers+1)
	for l := range r.inputs {
		r.inputs[l] = make([]shelved, len(r.spans))
	}
	r.kept = make([][][]*tensors.Tensor, r.c.Layers)
	for l := range r.kept {
		r.kept[l] = make([][]*tensors.Tensor, len(r.spans))
	}
	r.first = r.keepFrom(opt.Keep)
	r.grads = make([]shelved, len(r.spans))
	r.losses = &Losses{Sum: make([]float64, len(sequences)), Predictions: r.length - 1}
	r.progress.total = len(r.spans) * (2*r.c.Layers + 2)
	return r, nil
}

// all goes forward, through the head, and back.
func (r *reverse) all(ctx context.Context) error {
	for i, s := range r.spans {
		at, err := r.embed(s)
		if err != nil {
			return err
		}
		if r.inputs[0][i], err = r.shelf.put(at.h); err != nil {
			return err
		}
	}
	for l := range r.c.Layers {
		if err := r.forward(ctx, l); err != nil {
			return err
		}
	}
	if err := r.throughHead(ctx); err != nil {
		return err
	}
	for l := r.c.Layers - 1; l >= 0; l-- {
		if err := r.backward(ctx, l); err != nil {
			return err
		}
	}
	return r.throughEmbedding(ctx)
}

// forward takes all spans through block l and keeps what comes out.
func (r *reverse) forward(ctx context.Context, l int) error {
	block, err := r.load(l)
	if err != nil {
		return err
	}
	err = r.waves(ctx, len(r.spans), func(i int) (after func() error, err error) {
		err = r.shelf.use(r.inputs[l][i], func(h *tensors.Tensor) error {
			s := stream{span: r.spans[i]}
			look, err := r.apply(l, block, &s, h)
			if err != nil {
				return err
			}
			r.kept[l][i] = s.kept
			after = func() (err error) {
				if err = look(); err == nil {
					r.inputs[l+1][i], err = r.shelf.put(s.h)
					return err
				}
				return errors.Join(err, s.h.FinalizeAll())
			}
			return nil
		})
		return after, err
	})
	return errors.Join(err, block.free())
}

// backward takes the gradients of all spans through block l.
func (r *reverse) backward(ctx context.Context, l int) error {
	block, err := r.load(l)
	if err != nil {
		return err
	}
	err = r.waves(ctx, len(r.spans), func(i int) (after func() error, err error) {
		err = r.shelf.use(r.inputs[l][i], func(h *tensors.Tensor) error {
			return r.shelf.use(r.grads[i], func(dh *tensors.Tensor) error {
				after, err = r.callBack(l, block, i, h, dh)
				return err
			})
		})
		return after, err
	})
	if err = errors.Join(err, block.free()); err != nil {
		return err
	}
	return r.probe.Finish(l)
}

// callBack takes one span's gradient dh back through block l, whose input was h.
func (r *reverse) callBack(l int, block *loadedBlock, i int, h, dh *tensors.Tensor) (after func() error, err error) {
	s := r.spans[i]
	exec, key, err := r.backGraph(block, s.count)
	if err != nil {
		return nil, err
	}
	out, err := exec.Call(slices.Concat([]any{h, dh}, r.keptOf(l, i), block.args, r.tables.args)...)
	if err = errors.Join(err, r.forget(l, i)); err != nil {
		return nil, fmt.Errorf("layer %d, sequences %d to %d, backward: %w", l, s.first, s.first+s.count-1, err)
	}
	return func() error {
		err := r.look(Seen{Layer: l, First: s.first, Sequences: s.count, Parts: 1}, key, out[2:])
		if err == nil {
			err = r.checkGradient(fmt.Sprintf("layer %d", l), s, out[0], out[1])
		}
		return errors.Join(err, out[1].FinalizeAll(), r.replace(l, i, out[0]))
	}, nil
}

// replace puts the gradient before block l in place of the one behind it, and forgets the block's input.
func (r *reverse) replace(l, i int, dh *tensors.Tensor) error {
	err := errors.Join(r.shelf.drop(&r.inputs[l][i]), r.shelf.drop(&r.grads[i]))
	next, putErr := r.shelf.put(dh)
	r.grads[i] = next
	return errors.Join(err, putErr)
}

// checkGradient says where dh is not finite; sums are those of its sequences.
func (r *reverse) checkGradient(where string, s span, dh, sums *tensors.Tensor) error {
	ok := true
	if err := tensors.ConstFlatData(sums, func(flat []float32) { ok = firstBad(flat) < 0 }); err != nil || ok {
		return err
	}
	var bad error
	err := tensors.ConstFlatData(dh, func(flat []float32) {
		if at := firstBad(flat); at >= 0 {
			row := at / r.c.HiddenSize
			bad = fmt.Errorf("%s: the gradient of sequence %d is %v at position %d, channel %d: it leaves float32's range", where, s.first+row/r.length, flat[at], row%r.length, at%r.c.HiddenSize)
		}
	})
	return errors.Join(bad, err)
}

// look hands outputs to the probe, place by place, and frees them.
func (r *reverse) look(at Seen, key string, out []*tensors.Tensor) (err error) {
	defer func() {
		for _, t := range out {
			err = errors.Join(err, t.FinalizeAll())
		}
	}()
	rest := out
	for _, t := range r.taps.of(key) {
		at.Place = t.place
		if err := r.probe.Observe(at, rest[:t.outputs]); err != nil {
			return fmt.Errorf("layer %d, %s, sequences %d to %d: %w", at.Layer, t.place, at.First, at.First+at.Sequences-1, err)
		}
		rest = rest[t.outputs:]
	}
	return nil
}

func (r *reverse) close() error {
	var errs []error
	for _, xs := range append(slices.Clone(r.inputs), r.grads) {
		for i := range xs {
			errs = append(errs, r.shelf.drop(&xs[i]))
		}
	}
	for l := range r.kept {
		for i := range r.kept[l] {
			errs = append(errs, r.forget(l, i))
		}
	}
	r.back.clear()
	return errors.Join(append(errs, r.shelf.close(), r.run.close())...)
}

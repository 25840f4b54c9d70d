package transformer

import (
	"context"
	"errors"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/internal/layer"
)

// RunOptions says how sequences go through a model. The zero value works.
type RunOptions struct {
	// Batch is the number of sequences per call; 0 chooses about 2,048 tokens. It changes speed and memory, not results
	// beyond rounding.
	Batch int
	// Align, where positive, keeps every call within one group of Align consecutive sequences, so that a Probe can keep
	// groups apart.
	Align int
	// Probe, where not nil, sees the input of every site of every block.
	Probe Probe
	// Keep bounds, in bytes, what [Variant.Backward] keeps of what the last blocks made on the way forward; the others are computed again on the
	// way back. 0 chooses 256 MB, negative keeps nothing. It changes speed and memory, not results beyond rounding.
	Keep int64
	// Recorder is told the progress over calls, layers times batches; nil is [gomlxops.Discard].
	Recorder gomlxops.Recorder
	// Stage names the progress; empty is "forward".
	Stage string
}

// Probe adds outputs to the graph of a block, to look at the inputs of its linears.
type Probe interface {
	// Graph returns what to compute from x, [tokens, width] float32, at a site: any number of nodes, none to skip it. It is
	// called while a graph is built, once for each site and batch size, and the graph then serves every layer.
	Graph(site Site, x *graph.Node) []*graph.Node
	// Observe gets the values of Graph's nodes for one call. The tensors are freed when it returns. Calls come one at a time,
	// layer by layer and within a layer in the order of sequences, unless the activations of all sequences do not fit in
	// memory together: then one part of the sequences goes through all layers before the next. The values may be other than
	// finite: a call's residual stream is checked only after all its sites were observed, so that a Probe can say more.
	Observe(layer int, site Site, firstSequence, sequences int, out []*tensors.Tensor) error
}

// Stream runs sequences of equal length through all blocks, for the sake of a Probe; nothing comes out at the end.
//
// The layer loop is outside and the batch loop inside: one block's weights are in memory at a time, and the activations
// of the sequences wait between blocks, [tokens, hidden] each, at most 512 MB of them.
//
// Unusable sequences are errors before anything runs; activations that are not finite are an error that names layer, sequence
// and position; a cancelled ctx stops before the next call.
func (v *Variant) Stream(ctx context.Context, sequences [][]int32, opt RunOptions) error {
	r, err := v.newRun(sequences, 1, opt)
	if err != nil {
		return err
	}
	defer r.close()
	return r.through(ctx, nil)
}

// run is one pass of sequences through a variant.
type run struct {
	v         *Variant
	c         *Config
	e         *engine
	b         compute.Backend
	style     layer.Style
	opt       RunOptions
	sequences [][]int32
	length    int
	scaled    int // the length that positions are scaled for; length, but for prompts that were filled up
	spans     []span
	graphs    *graphs    // the engine's, or the run's own where a probe changes them
	tables    weights    // attention's, of one kind of layer
	tablesOf  layer.Dims // which; zero: none yet
	probed    *probed    // how many outputs the probe has at each site
	progress  progress   // over all calls
	done      func()     // ends what the run changed for the process
}

func (v *Variant) newRun(sequences [][]int32, least int, opt RunOptions) (*run, error) {
	c := v.m.config
	length, err := c.checkSequences(sequences, least)
	if err != nil {
		return nil, err
	}
	b, err := gomlxops.Backend()
	if err != nil {
		return nil, err
	}
	r := &run{v: v, c: c, e: &v.m.engine, b: b, style: layer.For(b), opt: opt, sequences: sequences, length: length, scaled: length, probed: &probed{}}
	r.spans = plan(len(sequences), r.batch(), opt.Align)
	r.graphs = &r.e.graphs
	if opt.Probe != nil {
		r.graphs = &graphs{}
	}
	stage := opt.Stage
	if stage == "" {
		stage = "forward"
	}
	r.progress = progress{rec: gomlxops.OrDiscard(opt.Recorder), stage: stage, total: len(r.spans) * c.Layers}
	r.done = func() {}
	if r.style.Manual && c.blockBytes() >= largeBlock {
		r.done = beFrugal()
	}
	return r, nil
}

// useTables loads the tables of attention with dims d, and lets go of those that were loaded. Layers mostly have one kind.
func (r *run) useTables(d layer.Dims) error {
	d.Batch = 1 // which has no part in them
	if d == r.tablesOf {
		return nil
	}
	r.tablesOf = layer.Dims{}
	if err := r.tables.free(); err != nil {
		return err
	}
	for _, t := range r.style.Tables(d, r.c.rotary(r.scaled)) {
		if err := r.e.load(r.b, &r.tables, "", t.Dims, t.Float32); err != nil {
			return errors.Join(err, r.tables.free())
		}
	}
	r.tablesOf = d
	return nil
}

func (r *run) close() error {
	r.done()
	return r.tables.free()
}

// batch is the number of sequences per call.
func (r *run) batch() int {
	if r.opt.Batch > 0 {
		return r.opt.Batch
	}
	if !r.style.Manual {
		return max(1, tokensPerCallXLA/r.length)
	}
	return min(max(1, tokensPerCall/r.length), (len(r.sequences)+concurrent-1)/concurrent)
}

// progress counts the calls done.
type progress struct {
	rec         gomlxops.Recorder
	stage       string
	done, total int
}

func (p *progress) add(n int) {
	p.done += n
	p.rec.Progress(p.stage, p.done, p.total)
}

// stream is a span on its way through the model.
type stream struct {
	span
	h    *tensors.Tensor   // residual stream, [tokens, hidden]
	kept []*tensors.Tensor // of the block it was through, where that keeps something
}

// through takes all spans through all blocks and hands each group that has arrived to end, where that is not nil. end may
// replace nothing and keep nothing: the activations are freed when it returns.
func (r *run) through(ctx context.Context, end func([]stream) error) error {
	perSequence := int64(r.length) * int64(r.c.HiddenSize) * 4
	for _, spans := range turns(r.spans, perSequence, residentBytes) {
		if err := r.turn(ctx, spans, end); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) turn(ctx context.Context, spans []span, end func([]stream) error) (err error) {
	streams := make([]stream, len(spans))
	defer func() {
		for _, s := range streams {
			if s.h != nil {
				err = errors.Join(err, s.h.FinalizeAll())
			}
		}
	}()
	for i, s := range spans {
		if streams[i], err = r.embed(s); err != nil {
			return err
		}
	}
	for l := range r.c.Layers {
		if err := r.layer(ctx, l, streams); err != nil {
			return err
		}
	}
	if end == nil {
		return nil
	}
	return end(streams)
}

// layer takes all streams through block l.
func (r *run) layer(ctx context.Context, l int, streams []stream) error {
	block, err := r.loadBlock(l)
	if err != nil {
		return err
	}
	err = r.waves(ctx, len(streams), func(i int) (func() error, error) {
		return r.call(l, block, &streams[i])
	})
	return errors.Join(err, block.free())
}

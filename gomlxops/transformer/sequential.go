package transformer

import (
	"context"
	"errors"
	"fmt"

	"github.com/gomlx/gomlx/core/tensors"
)

// Walk takes sequences through a model one block after another, and lets the caller look at a block before it is decided how
// the block's linears are held:
//
//	w, err := m.Walk(sequences, RunOptions{Probe: probe})
//	defer w.Close()
//	for w.Next() {
//		err = w.Look(ctx)                // the next block as on disk, on what the blocks before it gave; probe sees its sites
//		err = w.Pass(ctx, forms)         // through the next block as it shall be held
//	}
//
// Memory: one block's weights, and the activations of all sequences between two blocks, [tokens, hidden] in float32.
type Walk struct {
	m       *Model
	look    *run // of the model as it is on disk, with the probe
	pass    *run // of the blocks as they are held
	streams []stream
	layer   int   // next to be passed
	broken  error // what left the streams in the middle of a block
}

// Walk begins before the first block. opt's Probe is what [Walk.Look] shows; its Recorder is told of looks, as of a whole run over
// all blocks, [Walk.Calls] for each. Unusable sequences are an error.
func (m *Model) Walk(sequences [][]int32, opt RunOptions) (*Walk, error) {
	w := &Walk{m: m}
	err := w.begin(sequences, opt)
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

func (w *Walk) begin(sequences [][]int32, opt RunOptions) (err error) {
	if w.look, err = w.m.Dense().newRun(sequences, 1, opt); err != nil {
		return err
	}
	opt.Probe, opt.Recorder = nil, nil
	if w.pass, err = w.m.Dense().newRun(sequences, 1, opt); err != nil {
		return err
	}
	for _, s := range w.pass.spans {
		at, err := w.pass.embed(s)
		if err != nil {
			return err
		}
		w.streams = append(w.streams, at)
	}
	return nil
}

// Next says whether there is a block to pass.
func (w *Walk) Next() bool { return w.layer < w.pass.c.Layers }

// Layer is the number of the block that is next, from 0 on.
func (w *Walk) Layer() int { return w.layer }

// Calls is how many calls of a graph take all sequences through a block.
func (w *Walk) Calls() int { return len(w.streams) }

// Look runs the next block as it is on disk, for the probe's sake: all sequences stay where they are.
func (w *Walk) Look(ctx context.Context) error { return w.glance(ctx, 0, len(w.streams)) }

// LookAt is [Walk.Look] of one call, 0 ≤ i < [Walk.Calls]: for two walks over the same sequences that are looked at side by side.
func (w *Walk) LookAt(ctx context.Context, i int) error { return w.glance(ctx, i, i+1) }

func (w *Walk) glance(ctx context.Context, from, to int) error {
	if err := w.ready(); err != nil {
		return err
	}
	block, err := w.look.loadBlock(w.layer)
	if err != nil {
		return err
	}
	w.look.progress.done = w.layer*len(w.streams) + from // also where blocks before it were passed unseen
	err = w.look.waves(ctx, to-from, func(i int) (func() error, error) { return w.glanceOnce(block, w.streams[from+i]) })
	return errors.Join(err, block.free())
}

// glanceOnce takes a copy of one stream through the block and frees what comes out of it.
func (w *Walk) glanceOnce(block *loadedBlock, s stream) (func() error, error) {
	copied, err := s.h.OnDeviceClone(w.look.b, 0)
	if err != nil {
		return nil, err
	}
	s.h = copied
	after, err := w.look.call(w.layer, block, &s)
	if err != nil {
		return nil, errors.Join(err, free(s.h))
	}
	return func() error { return errors.Join(after(), free(s.h)) }, nil
}

// Pass takes all sequences through the next block, whose linears are held in the given forms, by name; those without one are as on
// disk, and forms of other blocks have no effect. Where it fails the walk is over.
func (w *Walk) Pass(ctx context.Context, forms map[string]Form) error {
	if err := w.ready(); err != nil {
		return err
	}
	v, err := w.m.With(forms)
	if err != nil {
		return err
	}
	w.pass.v = v
	if w.broken = w.pass.layer(ctx, w.layer, w.streams); w.broken != nil {
		return w.broken
	}
	w.layer++
	return nil
}

func (w *Walk) ready() error {
	if !w.Next() {
		return fmt.Errorf("the model has %d blocks, and all are passed", w.layer)
	}
	if w.broken != nil {
		return fmt.Errorf("layer %d: the walk ended with an earlier failure; begin a new one: %w", w.layer, w.broken)
	}
	return nil
}

// Close frees the activations.
func (w *Walk) Close() error {
	var errs []error
	for _, s := range w.streams {
		errs = append(errs, free(s.h))
	}
	w.streams = nil
	for _, r := range []*run{w.look, w.pass} {
		if r != nil {
			errs = append(errs, r.close())
		}
	}
	return errors.Join(errs...)
}

func free(t *tensors.Tensor) error {
	if t == nil {
		return nil
	}
	return t.FinalizeAll()
}

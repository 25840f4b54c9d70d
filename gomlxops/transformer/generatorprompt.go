package transformer

import (
	"context"
	"errors"
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// promptStep is what the lengths of long prompts are multiples of.
const promptStep = 64

// filledLength is the length that a prompt runs at: a power of two from 8 on up to promptStep, then a multiple of it, at most longest. A
// token sees none behind it, so what fills up changes nothing.
func filledLength(n, longest int) int {
	filled := 8
	for filled < n && filled < promptStep {
		filled *= 2
	}
	if filled < n {
		filled = (n + promptStep - 1) / promptStep * promptStep
	}
	return min(filled, longest)
}

// read takes a prompt through the blocks, remembering keys and values.
func (g *Generator) read(ctx context.Context, prompt []int32) (err error) {
	filled := lengthGroup{filledLength(len(prompt), g.c.Longest()), []int{0}}.padded([][]int32{prompt})
	r, err := g.v.newRun(filled, 1, RunOptions{})
	if err != nil {
		return err
	}
	r.scaled = len(prompt)
	s, err := r.embed(r.spans[0])
	defer func() { err = errors.Join(err, free(s.h), r.close()) }()
	if err != nil {
		return err
	}
	for l := range g.c.Layers {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := g.readLayer(r, l, &s, len(prompt)); err != nil {
			return err
		}
	}
	width := g.c.HiddenSize
	g.length = len(prompt)
	return tensors.ConstFlatData(s.h, func(flat []float32) { copy(g.hidden, flat[(g.length-1)*width:]) })
}

// readLayer takes the first n tokens of a prompt, and what fills it up, through block l.
func (g *Generator) readLayer(r *run, l int, s *stream, n int) (err error) {
	block, err := r.loadBlock(l)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, block.free()) }()
	exec, err := r.promptGraph(block)
	if err != nil {
		return err
	}
	h, err := graph.DonateTensorBuffer(s.h, r.b, 0)
	if err != nil {
		return err
	}
	s.h = nil
	out, err := exec.Call(append(append([]any{h}, block.args...), r.tables.args...)...)
	if err != nil {
		return fmt.Errorf("layer %d, the prompt: %w", l, err)
	}
	s.h = out[0]
	defer func() {
		for _, t := range out[1:] {
			err = errors.Join(err, t.FinalizeAll())
		}
	}()
	if err := r.checkStream(l, s, out[1]); err != nil {
		return err
	}
	return g.remember(l, n, out[2], out[3])
}

// remember keeps the keys and values of the first n tokens, each [tokens, KV heads · head dim].
func (g *Generator) remember(l, n int, keys, values *tensors.Tensor) error {
	width := keys.Shape().Dim(1)
	var inner error
	err := tensors.ConstFlatData(keys, func(k []float32) {
		inner = tensors.ConstFlatData(values, func(v []float32) {
			for t := range n {
				g.memory[l].add(t, k[t*width:(t+1)*width], v[t*width:(t+1)*width], g.c.HeadDim)
			}
		})
	})
	return errors.Join(err, inner)
}

// promptGraph is graphOf for one sequence, with keys and values for results too.
func (r *run) promptGraph(block *loadedBlock) (*graph.Exec, error) {
	forms, dims, c, style, length := block.forms, block.dims, r.c, r.style, r.length
	return r.graphs.get(r.b, fmt.Sprintf("prompt %d%s", length, block.key), func(in []*graph.Node) []*graph.Node {
		w, tables := c.takeBlock(in[1:], forms)
		d := newDecoder(c, style, dims, tables)
		var keys, values *graph.Node
		d.keep = func(k, v *graph.Node) { keys, values = k, v }
		h := d.block(in[0], w, nil)
		sums := graph.ReduceSum(graph.Reshape(h, 1, length*c.HiddenSize), 1)
		return []*graph.Node{h, sums, keys, values}
	})
}

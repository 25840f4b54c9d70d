package transformer

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/parelab/pare/gomlxops/internal/layer"
)

// loadedBlock is one block on the backend.
type loadedBlock struct {
	weights        // the norms, then the parts of every linear, as takeBlock takes them
	forms   []held // of the configuration's Kinds
	dims    layer.Dims
	key     string // says everything that the graph depends on, but for the sequences
	keeps   int    // arrays that the way back wants of the way forward
}

// held is how a linear is held: the name of its form and how many parts it has.
type held struct {
	form  string
	parts int
}

// loadBlock puts block l on the backend, and the tables that its attention reads in the place of those of the block before.
func (r *run) loadBlock(l int) (*loadedBlock, error) {
	block := &loadedBlock{dims: r.c.attentionDims(l, 1, r.length)}
	err := r.useTables(block.dims)
	if err == nil {
		err = r.fillBlock(block, l)
	}
	if err != nil {
		return nil, errors.Join(err, block.free())
	}
	return block, nil
}

func (r *run) fillBlock(block *loadedBlock, l int) error {
	m := r.v.m
	for _, t := range r.c.blockNorms(l) {
		err := r.e.load(r.b, &block.weights, t.Name, t.Shape, func(dst []float32) error { return m.Read(t.Name, dst) })
		if err != nil {
			return err
		}
	}
	var key strings.Builder
	fmt.Fprintf(&key, " %d/%d heads, window %d", block.dims.Heads, block.dims.KVHeads, block.dims.Window)
	for _, k := range r.c.Kinds() {
		linear := r.c.linear(l, k)
		form := r.v.held(linear)
		parts := form.Parts()
		fmt.Fprintf(&key, " %s:%s", k, form.Name())
		for i, p := range parts {
			name := ""
			if i < onFile(form) {
				name = linear.Name + "." + p.Suffix
			}
			if err := r.e.load(r.b, &block.weights, name, p.Shape, func(dst []float32) error { return form.Read(i, dst) }); err != nil {
				return fmt.Errorf("%s: %w", linear.Name, err)
			}
			fmt.Fprint(&key, p.Shape)
		}
		block.forms = append(block.forms, held{form.Name(), len(parts)})
	}
	block.key = key.String()
	return nil
}

// probed counts a probe's outputs at each site. They are known when a graph was built, and the same for all graphs of a run.
type probed struct {
	mu      sync.Mutex
	outputs map[Site]int
}

func (p *probed) set(outputs map[Site]int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.outputs = outputs
}

// graphOf returns the graph that takes one block over count sequences. Its parameters are the residual stream, the weights, and
// attention's tables; its results are the new residual stream, its sum over each sequence, what the block keeps, and the probe's outputs.
func (r *run) graphOf(block *loadedBlock, count int) (*graph.Exec, error) {
	key := fmt.Sprintf("block %d×%d%s", count, r.length, block.key)
	forms, dims, keeps := block.forms, block.dims, block.keeps
	dims.Batch = count
	c, style, length, probe, probed := r.c, r.style, r.length, r.opt.Probe, r.probed
	return r.graphs.get(r.b, key, func(in []*graph.Node) []*graph.Node {
		h := in[0]
		w, tables := c.takeBlock(in[1:], forms)
		var seen []*graph.Node
		outputs := map[Site]int{}
		d := newDecoder(c, style, dims, tables)
		d.recall = &recall{}
		h = d.block(h, w, func(site Site, x *graph.Node) {
			if probe != nil {
				nodes := probe.Graph(site, x)
				outputs[site] = len(nodes)
				seen = append(seen, nodes...)
			}
		})
		probed.set(outputs)
		sums := graph.ReduceSum(graph.Reshape(h, count, length*c.HiddenSize), 1)
		return append(append([]*graph.Node{h, sums}, d.recall.nodes[:keeps]...), seen...)
	})
}

// call takes one stream through block l. What is left to do in order is returned: the probe's part, and then the check of the residual
// stream. The probe is first because it can tell at which site a number left the range that the stream then lacks.
func (r *run) call(l int, block *loadedBlock, s *stream) (after func() error, err error) {
	h, err := graph.DonateTensorBuffer(s.h, r.b, 0)
	if err != nil {
		return nil, err
	}
	s.h = nil
	return r.apply(l, block, s, h)
}

// apply is call with the stream's activations, or their buffer, given as h.
func (r *run) apply(l int, block *loadedBlock, s *stream, h any) (after func() error, err error) {
	exec, err := r.graphOf(block, s.count)
	if err != nil {
		return nil, err
	}
	out, err := exec.Call(append(append([]any{h}, block.args...), r.tables.args...)...)
	if err != nil {
		return nil, fmt.Errorf("layer %d, sequences %d to %d: %w", l, s.first, s.first+s.count-1, err)
	}
	s.h, s.kept = out[0], out[2:2+block.keeps]
	return func() error {
		err := r.observe(l, s.span, out[2+block.keeps:])
		if err == nil {
			err = r.checkStream(l, s, out[1])
		}
		return errors.Join(err, out[1].FinalizeAll())
	}, nil
}

// observe hands the probe's outputs of one call to it, site by site, and frees them.
func (r *run) observe(l int, s span, out []*tensors.Tensor) (err error) {
	defer func() {
		for _, t := range out {
			err = errors.Join(err, t.FinalizeAll())
		}
	}()
	rest := out
	for _, site := range Sites {
		n := r.probed.outputs[site]
		if n == 0 {
			continue
		}
		if err := r.opt.Probe.Observe(l, site, s.first, s.count, rest[:n]); err != nil {
			return fmt.Errorf("layer %d, %s, sequences %d to %d: %w", l, site, s.first, s.first+s.count-1, err)
		}
		rest = rest[n:]
	}
	return nil
}

// checkStream says where the residual stream behind block l is not finite. The sums tell quickly; only when one is not finite
// are the numbers themselves looked through, since finite ones may add up to infinity.
func (r *run) checkStream(l int, s *stream, sums *tensors.Tensor) (err error) {
	ok := true
	if err := tensors.ConstFlatData(sums, func(flat []float32) { ok = firstBad(flat) < 0 }); err != nil || ok {
		return err
	}
	return errors.Join(tensors.ConstFlatData(s.h, func(flat []float32) {
		if at := firstBad(flat); at >= 0 {
			row := at / r.c.HiddenSize
			err = fmt.Errorf("layer %d: the activations of sequence %d are %v at position %d, channel %d: the model's weights, or a form that replaces one of them, lead out of float32's range",
				l, s.first+row/r.length, flat[at], row%r.length, at%r.c.HiddenSize)
		}
	}), err)
}

func firstBad(values []float32) int {
	for i, v := range values {
		if math.Float32bits(v)&0x7f800000 == 0x7f800000 {
			return i
		}
	}
	return -1
}

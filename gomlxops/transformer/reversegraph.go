package transformer

import (
	"fmt"
	"sync"

	. "github.com/gomlx/gomlx/core/graph"
)

// tapped knows how many outputs the probe has at each place of a graph, in their order: known when the graph was built.
type tapped struct {
	mu    sync.Mutex
	known map[string][]tapOutputs // by the graph's key
}

type tapOutputs struct {
	place   Place
	outputs int
}

func (t *tapped) of(graph string) []tapOutputs {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.known[graph]
}

func (t *tapped) set(graph string, outputs []tapOutputs) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known == nil {
		t.known = map[string][]tapOutputs{}
	}
	t.known[graph] = outputs
}

// taps gather what a graph shows on the way forward; the gradients come to them on the way back.
type taps struct{ all []*Tap }

// on returns y, what linear o makes of x, with a hook that catches its gradient. A nil taps does nothing.
func (t *taps) on(place Place, o operand, x, y *Node) *Node {
	if t == nil {
		return y
	}
	return t.hook(&Tap{Place: place, Form: o.form, Weights: o.parts, X: x}, y)
}

// onNorm is on for a norm; unit makes what it would with a scale of ones and a bias of zeros.
func (t *taps) onNorm(place Place, y, scale, bias *Node, unit func(one, zero *Node) *Node) *Node {
	if t == nil {
		return y
	}
	tap := &Tap{Place: place, Weights: []*Node{scale}, X: unit(OnesLike(scale), ZerosLike(scale))}
	if bias != nil {
		tap.Weights = append(tap.Weights, bias)
	}
	return t.hook(tap, y)
}

func (t *taps) hook(tap *Tap, y *Node) *Node {
	t.all = append(t.all, tap)
	return IdentityWithCustomGradient(y, func(_, dy *Node) *Node {
		tap.DY = dy
		return dy
	})
}

// show lets the probe add its outputs at every place, and says how many there are of each.
func (t *taps) show(probe GradientProbe, sequences, length int) (nodes []*Node, outputs []tapOutputs) {
	for _, tap := range t.all {
		if tap.DY == nil {
			continue // nothing behind it depends on it
		}
		tap.Sequences, tap.Length = sequences, length
		mine := probe.Graph(*tap)
		if len(mine) == 0 {
			continue
		}
		nodes = append(nodes, mine...)
		outputs = append(outputs, tapOutputs{tap.Place, len(mine)})
	}
	return nodes, outputs
}

// backGraph returns the graph, and its key, that takes the gradient of count sequences back through a block. Its parameters are the block's input h, the
// gradient dh by its output, what was kept of the block, the weights, and attention's tables; its results are the gradient by h, its sum over each sequence, and the
// probe's outputs.
//
// The block is computed again from h, but for what was kept, then Σ dh·block(h) is differentiated: reverse mode starts from dh that way. Products that
// only the block's output needs are not reached from the results, and so not made.
func (r *reverse) backGraph(block *loadedBlock, count int) (exec *Exec, key string, err error) {
	key = fmt.Sprintf("back %d×%d%s", count, r.length, block.key)
	forms, dims, keeps := block.forms, block.dims, block.keeps
	dims.Batch = count
	exec, err = r.back.get(r.b, key, func(in []*Node) []*Node {
		h, dh := in[0], in[1]
		w, tables := r.c.takeBlock(in[2+keeps:], forms)
		d := newDecoder(r.c, r.style, dims, tables)
		d.taps = &taps{}
		if keeps > 0 {
			d.recall = &recall{back: true, nodes: in[2 : 2+keeps]}
		}
		y := d.block(h, w, nil)
		grad := Gradient(ReduceAllSum(Mul(y, dh)), h)[0]
		nodes, outputs := d.taps.show(r.probe, count, r.length)
		r.taps.set(key, outputs)
		sums := ReduceSum(Reshape(grad, count, r.length*r.c.HiddenSize), 1)
		return append([]*Node{grad, sums}, nodes...)
	})
	return exec, key, err
}

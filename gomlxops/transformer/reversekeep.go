package transformer

import (
	"errors"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/parelab/pare/gomlxops/internal/layer"
)

// defaultKeep is [RunOptions].Keep by default: small models are kept whole, and of one with 1.1 billion weights the last blocks, within
// the design's bound of 3 GB for all.
const defaultKeep = 256 << 20

// recall keeps what the linears of a block make on the way forward, and puts it in its place on the way back, where the products
// need not be made again. A nil one does nothing.
type recall struct {
	back  bool
	nodes []*Node // made so far; on the way back those still to be used
}

// of returns y on the way forward, and on the way back what was kept of it, with the gradient of y.
func (r *recall) of(y *Node) *Node {
	switch {
	case r == nil:
		return y
	case !r.back:
		r.nodes = append(r.nodes, y)
		return y
	}
	kept := r.nodes[0]
	r.nodes = r.nodes[1:]
	return layer.CustomVJP([]*Node{y}, kept, func(dy *Node) []*Node { return []*Node{dy} })
}

// recalled says which linears' outputs are kept: those that another piece of the block reads. The residual stream between
// attention and MLP is kept besides; the last linear's output is not needed.
func recalled(k Kind) bool { return k != Output && k != Down }

// keeps counts what is kept of layer l: arrays, and bytes for each token.
func (c *Config) keeps(l int) (arrays int, bytes int64) {
	arrays, width := 1, c.HiddenSize
	for _, k := range c.Kinds() {
		if recalled(k) {
			arrays++
			width += c.linear(l, k).Out
		}
	}
	return arrays, 4 * int64(width)
}

// keepFrom is the first of the last layers that fit in room bytes together.
func (r *reverse) keepFrom(room int64) int {
	if room == 0 {
		room = defaultKeep
	}
	for l := r.c.Layers - 1; l >= 0; l-- {
		_, bytes := r.c.keeps(l)
		if room -= bytes * int64(len(r.sequences)*r.length); room < 0 {
			return l + 1
		}
	}
	return 0
}

// load is loadBlock, with graphs that keep what they make where the layer is one of those.
func (r *reverse) load(l int) (*loadedBlock, error) {
	block, err := r.loadBlock(l)
	if err == nil && l >= r.first {
		block.keeps, _ = r.c.keeps(l)
		block.key += ", kept"
	}
	return block, err
}

// forget frees what was kept of span i in layer l.
func (r *reverse) forget(l, i int) error {
	var errs []error
	for _, t := range r.kept[l][i] {
		errs = append(errs, t.FinalizeAll())
	}
	r.kept[l][i] = nil
	return errors.Join(errs...)
}

// keptOf returns what was kept of span i in layer l as arguments of the way back.
func (r *reverse) keptOf(l, i int) []any {
	var args []any
	for _, t := range r.kept[l][i] {
		args = append(args, t)
	}
	return args
}

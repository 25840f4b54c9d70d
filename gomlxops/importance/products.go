package importance

import (
	"errors"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// Notation of this file, for one linear and one call of S sequences of T tokens:
//
//	x    the linear's input                                                [S·T, in]
//	dy   gradient of each sequence's own loss by the linear's output       [S·T, out]
//	dW   gradient of one sequence's loss by the weight, dy_sᵀ x_s          [out, in]
//
// dW is made piece by piece, some rows at a time, and each piece is used up at once: it needs no memory to speak of, and what it is added
// to is read and written once for all sequences of a call.

// products makes dW on the host, from activations that lie in its memory anyway.
type products struct {
	b    compute.Backend
	exec *graph.Exec // (dy_sᵀ rows [r, T], x_s [T, in]) → [r, in]
}

func newProducts(b compute.Backend) (*products, error) {
	exec, err := graph.NewExec(b, func(dyT, x *graph.Node) *graph.Node {
		return graph.DotGeneral(dyT, []int{1}, nil, x, []int{0}, nil)
	})
	if err != nil {
		return nil, err
	}
	exec.SetMaxCache(-1)
	return &products{b, exec}, nil
}

// call is the activations of one call at one linear.
type call struct {
	x, dy             []float32
	sequences, length int
	in, out           int
}

// pieceSize is about how many numbers of dW are made at once: see BenchmarkProducts. Fewer
// repeat the packing of x, more leave the cache.
var pieceSize = 1 << 20

// pieces cuts a linear's rows. They do not depend on the machine, so that neither do rounded sums over them; two at least, for two processors.
func pieces(out, in int) int {
	return min(out, max(2, (out*in+pieceSize-1)/pieceSize))
}

// each gives dW to use: for every piece of rows, one sequence after another. Calls for different pieces may come at once.
func (p *products) each(c call, use func(piece, lo, hi int, dw []float32)) error {
	xs, err := p.inputs(c)
	if err != nil {
		return err
	}
	defer func() {
		for _, x := range xs {
			_ = x.FinalizeAll()
		}
	}()
	n := pieces(c.out, c.in)
	var mu sync.Mutex
	var errs []error
	parallel(n, func(i int) {
		lo, hi := c.out*i/n, c.out*(i+1)/n
		for s, x := range xs {
			if err := p.one(c, s, lo, hi, x, func(dw []float32) { use(i, lo, hi, dw) }); err != nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
				return
			}
		}
	})
	return errors.Join(errs...)
}

// inputs puts each sequence's input on the backend.
func (p *products) inputs(c call) ([]*tensors.Tensor, error) {
	var xs []*tensors.Tensor
	size := c.length * c.in
	for s := range c.sequences {
		x, err := p.tensor(func(dst []float32) { copy(dst, c.x[s*size:(s+1)*size]) }, c.length, c.in)
		if err != nil {
			return nil, err
		}
		xs = append(xs, x)
	}
	return xs, nil
}

// one makes rows [lo, hi) of sequence s's dW.
func (p *products) one(c call, s, lo, hi int, x *tensors.Tensor, use func(dw []float32)) error {
	dyT, err := p.tensor(func(dst []float32) { transpose(dst, c.dy[s*c.length*c.out:], c.length, c.out, lo, hi) }, hi-lo, c.length)
	if err != nil {
		return err
	}
	defer dyT.FinalizeAll()
	out, err := p.exec.Call(dyT, x)
	if err != nil {
		return err
	}
	return errors.Join(tensors.ConstFlatData(out[0], use), out[0].FinalizeAll())
}

// tensor makes one whose values fill writes, in the backend's memory.
func (p *products) tensor(fill func(dst []float32), dims ...int) (*tensors.Tensor, error) {
	t, err := tensors.FromShapeForBackend(p.b, 0, shapes.Make(dtypes.Float32, dims...))
	if err != nil {
		return nil, err
	}
	return t, tensors.MutableFlatData(t, fill)
}

// transpose writes columns [lo, hi) of from [rows, width] to dst as rows, by blocks that fit the first cache.
func transpose(dst, from []float32, rows, width, lo, hi int) {
	const block = 32
	for r0 := 0; r0 < rows; r0 += block {
		r1 := min(r0+block, rows)
		for c0 := lo; c0 < hi; c0 += block {
			for c := c0; c < min(c0+block, hi); c++ {
				row := dst[(c-lo)*rows+r0 : (c-lo)*rows+r1]
				for i := range row {
					row[i] = from[(r0+i)*width+c]
				}
			}
		}
	}
}

package covariance

import (
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/parelab/pare/gomlxops/transformer"
)

// probe takes the moments of each batch and merges them on the host. There are two forms: on an accelerator the moments of a
// batch are computed inside the block's graph; on the Go backend the graph hands out the activations, which lie in the host's
// memory already, and the scatter is computed there at less than half the cost.
//
// In both the scatter is centred on the batch's own mean before the float32 product, so that a mean far from zero cancels
// nothing.
type probe struct {
	stats    map[place]*Stats
	perGroup int // sequences
	length   int // tokens per sequence
	inGraph  bool
	scatter  scatter // where not inGraph

	firstGroup int // of the sequences that the stream counts from 0
}

// place is where statistics are taken.
type place struct {
	layer int
	site  transformer.Site
}

var _ transformer.Probe = (*probe)(nil)

// The results of Graph where inGraph, in order. Elsewhere it is x alone.
const (
	outMean     = iota // c, [1, d]
	outResidual        // mean of x − c, [1, d]
	outAbsMean         // [1, d]
	outScatter         // Σ (x − c)(x − c)ᵀ, [d, d]
	outTokens          // Σ |x| of each token, [tokens]: finite where the token's x is
	outputs
)

// Graph returns x [tokens, d], or adds its moments: one product of 2·tokens·d² operations, and some passes over x.
func (p *probe) Graph(_ transformer.Site, x *graph.Node) []*graph.Node {
	x.AssertRank(2)
	if !p.inGraph {
		return []*graph.Node{x}
	}
	dim := x.Shape().Dimensions[1]
	out := make([]*graph.Node, outputs)
	out[outMean] = tokenMean(x)
	centred := graph.Sub(x, out[outMean])
	out[outResidual] = tokenMean(centred)
	magnitude := graph.Abs(x)
	out[outAbsMean] = tokenMean(magnitude)
	out[outTokens] = graph.ReduceSum(magnitude, 1)
	// The transpose is explicit: it is the form that the Go backend's product is fast in.
	out[outScatter] = graph.DotGeneral(graph.TransposeAllAxes(centred, 1, 0), []int{1}, nil, centred, []int{0}, nil)
	out[outScatter].AssertDims(dim, dim)
	return out
}

func tokenMean(x *graph.Node) *graph.Node {
	return graph.DivScalar(graph.ReduceAndKeep(x, graph.ReduceSum, 0), float64(x.Shape().Dimensions[0]))
}

// Observe merges one batch's moments into the group that its sequences belong to. The stream puts layer, site and sequences
// before its errors.
func (p *probe) Observe(layer int, site transformer.Site, first, sequences int, out []*tensors.Tensor) error {
	want := 1
	if p.inGraph {
		want = outputs
	}
	s, ok := p.stats[place{layer, site}]
	if !ok || len(out) != want {
		return fmt.Errorf("expected a site of the model with %d results, found %d", want, len(out))
	}
	group := p.firstGroup + first/p.perGroup
	if last := p.firstGroup + (first+sequences-1)/p.perGroup; last != group {
		return fmt.Errorf("expected a batch within one group, found groups %d to %d", group, last)
	}
	return read(out, func(values [][]float32) error {
		if p.inGraph {
			return p.addBatch(s, group, first, sequences*p.length, values)
		}
		return p.addTokens(s, group, first, values[0])
	})
}

// addBatch merges the moments of count tokens as Graph returns them.
func (p *probe) addBatch(s *Stats, group, first, count int, values [][]float32) error {
	for i, v := range values[outTokens] {
		if !finite(v) {
			return p.notFinite(first, i)
		}
	}
	b := batch{count, values[outMean], values[outResidual], values[outAbsMean], values[outScatter]}
	if err := b.check(s.Dim); err != nil {
		return err
	}
	s.add(group, b)
	return nil
}

// check says whether the moments fit dim and did not overflow. Where an entry of the scatter overflows, one of the diagonal
// does (Cauchy and Schwarz).
func (b batch) check(dim int) error {
	if len(b.mean) != dim || len(b.scatter) != dim*dim {
		return fmt.Errorf("expected %d channels, found %d", dim, len(b.mean))
	}
	for i := range dim {
		if !finite(b.mean[i]) || !finite(b.absMean[i]) || !finite(b.scatter[i*dim+i]) {
			return errTooLarge
		}
	}
	return nil
}

// read gives f the values of all tensors at once, without copying.
func read(ts []*tensors.Tensor, f func(values [][]float32) error) error {
	var within func(values [][]float32) error
	within = func(values [][]float32) (err error) {
		if len(values) == len(ts) {
			return f(values)
		}
		if e := tensors.ConstFlatData(ts[len(values)], func(flat []float32) { err = within(append(values, flat)) }); e != nil {
			return e
		}
		return err
	}
	return within(nil)
}

func finite[T float32 | float64](v T) bool { return v-v == 0 }

func allFinite[T float32 | float64](values []T) bool {
	for _, v := range values {
		if !finite(v) {
			return false
		}
	}
	return true
}

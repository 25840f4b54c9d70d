package lowrank

import (
	"context"
	"errors"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/parelab/pare/gomlxops/covariance"
	"github.com/parelab/pare/gomlxops/linalg"
	"github.com/parelab/pare/gomlxops/transformer"
)

// pair walks the dense model beside the compressed one and sums up Σ x x'ᵀ of each site, x its input there and x' here, in float64.
type pair struct {
	walk    *transformer.Walk              // of the dense model
	moments *covariance.Layerwise          // of x
	x       map[transformer.Site][]float64 // of the call in hand, [tokens, in]
	cross   map[transformer.Site][]float64 // Σ x x'ᵀ, [in, in]
	stats   *covariance.Moments            // of the layer, once it was looked at
}

// newPair begins the walk of the dense model; run's probe, which must be for x', is made to sum up too.
func newPair(m *transformer.Model, sequences [][]int32, run *transformer.RunOptions) (p *pair, err error) {
	p = &pair{}
	shifted := run.Probe.(*covariance.Layerwise)
	if p.moments, err = covariance.NewLayerwise(m.Dense(), sequences, covariance.Options{Groups: len(sequences) / shifted.Align()}); err != nil {
		return nil, err
	}
	dense := *run
	dense.Probe = watched{p.moments, func(site transformer.Site, x []float64) error {
		p.x[site] = x
		return nil
	}}
	run.Probe = watched{shifted, p.add}
	p.walk, err = m.Walk(sequences, dense)
	return p, err
}

// add is shown x' of the call that x was kept of.
func (p *pair) add(site transformer.Site, shifted []float64) error {
	x := p.x[site]
	in := p.moments.Dim(site)
	product, err := linalg.TMul(x, len(x)/in, in, shifted, in)
	if err != nil {
		return err
	}
	if p.cross[site] == nil {
		p.cross[site] = product
		return nil
	}
	for i, v := range product {
		p.cross[site][i] += v
	}
	return nil
}

// look takes both walks over the next block, call by call.
func (p *pair) look(ctx context.Context, shifted *transformer.Walk) (err error) {
	p.moments.Begin(shifted.Layer())
	p.cross = map[transformer.Site][]float64{}
	for i := range shifted.Calls() {
		p.x = map[transformer.Site][]float64{}
		if err := errors.Join(p.walk.LookAt(ctx, i), ctx.Err()); err != nil {
			return err
		}
		if err := shifted.LookAt(ctx, i); err != nil {
			return err
		}
	}
	p.x = nil
	p.stats, err = p.moments.Moments()
	return err
}

// task is that of giving W x + β on x'.
func (p *pair) task(l transformer.Linear, w []float64, beta []float32, second, mean []float64) (*task, error) {
	input, err := p.stats.Input(l)
	if err != nil {
		return nil, err
	}
	own, at := momentsAbout(input, mean != nil)
	t, err := keepWeight(w, beta, l.In, own, at)
	if err != nil {
		return nil, err
	}
	n := float64(input.Count())
	cross := make([]float64, len(own))
	for i, v := range p.cross[l.Kind.Site()] {
		cross[i] = v / n
		if mean != nil {
			cross[i] -= at[i/l.In] * mean[i%l.In]
		}
	}
	t.s, t.x = second, mean
	t.t, err = linalg.Mul(w, l.Out, l.In, cross, l.In)
	return t, err
}

// watched collects moments and shows the inputs that they are of, in float64.
type watched struct {
	*covariance.Layerwise
	show func(site transformer.Site, x []float64) error
}

var _ transformer.Probe = watched{}

// Graph adds x itself.
func (w watched) Graph(site transformer.Site, x *graph.Node) []*graph.Node {
	return append(w.Layerwise.Graph(site, x), graph.Identity(x))
}

// Observe shows the last result and leaves the others to the moments, which look for numbers that are not finite first.
func (w watched) Observe(layer int, site transformer.Site, first, sequences int, out []*tensors.Tensor) error {
	last := len(out) - 1
	if err := w.Layerwise.Observe(layer, site, first, sequences, out[:last]); err != nil {
		return err
	}
	var x []float64
	if err := tensors.ConstFlatData(out[last], func(flat []float32) { x = widen(flat) }); err != nil {
		return err
	}
	return w.show(site, x)
}

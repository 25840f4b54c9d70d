package lowrank

import (
	"context"
	"errors"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/covariance"
	"github.com/parelab/pare/gomlxops/linalg"
	"github.com/parelab/pare/gomlxops/transformer"
)

// pair walks the dense model beside the compressed one and sums up Σ x x'ᵀ of each site, x its input there and x' here. As with
// moments, products are in float32 within a call, about the call's own means, and in float64 between calls.
type pair struct {
	walk    *transformer.Walk              // of the dense model
	moments *covariance.Layerwise          // of x
	x       map[transformer.Site]centred   // of the call in hand
	cross   map[transformer.Site][]float64 // Σ x x'ᵀ, [in, in]
	stats   *covariance.Moments            // of the layer, once it was looked at
	product *graph.Exec                    // aᵀ b of a, b [tokens, in]
}

// centred is the input of one call as deviations from its mean.
type centred struct {
	mean []float64 // [in]
	rest []float32 // x − mean, [tokens, in]
}

func newCentred(x []float32, in int) centred {
	c := centred{make([]float64, in), make([]float32, len(x))}
	for i, v := range x {
		c.mean[i%in] += float64(v) * float64(in) / float64(len(x))
	}
	for i, v := range x {
		c.rest[i] = float32(float64(v) - c.mean[i%in])
	}
	return c
}

// newPair begins the walk of the dense model; run's probe, which must be for x', is made to sum up too.
func newPair(m *transformer.Model, sequences [][]int32, run *transformer.RunOptions) (p *pair, err error) {
	p = &pair{}
	shifted := run.Probe.(*covariance.Layerwise)
	if p.moments, err = covariance.NewLayerwise(m.Dense(), sequences, covariance.Options{Groups: len(sequences) / shifted.Align()}); err != nil {
		return nil, err
	}
	b, err := gomlxops.Backend()
	if err != nil {
		return nil, err
	}
	p.product, err = graph.NewExec(b, func(x, y *graph.Node) *graph.Node {
		return graph.DotGeneral(graph.TransposeAllAxes(x, 1, 0), []int{1}, nil, y, []int{0}, nil)
	})
	if err != nil {
		return nil, err
	}
	dense := *run
	dense.Recorder = nil
	dense.Probe = watched{p.moments, func(site transformer.Site, x []float32) error {
		p.x[site] = newCentred(x, p.moments.Dim(site))
		return nil
	}}
	run.Probe = watched{shifted, p.add}
	p.walk, err = m.Walk(sequences, dense)
	return p, err
}

// add is shown x' of the call that x was kept of.
func (p *pair) add(site transformer.Site, shifted []float32) error {
	in := p.moments.Dim(site)
	x, y := p.x[site], newCentred(shifted, in)
	tokens := len(shifted) / in
	out, err := p.product.Call(tensors.FromFlatDataAndDimensions(x.rest, tokens, in), tensors.FromFlatDataAndDimensions(y.rest, tokens, in))
	if err != nil {
		return err
	}
	if p.cross[site] == nil {
		p.cross[site] = make([]float64, in*in)
	}
	sum := p.cross[site]
	err = tensors.ConstFlatData(out[0], func(product []float32) {
		for i, v := range product {
			sum[i] += float64(v) + float64(tokens)*x.mean[i/in]*y.mean[i%in]
		}
	})
	return errors.Join(err, out[0].FinalizeAll())
}

// look takes both walks over the next block, call by call.
func (p *pair) look(ctx context.Context, shifted *transformer.Walk) (err error) {
	p.moments.Begin(shifted.Layer())
	p.cross = map[transformer.Site][]float64{}
	for i := range shifted.Calls() {
		p.x = map[transformer.Site]centred{}
		if err := p.walk.LookAt(ctx, i); err != nil {
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

// watched collects moments and shows the inputs that they are of.
type watched struct {
	*covariance.Layerwise
	show func(site transformer.Site, x []float32) error
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
	var shown error
	err := tensors.ConstFlatData(out[last], func(x []float32) { shown = w.show(site, x) })
	return errors.Join(err, shown)
}

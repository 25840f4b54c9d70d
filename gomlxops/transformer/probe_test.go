package transformer

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// sumProbe checks what a Probe is promised: widths, order, and values, through the mean of each site's input.
type sumProbe struct {
	t     *testing.T
	c     *Config
	calls []string
	sums  map[string]float64
}

func (p *sumProbe) Graph(site Site, x *graph.Node) []*graph.Node {
	width := map[Site]int{AttentionIn: p.c.HiddenSize, AttentionOut: p.c.Heads * p.c.HeadDim, MLPIn: p.c.HiddenSize, MLPMid: p.c.IntermediateSize}[site]
	x.AssertDims(-1, width)
	switch site {
	case MLPIn:
		return nil
	case AttentionOut:
		return []*graph.Node{graph.ReduceAllSum(x), graph.ReduceAllSum(graph.Square(x))}
	}
	return []*graph.Node{graph.ReduceAllSum(x)}
}

func (p *sumProbe) Observe(layer int, site Site, first, sequences int, out []*tensors.Tensor) error {
	if want := map[Site]int{AttentionIn: 1, AttentionOut: 2, MLPMid: 1}[site]; len(out) != want {
		p.t.Errorf("layer %d, %s: %d outputs, want %d", layer, site, len(out), want)
	}
	p.calls = append(p.calls, fmt.Sprintf("%d %s %d %d", layer, site, first, sequences))
	p.sums[fmt.Sprintf("%d %s", layer, site)] += float64(tensors.ToScalar[float32](out[0]))
	return nil
}

func TestProbe(t *testing.T) {
	m := openOracle(t, "gqa")
	sequences := oracleTokens(t, "gqa", "forward") // three
	observe := func(batch int) *sumProbe {
		p := &sumProbe{t: t, c: m.Config(), sums: map[string]float64{}}
		if err := m.Dense().Stream(t.Context(), sequences, RunOptions{Batch: batch, Probe: p}); err != nil {
			t.Fatal(err)
		}
		return p
	}
	one, all := observe(1), observe(3)
	want := []string{"0 attention_in 0 1", "0 attention_out 0 1", "0 mlp_mid 0 1", "0 attention_in 1 1", "0 attention_out 1 1", "0 mlp_mid 1 1"}
	if len(one.calls) != m.Config().Layers*3*3 || !slices.Equal(one.calls[:len(want)], want) {
		t.Errorf("calls %v", one.calls)
	}
	if len(all.calls) != m.Config().Layers*3 {
		t.Errorf("calls of one batch: %v", all.calls)
	}
	for site, sum := range all.sums {
		if math.Abs(sum-one.sums[site]) > 1e-3 {
			t.Errorf("%s: sum %v in one batch, %v in three", site, sum, one.sums[site])
		}
	}
	if m.engine.graphs.built != 0 {
		t.Error("a probe's graphs were kept by the model")
	}
}

type failingProbe struct{ Probe }

func (failingProbe) Graph(_ Site, x *graph.Node) []*graph.Node {
	return []*graph.Node{graph.ReduceAllSum(x)}
}

var errProbe = errors.New("the probe fails")

func (failingProbe) Observe(int, Site, int, int, []*tensors.Tensor) error { return errProbe }

func TestProbeErrorIsReturned(t *testing.T) {
	m := openOracle(t, "mha")
	err := m.Dense().Stream(t.Context(), oracleTokens(t, "mha", "forward"), RunOptions{Probe: failingProbe{}})
	if !errors.Is(err, errProbe) || !strings.Contains(err.Error(), "layer 0") {
		t.Errorf("error %v", err)
	}
}

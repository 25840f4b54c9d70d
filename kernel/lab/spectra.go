package lab

import (
	"context"
	"fmt"
	"math"

	"github.com/parelab/pare/gomlxops/lowrank"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/kernel/show"
)

// Spectra draws, for every linear of a layer, the energy that is left out against the rank that is kept. The attempt's ratio
// has no say: one decomposition knows every rank.
func (l *Lab) Spectra(ctx context.Context, m *Model, a Attempt, layer int) (*show.Chart, error) {
	if a.Method == Dense {
		return nil, fmt.Errorf("method %q leaves nothing out; choose one of %v", a.Method, lowrank.Methods())
	}
	if n := m.Config().Layers; layer < 0 || layer >= n {
		return nil, fmt.Errorf("layer: expected 0 to %d, found %d", n-1, layer)
	}
	if a.Ratio == 0 {
		a.Ratio = 0.5
	}
	if err := a.check(); err != nil {
		return nil, err
	}
	given, err := l.needs(ctx, m, a)
	if err != nil {
		return nil, err
	}
	spectra, err := l.decompose(ctx, m, a, given, nil)
	if err != nil {
		return nil, err
	}
	c := &show.Chart{
		Title: fmt.Sprintf("Energy left out in layer %d by %s", layer, a.Method),
		X:     show.Axis{Label: "rank kept, of the full rank", Format: show.Percent, Min: 0, Max: 1},
		Y:     show.Axis{Label: "energy left out", Format: show.Percent, Min: 0, Max: 1},
	}
	for _, s := range spectra {
		if s.Linear.Layer == layer {
			c.Series = append(c.Series, leftOut(s))
		}
	}
	return c, nil
}

// curvePoints is how many steps of rank a curve is drawn with, at most.
const curvePoints = 64

// leftOut is the curve of one linear.
func leftOut(s *lowrank.Spectrum) show.Series {
	c, full := show.Series{Name: string(s.Linear.Kind)}, len(s.Values)
	step := (full + curvePoints - 1) / curvePoints
	for rank := 0; rank < full; rank += step {
		c.X, c.Y = append(c.X, float64(rank)/float64(full)), append(c.Y, s.Relative(rank))
	}
	c.X, c.Y = append(c.X, 1), append(c.Y, 0)
	return c
}

// Ranks draws which rank an attempt gives to every linear: layers by kinds of linear. It decomposes, and measures nothing.
func (l *Lab) Ranks(ctx context.Context, m *Model, a Attempt) (*show.HeatMap, error) {
	small, err := l.Compress(ctx, m, a, nil)
	if err != nil {
		return nil, err
	}
	if small.Allocation == nil {
		return nil, fmt.Errorf("method %q gives no ranks; choose one of %v", a.Method, lowrank.Methods())
	}
	return ranks(small.Allocation, a, m.Linears()), nil
}

func ranks(allocation *lowrank.Allocation, a Attempt, linears []transformer.Linear) *show.HeatMap {
	h := &show.HeatMap{Title: "Ranks of " + a.String(), Label: "rank", Format: show.Integer}
	byLinear(h, linears, func(i int) float64 {
		if rank := allocation.Ranks[i].Rank; rank > 0 {
			return float64(rank)
		}
		h.Caption = "A linear without a number is left dense."
		return math.NaN()
	})
	return h
}

// Spectra draws the energy left out of a layer's linears against rank, for a cell. See [Lab.Spectra].
func Spectra(m *Model, a Attempt, layer int) show.Fragment {
	return must(here().Spectra(interruptible(), m, a, layer))
}

// Ranks draws which rank an attempt gives to every linear, for a cell. See [Lab.Ranks].
func Ranks(m *Model, a Attempt) show.Fragment { return must(here().Ranks(interruptible(), m, a)) }

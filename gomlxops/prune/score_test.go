package prune_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/parelab/pare/gomlxops/covariance"
	"github.com/parelab/pare/gomlxops/importance"
	"github.com/parelab/pare/gomlxops/internal/oracle"
	"github.com/parelab/pare/gomlxops/prune"
)

// TestRoute is LLM-Pruner's whole route, on the graph's own groups: gradients, scores of weights, of groups, a plan. What is kept is what the reference
// program keeps, for every kind, aggregation, part and ratio; those whose scores lie closer together than float32 tells apart are counted and passed over.
func TestRoute(t *testing.T) {
	for _, name := range []string{"mha", "gqa"} {
		m := openOracle(t, name)
		c := m.Config()
		s, err := importance.Taylor(context.Background(), m.Dense(), tokens(t, name, "taylor"), importance.Options{})
		if err != nil {
			t.Fatal(err)
		}
		g, err := prune.Of(c)
		if err != nil {
			t.Fatal(err)
		}
		var ref struct {
			Attn map[string]map[string]map[string]scored `json:"attn"`
			MLP  map[string]map[string]map[string]kept   `json:"mlp"`
		}
		oracle.JSON(t, "models/"+name+"/importance.json", &ref)
		checked, skipped := 0, 0
		compare := func(what string, got, want []int, gap float64) {
			if gap < 1e-5 {
				skipped++
				return
			}
			checked++
			if !slices.Equal(got, want) {
				t.Errorf("%s %s: kept %v, expected %v", name, what, got, want)
			}
		}
		for _, by := range importance.TaylorCriteria {
			for _, how := range importance.Aggregations {
				scores, err := g.Scores(c, s, prune.Scoring{By: by, Members: how})
				if err != nil {
					t.Fatal(err)
				}
				for _, ratio := range []float64{0.25, 0.5} {
					plan, err := prune.Options{Ratio: ratio}.Plan(c, scores)
					if err != nil {
						t.Fatal(err)
					}
					for l, layer := range plan.Layers {
						what, at := fmt.Sprintf("layer %d %s %s %v", l, by, how, ratio), fmt.Sprintf("layers.%d", l)
						heads, channels := ref.Attn[at][string(by)][string(how)], ref.MLP[at][string(by)][string(how)]
						compare(what+" heads", layer.Heads, pickRatio(heads.kept, fmt.Sprint(ratio)), heads.gap(ratio))
						compare(what+" channels", layer.Channels, pickRatio(channels, fmt.Sprint(ratio)), channels.gap(ratio))
						for i, want := range heads.Scores {
							if off := math.Abs(scores.Heads[l][i]-want) / slices.Max(heads.Scores); off > 1e-4 {
								t.Errorf("%s head %d: score %g, expected %g", what, i, scores.Heads[l][i], want)
							}
						}
					}
				}
			}
		}
		if checked+skipped != 4*7*2*2*c.Layers || skipped > checked/4 {
			t.Errorf("%s: checked %d plans, passed over %d", name, checked, skipped)
		}
		t.Logf("%s: checked %d lists of what is kept, passed over %d", name, checked, skipped)
	}
}

// scored is what the reference says of heads.
type scored struct {
	Scores []float64 `json:"scores"`
	kept
}

func (k kept) gap(ratio float64) float64 {
	if ratio == 0.25 {
		return k.Gap25
	}
	return k.Gap50
}

// TestScoresOfHidden: a channel of the stream is scored by all weights that it runs along, and the graph's groups say which.
func TestScoresOfHidden(t *testing.T) {
	m := openOracle(t, "gqa")
	c := m.Config()
	s, err := importance.Magnitudes(context.Background(), m.Dense(), nil)
	if err != nil {
		t.Fatal(err)
	}
	g, err := prune.Of(c)
	if err != nil {
		t.Fatal(err)
	}
	scores, err := g.Scores(c, s, prune.Scoring{By: importance.L1})
	if err != nil {
		t.Fatal(err)
	}
	want, layers := make([]float64, c.HiddenSize), make([]float64, c.Layers)
	for _, shape := range c.TensorShapes() {
		w, dims, err := m.Float32(shape.Name)
		if err != nil {
			t.Fatal(err)
		}
		layer := -1 // the embedding is of none
		fmt.Sscanf(shape.Name, "model.layers.%d", &layer)
		for i, x := range w {
			at := i
			if len(dims) == 2 {
				at = i % dims[1]
				if layer >= 0 {
					layers[layer] += math.Abs(float64(x))
				}
				if dims[0] == c.HiddenSize && (dims[1] != c.HiddenSize || shape.Name[len(shape.Name)-13:] == "o_proj.weight") {
					at = i / dims[1]
				}
			}
			want[at] += math.Abs(float64(x))
		}
	}
	for what, pair := range map[string][2][]float64{"hidden": {want, scores.Hidden}, "layers": {layers, scores.Layers}} {
		if far := furthest(t, toFloat32(pair[0]), toFloat32(pair[1])); far > 1e-6 {
			t.Errorf("%s: %.2g apart", what, far)
		}
	}
}

// TestScoresByActivation: FLAP scores columns only, so that each group is scored by what reads it.
func TestScoresByActivation(t *testing.T) {
	m := openOracle(t, "gqa")
	moments, err := covariance.Collect(context.Background(), m.Dense(), tokens(t, "gqa", "calib"), covariance.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := importance.Activations(m.Dense(), moments)
	if err != nil {
		t.Fatal(err)
	}
	g, err := prune.Of(m.Config())
	if err != nil {
		t.Fatal(err)
	}
	scores, err := g.Scores(m.Config(), s, prune.Scoring{By: importance.FLAP, Units: importance.Mean})
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.Of("model.layers.1.mlp.down_proj")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(w.By[importance.FLAP].Columns, scores.Channels[1]) {
		t.Error("channels are not scored by down_proj's columns")
	}
	if w, err = s.Of("model.layers.1.self_attn.o_proj"); err != nil {
		t.Fatal(err)
	}
	columns := w.By[importance.FLAP].Columns
	for h, got := range scores.Heads[1] { // 8 channels, each the sum over four query heads
		sum := 0.0
		for _, v := range columns[h*32 : (h+1)*32] {
			sum += v / 8
		}
		if math.Abs(sum-got) > 1e-9 {
			t.Errorf("head %d: %g, expected %g", h, got, sum)
		}
	}
	if _, err := g.Scores(m.Config(), s, prune.Scoring{By: importance.ParamMix}); err == nil {
		t.Error("scores by what was not scored")
	}
}

package prune_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parelab/pare/gomlxops/prune"
	"github.com/parelab/pare/gomlxops/transformer"
)

func llama7B() *transformer.Config {
	return &transformer.Config{ModelType: "llama", VocabSize: 32000, HiddenSize: 4096, IntermediateSize: 11008, Layers: 32, Heads: 32, KVHeads: 32, HeadDim: 128,
		MaxPositions: 2048, RopeTheta: 10000, NormEps: 1e-6}
}

func llama3() *transformer.Config {
	return &transformer.Config{ModelType: "llama", VocabSize: 128256, HiddenSize: 4096, IntermediateSize: 14336, Layers: 32, Heads: 32, KVHeads: 8, HeadDim: 128,
		MaxPositions: 8192, RopeTheta: 500000, NormEps: 1e-5}
}

// TestCounts: the published sizes, of LLM-Pruner's README for LLaMA-7B and of its Llama-3 script: 25 % of layers 4 to 29.
func TestCounts(t *testing.T) {
	for _, c := range []struct {
		config      *transformer.Config
		was, is     int64
		heads, kept int
	}{
		{llama7B(), 6_738_415_616, 5_422_977_024, 24, 8256},
		{llama3(), 8_030_261_248, 6_612_586_496, 24, 10752},
	} {
		if n := prune.Params(c.config); n != c.was {
			t.Fatalf("dense: %d parameters, expected %d", n, c.was)
		}
		shapes, err := prune.Options{Ratio: 0.25, ProtectFirst: 4, ProtectLast: 2}.Shapes(c.config)
		if err != nil {
			t.Fatal(err)
		}
		small, err := c.config.WithShapes(shapes)
		if err != nil {
			t.Fatal(err)
		}
		if n := prune.Params(small); n != c.is {
			t.Errorf("%d parameters, expected %d", n, c.is)
		}
		if s := small.Shape(4); s.Heads != c.heads || s.MLP != c.kept || small.Shape(3) != c.config.Shape(3) || small.Shape(30) != c.config.Shape(30) || small.Shape(29) != s {
			t.Errorf("shapes %v", shapes)
		}
	}
}

// randomScores are scores of every unit, different ones.
func randomScores(c *transformer.Config, seed uint64) prune.Scores {
	r := rand.New(rand.NewPCG(seed, 5))
	list := func(n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = r.ExpFloat64()
		}
		return x
	}
	s := prune.Scores{Hidden: list(c.HiddenSize), Layers: list(c.Layers)}
	for l := range c.Layers {
		units, _ := prune.Units(c, l)
		s.Heads, s.Channels = append(s.Heads, list(units)), append(s.Channels, list(c.Shape(l).MLP))
	}
	return s
}

// small is a model of four layers that differ from one another in nothing.
func small() *transformer.Config {
	return &transformer.Config{ModelType: "llama", VocabSize: 50, HiddenSize: 48, IntermediateSize: 100, Layers: 4, Heads: 6, KVHeads: 3, HeadDim: 8, MaxPositions: 64,
		RopeTheta: 10000, NormEps: 1e-6}
}

// TestLocal: every open layer keeps its own highest, as many as the formula says.
func TestLocal(t *testing.T) {
	c := small()
	s := randomScores(c, 1)
	plan, err := prune.Options{Ratio: 0.4, ProtectFirst: 1, Round: 16}.Plan(c, s)
	if err != nil {
		t.Fatal(err)
	}
	for l, layer := range plan.Layers {
		heads, channels := 2, 64 // 24 − int(24·0.6) = 10 rows are one head; 100 − 60 are 40 channels, and 60 kept are 64 rounded up
		if l == 0 {
			heads, channels = 3, 100
		}
		if len(layer.Heads) != heads || len(layer.Channels) != channels {
			t.Errorf("layer %d keeps %d heads and %d channels, expected %d and %d", l, len(layer.Heads), len(layer.Channels), heads, channels)
		}
		for what, pair := range map[string][2][]float64{"heads": {s.Heads[l], at(s.Heads[l], layer.Heads)}, "channels": {s.Channels[l], at(s.Channels[l], layer.Channels)}} {
			slices.Sort(pair[0])
			slices.Sort(pair[1])
			if d := cmp.Diff(pair[0][len(pair[0])-len(pair[1]):], pair[1]); d != "" {
				t.Errorf("layer %d: kept %s are not the highest: %s", l, what, d)
			}
		}
	}
}

// TestRatiosOfDecimals: a ratio means what is written, though 1−0.8 and 1−0.9 lie below 0.2 and 0.1 in binary.
func TestRatiosOfDecimals(t *testing.T) {
	c := small()
	checked := 0
	for tenths := 1; tenths < 10; tenths++ {
		plan, err := prune.Options{Ratio: float64(tenths) / 10, KeepHeads: true}.Plan(c, randomScores(c, 1))
		if err != nil {
			t.Fatal(err)
		}
		checked++
		if n := len(plan.Layers[0].Channels); n != 100-10*tenths {
			t.Errorf("ratio %v leaves %d of 100 channels", float64(tenths)/10, n)
		}
	}
	if checked != 9 {
		t.Error("nothing checked")
	}
}

func at(x []float64, indices []int) (list []float64) {
	for _, i := range indices {
		list = append(list, x[i])
	}
	return list
}

// TestAcross: with scores of one order, all units compete; a head counts as one unit, or by its weights; the last of a layer stays.
func TestAcross(t *testing.T) {
	c := small()
	s := randomScores(c, 2)
	for l := range s.Heads { // heads of layer 2 are worth nothing, those of others everything
		for i := range s.Heads[l] {
			s.Heads[l][i] = 1e6
			if l == 2 {
				s.Heads[l][i] = -1
			}
		}
	}
	for _, scope := range []prune.Scope{prune.Global, prune.Budget, prune.Density} {
		plan, err := prune.Options{Ratio: 0.3, Scope: scope}.Plan(c, s)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(plan.Layers[2].Heads); n != 1 {
			t.Errorf("%s: layer 2 keeps %d heads, expected the last one to stay", scope, n)
		}
		was, is, threshold, lowest := 0, 0, math.Inf(-1), math.Inf(1)
		headWeights, channelWeights := 6*8*48, 3*48
		if scope == prune.Global {
			headWeights, channelWeights = 1, 1
		}
		for l, layer := range plan.Layers {
			was += 3*headWeights + 100*channelWeights
			is += len(layer.Heads)*headWeights + len(layer.Channels)*channelWeights
			for i, v := range s.Channels[l] {
				if slices.Contains(layer.Channels, i) {
					lowest = min(lowest, v)
				} else {
					threshold = max(threshold, v)
				}
			}
		}
		if goal := was - int(float64(was)*0.7); was-is < goal || was-is-goal >= channelWeights {
			t.Errorf("%s: %d of %d go, expected %d", scope, was-is, was, goal)
		}
		if threshold > lowest {
			t.Errorf("%s: a channel of score %v goes, one of %v stays", scope, threshold, lowest)
		}
	}
}

// TestSteps: an iterative schedule arrives where one step does, in as many cuts as asked for, and each step counts from the first model.
func TestSteps(t *testing.T) {
	initial := small()
	c := initial
	o := prune.Options{Ratio: 0.5, Steps: 5, KeepHeads: true}
	for i, want := range []int{90, 80, 70, 60, 50} {
		plan, err := o.Step(i+1, initial, c, randomScores(c, uint64(i)))
		if err != nil {
			t.Fatal(err)
		}
		if c, err = plan.Config(c); err != nil {
			t.Fatal(err)
		}
		if c.IntermediateSize != want || c.KVHeads != 3 {
			t.Errorf("step %d: %d channels, %d heads, expected %d and 3", i+1, c.IntermediateSize, c.KVHeads, want)
		}
	}
	if _, err := o.Step(6, initial, c, randomScores(c, 0)); err == nil {
		t.Error("a step behind the last")
	}
}

// TestOtherPlans: hidden channels and whole layers.
func TestOtherPlans(t *testing.T) {
	c := small()
	s := randomScores(c, 3)
	plan, err := prune.Options{Ratio: 0.25, Round: 8}.ChannelPlan(c, s)
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Hidden) != 40 { // 36 rounded up
		t.Errorf("%d hidden channels", len(plan.Hidden))
	}
	cut, err := plan.Config(c)
	if err != nil {
		t.Fatal(err)
	}
	if cut.HiddenSize != 40 || cut.HeadDim != 8 || cut.Heads != 6 {
		t.Errorf("hidden %d, %d heads of %d", cut.HiddenSize, cut.Heads, cut.HeadDim)
	}
	for _, x := range []struct {
		scores []float64
		want   []int
	}{{nil, []int{0, 3}}, {[]float64{1, 9, 2, 1}, []int{0, 3}}, {[]float64{0, 3, 4, 0}, []int{0, 3}}} {
		layers, err := prune.Options{Ratio: 0.5, ProtectFirst: 1, ProtectLast: 1}.LayerPlan(c, prune.Scores{Layers: x.scores})
		if err != nil {
			t.Fatal(err)
		}
		var kept []int
		for _, l := range layers.Layers {
			kept = append(kept, l.Index)
		}
		if d := cmp.Diff(x.want, kept); d != "" {
			t.Errorf("scores %v (-want +got):\n%s", x.scores, d)
		}
	}
	for ratio, want := range map[float64]int{0: 4, 0.01: 3, 0.34: 3, 0.37: 3, 0.38: 2, 0.74: 1} {
		if plan, err := (prune.Options{Ratio: ratio}).LayerPlan(c, prune.Scores{}); err != nil || len(plan.Layers) != want {
			t.Errorf("ratio %v: expected %d of 4 layers, found %v (%v)", ratio, want, plan, err)
		}
	}
	layers, err := prune.Options{Ratio: 0.5}.LayerPlan(c, prune.Scores{})
	if err != nil || len(layers.Layers) != 2 || layers.Layers[1].Index != 1 {
		t.Errorf("without scores the first layers stay: %v, %v", layers, err)
	}
}

// TestBadOptions: whatever cannot be done is said before any work.
func TestBadOptions(t *testing.T) {
	c, s := small(), randomScores(small(), 4)
	broken := randomScores(c, 4)
	broken.Channels[3][7] = math.NaN()
	short := randomScores(c, 4)
	short.Heads = short.Heads[:2]
	checked := 0
	for want, plan := range map[string]func() (*prune.Plan, error){
		"below 1, found 1":      func() (*prune.Plan, error) { return prune.Options{Ratio: 1}.Plan(c, s) },
		"found NaN: at 1":       func() (*prune.Plan, error) { return prune.Options{Ratio: math.NaN()}.Plan(c, s) },
		"below 1, found -0.1":   func() (*prune.Plan, error) { return prune.Options{Ratio: -0.1}.Plan(c, s) },
		"none of the 3 heads":   func() (*prune.Plan, error) { return prune.Options{Ratio: 0.97}.Plan(c, s) },
		"none of the 100 MLP":   func() (*prune.Plan, error) { return prune.Options{Ratio: 0.995, KeepHeads: true}.Plan(c, s) },
		"none of the 48 hidden": func() (*prune.Plan, error) { return prune.Options{Ratio: 0.99}.ChannelPlan(c, s) },
		"takes 3 of 4 layers":   func() (*prune.Plan, error) { return prune.Options{Ratio: 0.75, ProtectFirst: 2}.LayerPlan(c, s) },
		"fewer than the model's 4, found the first 3 and the last 1": func() (*prune.Plan, error) {
			return prune.Options{Ratio: 0.1, ProtectFirst: 3, ProtectLast: 1}.Plan(c, s)
		},
		"at least 0, found -1":         func() (*prune.Plan, error) { return prune.Options{ProtectFirst: -1}.Plan(c, s) },
		"both kept":                    func() (*prune.Plan, error) { return prune.Options{KeepHeads: true, KeepChannels: true}.Plan(c, s) },
		`found "wide"`:                 func() (*prune.Plan, error) { return prune.Options{Scope: "wide"}.Plan(c, s) },
		"no more than":                 func() (*prune.Plan, error) { return prune.Options{Ratio: 0.99, Scope: prune.Density}.Plan(c, s) },
		"remove: expected":             func() (*prune.Plan, error) { return prune.Options{Remove: 7, Scope: prune.Global}.Plan(c, s) },
		"channels, found -8":           func() (*prune.Plan, error) { return prune.Options{Round: -8}.Plan(c, s) },
		"steps: expected":              func() (*prune.Plan, error) { return prune.Options{Steps: -1}.Step(1, c, c, s) },
		"layer 3: expected finite":     func() (*prune.Plan, error) { return prune.Options{Ratio: 0.1}.Plan(c, broken) },
		"layer 2 has none":             func() (*prune.Plan, error) { return prune.Options{Ratio: 0.1}.Plan(c, short) },
		"all layers share":             func() (*prune.Plan, error) { return prune.Options{Ratio: 0.1, ProtectLast: 1}.ChannelPlan(c, s) },
		"hidden channels: expected 48": func() (*prune.Plan, error) { return prune.Options{Ratio: 0.1}.ChannelPlan(c, prune.Scores{}) },
		"scores of layers: expected 4": func() (*prune.Plan, error) {
			return prune.Options{Ratio: 0.1}.LayerPlan(c, prune.Scores{Layers: []float64{1}})
		},
	} {
		checked++
		if _, err := plan(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("expected an error with %q, found %v", want, err)
		}
	}
	if checked != 20 {
		t.Errorf("checked %d", checked)
	}
}

package evaluate

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/internal/oracle"
	"github.com/parelab/pare/gomlxops/transformer"
)

func open(t *testing.T, name string) (*transformer.Model, map[string][][]int32) {
	t.Helper()
	m, err := transformer.Open(oracle.Path(t, "models/"+name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	var tokens map[string][][]int32
	oracle.JSON(t, "models/"+name+"/tokens.json", &tokens)
	return m, tokens
}

// lossTolerance is a twentieth of what the oracle allows a float32 implementation; measured 3e-7.
const lossTolerance = 5e-6

func TestPerplexityMatchesReference(t *testing.T) {
	checked := 0
	for _, name := range []string{"mha", "gqa"} {
		m, tokens := open(t, name)
		var want struct {
			Loss        float64   `json:"loss"`
			Perplexity  float64   `json:"perplexity"`
			PerSequence []float64 `json:"loss_per_sequence"`
			Heldout     float64   `json:"heldout_loss"`
		}
		oracle.JSON(t, "models/"+name+"/forward.json", &want)
		p, err := MeasurePerplexity(context.Background(), m.Dense(), tokens["forward"], Protocol{Data: "oracle", Split: "forward"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if d := math.Abs(p.Loss - want.Loss); d > lossTolerance || math.Abs(p.Value/want.Perplexity-1) > lossTolerance {
			t.Errorf("%s: loss %v, perplexity %v, want %v, %v", name, p.Loss, p.Value, want.Loss, want.Perplexity)
		}
		mean, n := 0.0, float64(len(want.PerSequence))
		for _, l := range want.PerSequence {
			mean += l / n
		}
		variance := 0.0
		for _, l := range want.PerSequence {
			variance += (l - mean) * (l - mean) / (n - 1)
		}
		if se := math.Sqrt(variance / n); math.Abs(p.StdErr-se) > lossTolerance || se == 0 {
			t.Errorf("%s: standard error %v, want %v", name, p.StdErr, se)
		}
		if p.Blocks != 3 || p.Length != 20 || p.Tokens != 60 || p.Predictions != 57 || p.Interval[0] >= p.Value || p.Interval[1] <= p.Value || len(p.Warnings) != 1 {
			t.Errorf("%s: %+v", name, p)
		}
		h, err := MeasurePerplexity(context.Background(), m.Dense(), tokens["heldout"], Protocol{Batch: 3}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if d := math.Abs(h.Loss - want.Heldout); d > lossTolerance {
			t.Errorf("%s: held-out loss %v, want %v", name, h.Loss, want.Heldout)
		}
		t.Logf("%s: losses apart by %.2g and %.2g", name, math.Abs(p.Loss-want.Loss), math.Abs(h.Loss-want.Heldout))
		checked++
	}
	if checked != 2 {
		t.Errorf("%d models checked", checked)
	}
}

func TestPerplexityRefuses(t *testing.T) {
	m, tokens := open(t, "mha")
	broken := make([]float32, 48*48)
	for i := range broken {
		broken[i] = 3e38
	}
	huge, err := m.With(map[string]transformer.Form{"model.layers.1.self_attn.o_proj": &transformer.Dense{Out: 48, In: 48, W: broken}})
	if err != nil {
		t.Fatal(err)
	}
	bos := tokens["heldout"]
	for _, c := range []struct {
		name   string
		v      *transformer.Variant
		blocks [][]int32
		p      Protocol
		want   string
	}{
		{"none", m.Dense(), nil, Protocol{Data: "d", Split: "s"}, "on d (s): blocks: expected at least one"},
		{"one token", m.Dense(), [][]int32{{1}}, Protocol{}, "at least 2"},
		{"unequal", m.Dense(), [][]int32{{1, 2}, {1, 2, 3}}, Protocol{}, "sequence 1"},
		{"vocabulary", m.Dense(), [][]int32{{1, 101}}, Protocol{}, "101"},
		{"start token", m.Dense(), [][]int32{{int32(m.Config().BOS), 5}, {99, 5}}, Protocol{BOS: true}, "block 1 to begin with the start token"},
		{"not finite", huge, bos, Protocol{}, "sequence 0"},
	} {
		_, err := MeasurePerplexity(context.Background(), c.v, c.blocks, c.p, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

func TestSummarise(t *testing.T) {
	var p Perplexity
	if err := p.summarise([]float64{10, math.NaN()}, 5); err == nil || !strings.Contains(err.Error(), "block 1 is NaN") {
		t.Errorf("a loss that is no number: %v", err)
	}
	p = Perplexity{}
	if err := p.summarise([]float64{10}, 5); err != nil || p.Loss != 2 || p.StdErr != 0 || p.Interval != nil || !strings.Contains(p.Warnings[0], "one block") {
		t.Errorf("one block: %+v, %v", p, err)
	}
	p = Perplexity{}
	if err := p.summarise([]float64{5000, 5010}, 5); err != nil || p.Value != math.MaxFloat64 || !strings.Contains(p.Warnings[0], "beyond float64") {
		t.Errorf("overflow: %+v, %v", p, err)
	}
	if _, err := json.Marshal(p); err != nil {
		t.Errorf("overflow as JSON: %v", err)
	}
}

// The keys are what others may count on.
func TestStableKeys(t *testing.T) {
	for _, c := range []struct {
		value any
		want  string
	}{
		{Perplexity{Interval: []float64{1, 2}, Warnings: []string{""}},
			"backend blocks bos compute data digest dtype interval joiner length loss perplexity predictions seconds split std_err tokens warnings"},
		{Sizes{}, "bytes dense_linear_params dense_params dtype linear_params params removed removed_whole"},
		{Choices{}, "acc acc_bytes acc_norm backend chance compute dtype n seconds tokens truncated"},
		{Operations{}, "attention head length linears per_token sequence"},
		{Latency{}, "backend batch high length low median repeats"},
		{Throughput{}, "backend best blocks length repeats tokens tokens_per_second worst"},
	} {
		text, err := json.Marshal(c.value)
		if err != nil {
			t.Fatal(err)
		}
		var fields map[string]any
		if err := json.Unmarshal(text, &fields); err != nil {
			t.Fatal(err)
		}
		var keys []string
		for k := range fields {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		if got := strings.Join(keys, " "); got != c.want {
			t.Errorf("%T: keys %s, want %s", c.value, got, c.want)
		}
	}
}

func TestSizeCounts(t *testing.T) {
	for _, name := range []string{"mha", "gqa"} {
		m, _ := open(t, name)
		dense := Size(m.Dense())
		if dense.Params != m.Params() || dense.Params != dense.DenseParams || dense.LinearParams != dense.DenseLinearParams || dense.Removed != 0 || dense.RemovedWhole != 0 {
			t.Errorf("%s dense: %+v", name, dense)
		}
		l := m.Linears()[6]
		f := &transformer.Factored{Rank: 3, A: make([]float32, 3*l.In), B: make([]float32, 3*l.Out), Bias: make([]float32, l.Out)}
		v, err := m.With(map[string]transformer.Form{l.Name: f})
		if err != nil {
			t.Fatal(err)
		}
		s, gone := Size(v), int64(l.Out*l.In-3*(l.Out+l.In)-l.Out)
		if dense.Params-s.Params != gone || dense.LinearParams-s.LinearParams != gone || s.DenseParams != dense.Params ||
			math.Abs(s.Removed-float64(gone)/float64(dense.LinearParams)) > 1e-12 || math.Abs(s.RemovedWhole-float64(gone)/float64(dense.Params)) > 1e-12 {
			t.Errorf("%s: %d gone, %+v", name, gone, s)
		}
		if s.Bytes != s.Params*bytesOf(s.DType) {
			t.Errorf("%s: %d bytes of %d %s", name, s.Bytes, s.Params, s.DType)
		}
	}
	if bytesOf("bfloat16") != 2 || bytesOf("float32") != 4 {
		t.Error("widths are wrong")
	}
}

func TestThroughput(t *testing.T) {
	m, tokens := open(t, "mha")
	r, err := MeasureThroughput(context.Background(), m.Dense(), tokens["heldout"], 3)
	if err != nil {
		t.Fatal(err)
	}
	if r.Repeats != 3 || r.Tokens != 8*32 || !(0 < r.Worst && r.Worst <= r.TokensPerSecond && r.TokensPerSecond <= r.Best) {
		t.Errorf("%+v", r)
	}
	if _, err := MeasureThroughput(context.Background(), m.Dense(), nil, 0); err == nil {
		t.Error("no blocks were accepted")
	}
	if _, err := MeasureThroughput(context.Background(), m.Dense(), tokens["heldout"], -1); err == nil {
		t.Error("-1 repeats were accepted")
	}
}

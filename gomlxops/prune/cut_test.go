package prune_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/internal/oracle"
	"github.com/parelab/pare/gomlxops/prune"
	"github.com/parelab/pare/gomlxops/transformer"
)

func open(t *testing.T, dir string) *transformer.Model {
	t.Helper()
	m, err := transformer.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func openOracle(t *testing.T, name string) *transformer.Model {
	return open(t, filepath.Dir(oracle.Path(t, "models/"+name+"/config.json")))
}

func tokens(t *testing.T, name, batch string) [][]int32 {
	t.Helper()
	var all map[string][][]int32
	oracle.JSON(t, "models/"+name+"/tokens.json", &all)
	if len(all[batch]) == 0 {
		t.Fatalf("%s has no tokens %q", name, batch)
	}
	return all[batch]
}

func cut(t *testing.T, v *transformer.Variant, p *prune.Plan, opt prune.CutOptions) *transformer.Model {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "cut")
	if err := prune.Cut(context.Background(), dir, v, p, opt); err != nil {
		t.Fatal(err)
	}
	return open(t, dir)
}

func loss(t *testing.T, v *transformer.Variant, sequences [][]int32) float64 {
	t.Helper()
	l, err := v.Losses(context.Background(), sequences, transformer.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, s := range l.Sum {
		sum += s
	}
	return sum / float64(len(l.Sum)*l.Predictions)
}

func logits(t *testing.T, v *transformer.Variant, sequences [][]int32) []float32 {
	t.Helper()
	x, err := v.Logits(context.Background(), sequences)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// furthest is the largest difference of two lists, relative to the largest number where that is above 1.
func furthest(t *testing.T, a, b []float32) float64 {
	t.Helper()
	if len(a) != len(b) || len(a) == 0 {
		t.Fatalf("%d and %d numbers", len(a), len(b))
	}
	far, scale := 0.0, 1.0
	for i := range a {
		far, scale = max(far, math.Abs(float64(a[i]-b[i]))), max(scale, math.Abs(float64(a[i])))
	}
	return far / scale
}

// masked is the obvious twin of a cut model: the dense one with the columns of o and down that read what goes at zero.
func masked(t *testing.T, m *transformer.Model, p *prune.Plan) *transformer.Variant {
	t.Helper()
	c, forms := m.Config(), map[string]transformer.Form{}
	for _, l := range m.Linears() {
		if l.Kind != transformer.Output && l.Kind != transformer.Down {
			continue
		}
		layer := p.Layers[l.Layer]
		kept := map[int]bool{}
		if l.Kind == transformer.Down {
			for _, i := range layer.Channels {
				kept[i] = true
			}
		} else {
			rows := c.HeadDim * c.Heads / c.KVHeads
			if _, queries := prune.Units(c, l.Layer); queries {
				rows = c.HeadDim
			}
			for _, h := range layer.Heads {
				for i := range rows {
					kept[h*rows+i] = true
				}
			}
		}
		w, shape, err := m.Float32(l.Name + ".weight")
		if err != nil {
			t.Fatal(err)
		}
		for i := range w {
			if !kept[i%shape[1]] {
				w[i] = 0
			}
		}
		dense := &transformer.Dense{Out: l.Out, In: l.In, W: w}
		if l.Bias {
			if dense.Bias, _, err = m.Float32(l.Name + ".bias"); err != nil {
				t.Fatal(err)
			}
		}
		forms[l.Name] = dense
	}
	v, err := m.With(forms)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestMasking is identity 21: a cut model gives the logits of the dense one with the columns that read what is gone at zero.
func TestMasking(t *testing.T) {
	checked := 0
	for _, name := range []string{"mha", "gqa"} {
		m := openOracle(t, name)
		for i, o := range []prune.Options{{Ratio: 0.5}, {Ratio: 0.3, ProtectFirst: 1}, {Ratio: 0.6, KeepHeads: true, Round: 8}, {Ratio: 0.5, KeepChannels: true}, {Ratio: 0.4, Scope: prune.Global}, {Ratio: 0.3, Scope: prune.Budget}} {
			plan, err := o.Plan(m.Config(), randomScores(m.Config(), uint64(10+i)))
			if err != nil {
				t.Fatal(err)
			}
			small := cut(t, m.Dense(), plan, prune.CutOptions{})
			if far := furthest(t, logits(t, masked(t, m, plan), tokens(t, name, "forward")), logits(t, small.Dense(), tokens(t, name, "forward"))); far > 1e-5 {
				t.Errorf("%s %+v: logits differ by %.2g", name, o, far)
			}
			want, err := plan.Config(m.Config())
			if err != nil {
				t.Fatal(err)
			}
			if small.Params() != prune.Params(want) || small.Params() >= m.Params() {
				t.Errorf("%s %+v: %d parameters, expected %d, fewer than %d", name, o, small.Params(), prune.Params(want), m.Params())
			}
			closure(t, m, plan, small)
			checked++
		}
	}
	if checked != 12 {
		t.Fatalf("checked %d", checked)
	}
}

// closure is identity 22: what a linear reads is as wide as what makes it, q has n·d rows and k and v kv·d, and the rows that are left are
// those of the heads that the plan keeps.
func closure(t *testing.T, m *transformer.Model, p *prune.Plan, small *transformer.Model) {
	t.Helper()
	c := m.Config()
	byName := map[string]transformer.Linear{}
	for _, l := range small.Linears() {
		byName[fmt.Sprint(l.Layer, l.Kind)] = l
	}
	for i, layer := range p.Layers {
		of := func(k transformer.Kind) transformer.Linear { return byName[fmt.Sprint(i, k)] }
		s, rep, d := small.Config().Shape(i), c.Shape(layer.Index).Heads/c.Shape(layer.Index).KVHeads, c.HeadDim
		if of(transformer.Query).Out != s.Heads*d || of(transformer.Key).Out != s.KVHeads*d || of(transformer.Value).Out != s.KVHeads*d || s.Heads != s.KVHeads*rep ||
			of(transformer.Output).In != of(transformer.Query).Out || of(transformer.Down).In != of(transformer.Up).Out || of(transformer.Gate).Out != s.MLP {
			t.Errorf("layer %d: shapes %v do not close", i, s)
		}
		for k, rows := range map[transformer.Kind]int{transformer.Query: rep * d, transformer.Key: d, transformer.Value: d} {
			was, shape, err := m.Float32(fmt.Sprintf("model.layers.%d.self_attn.%s.weight", layer.Index, k))
			if err != nil {
				t.Fatal(err)
			}
			is, _, err := small.Float32(of(k).Name + ".weight")
			if err != nil {
				t.Fatal(err)
			}
			for at, h := range layer.Heads {
				n := rows * shape[1]
				if !slices.Equal(was[h*n:(h+1)*n], is[at*n:(at+1)*n]) {
					t.Errorf("layer %d: head %d of %s is not head %d of the model", i, at, k, h)
				}
			}
		}
	}
}

// kept is what the reference program keeps at each ratio, of heads or of channels.
type kept struct {
	At25  []int   `json:"kept_0.25"`
	Gap25 float64 `json:"threshold_gap_0.25"`
	At50  []int   `json:"kept_0.5"`
	Gap50 float64 `json:"threshold_gap_0.5"`
}

// TestOracle cuts what the reference program keeps and compares the loss on held-out text.
func TestOracle(t *testing.T) {
	for _, name := range []string{"mha", "gqa"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of the time goes into putting models on disk
			compareWithOracle(t, name)
		})
	}
}

func compareWithOracle(t *testing.T, name string) {
	var ref struct {
		Attn   map[string]map[string]map[string]kept `json:"attn"`
		MLP    map[string]map[string]map[string]kept `json:"mlp"`
		Pruned map[string]map[string]float64         `json:"pruned"`
		Dense  float64                               `json:"heldout_loss_dense"`
	}
	oracle.JSON(t, "models/"+name+"/importance.json", &ref)
	m := openOracle(t, name)
	held := tokens(t, name, "heldout")
	if l := loss(t, m.Dense(), held); math.Abs(l-ref.Dense) > 1e-4 {
		t.Fatalf("dense: loss %.6f, expected %.6f", l, ref.Dense)
	}
	checked := 0
	seen := map[string]float64{} // many kinds and aggregations keep the same
	for _, key := range slices.Sorted(maps.Keys(ref.Pruned)) {
		kind, how, ratio := split(t, key)
		for part, want := range ref.Pruned[key] {
			plan := prune.Whole(m.Config())
			for l := range plan.Layers {
				layer := fmt.Sprintf("layers.%d", l)
				if part != "mlp_only" {
					plan.Layers[l].Heads = pickRatio(ref.Attn[layer][kind][how], ratio)
				}
				if part != "attn_only" {
					plan.Layers[l].Channels = pickRatio(ref.MLP[layer][kind][how], ratio)
				}
			}
			what := fmt.Sprint(plan.Layers)
			got, known := seen[what]
			if !known {
				got = loss(t, cut(t, m.Dense(), plan, prune.CutOptions{}).Dense(), held)
				seen[what] = got
			}
			if math.Abs(got-want) > 1e-4 {
				t.Errorf("%s %s: loss %.6f, expected %.6f", key, part, got, want)
			}
			checked++
		}
	}
	if checked != 3*56 {
		t.Fatalf("checked %d losses", checked)
	}
	t.Logf("%d losses of %d different models", checked, len(seen))
}

func split(t *testing.T, key string) (kind, how, ratio string) {
	t.Helper()
	kind, rest, _ := strings.Cut(key, ".")
	how, ratio, ok := strings.Cut(rest, ".")
	if !ok {
		t.Fatalf("key %q", key)
	}
	return kind, how, ratio
}

func pickRatio(k kept, ratio string) []int {
	if ratio == "0.25" {
		return k.At25
	}
	return k.At50
}

// TestHowMany compares the number that goes with the reference program's, for every layer, kind, aggregation and ratio, from its own scores where
// they are given.
func TestHowMany(t *testing.T) {
	checked := 0
	for _, name := range []string{"mha", "gqa"} {
		c := oracleConfig(t, name)
		var ref struct {
			Attn map[string]map[string]map[string]struct {
				Scores []float64 `json:"scores"`
				kept
			} `json:"attn"`
		}
		oracle.JSON(t, "models/"+name+"/importance.json", &ref)
		kinds := ref.Attn["layers.0"]
		for _, kind := range slices.Sorted(maps.Keys(kinds)) {
			for how := range kinds[kind] {
				s := randomScores(c, 3)
				for l := range c.Layers {
					s.Heads[l] = ref.Attn[fmt.Sprintf("layers.%d", l)][kind][how].Scores
				}
				for _, ratio := range []float64{0.25, 0.5} {
					plan, err := prune.Options{Ratio: ratio, KeepChannels: true}.Plan(c, s)
					if err != nil {
						t.Fatal(err)
					}
					for l, layer := range plan.Layers {
						if want := pickRatio(ref.Attn[fmt.Sprintf("layers.%d", l)][kind][how].kept, fmt.Sprint(ratio)); !slices.Equal(want, layer.Heads) {
							t.Errorf("%s %s %s %v layer %d: heads %v, expected %v", name, kind, how, ratio, l, layer.Heads, want)
						}
						checked++
					}
				}
			}
		}
	}
	if checked != 2*28*(3+2) {
		t.Errorf("checked %d lists of heads", checked)
	}
}

// TestHidden is identity 21's second half: a model without some channels of the stream is not the dense one with these channels at zero, since its norms
// divide by the number that is left. It is, where the norms' gains make up for it.
func TestHidden(t *testing.T) {
	for _, name := range []string{"mha", "gqa"} {
		m := openOracle(t, name)
		c := m.Config()
		plan, err := prune.Options{Ratio: 0.25}.ChannelPlan(c, randomScores(c, 5))
		if err != nil {
			t.Fatal(err)
		}
		small := cut(t, m.Dense(), plan, prune.CutOptions{})
		if small.Config().HiddenSize != c.HiddenSize*3/4 || small.Config().HeadDim != c.HeadDim {
			t.Fatalf("%s: hidden %d, head_dim %d", name, small.Config().HiddenSize, small.Config().HeadDim)
		}
		got := logits(t, small.Dense(), tokens(t, name, "forward"))
		naive := logits(t, open(t, maskHidden(t, m, plan.Hidden, 1)).Dense(), tokens(t, name, "forward"))
		if far := furthest(t, naive, got); far < 1e-3 {
			t.Errorf("%s: cutting hidden channels is the same as zeroing them, to %.2g: the norms divide by the wrong number", name, far)
		}
		// ‖x‖²/d' + ε = (d/d')·(‖x‖²/d + ε·d'/d), so gains times √(d'/d) and a smaller ε put the dense model's norms right.
		put := logits(t, open(t, maskHidden(t, m, plan.Hidden, math.Sqrt(float64(len(plan.Hidden))/float64(c.HiddenSize)))).Dense(), tokens(t, name, "forward"))
		if far := furthest(t, put, got); far > 1e-5 {
			t.Errorf("%s: with the norms put right logits differ by %.2g", name, far)
		}
	}
}

// maskHidden writes the dense model with what makes the other hidden channels at zero, and the norms' gains times gain.
func maskHidden(t *testing.T, m *transformer.Model, keptChannels []int, gain float64) string {
	t.Helper()
	tensors := map[string][]float32{}
	for _, s := range m.Config().TensorShapes() {
		w, shape, err := m.Float32(s.Name)
		if err != nil {
			t.Fatal(err)
		}
		at, width := len(shape)-1, 1 // the stream's axis: columns, but rows of what adds to it
		if strings.Contains(s.Name, "o_proj") || strings.Contains(s.Name, "down_proj") {
			at, width = 0, shape[1]
		}
		for i := range w {
			if !slices.Contains(keptChannels, i/width%shape[at]) {
				w[i] = 0
			} else if len(shape) == 1 {
				w[i] *= float32(gain)
			}
		}
		tensors[s.Name] = w
	}
	dir := filepath.Join(t.TempDir(), "masked")
	c := *m.Config()
	c.NormEps *= gain * gain
	if err := transformer.SaveTensors(context.Background(), dir, &c, tensors, "F32", nil); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestLayers: a model without a layer is the dense one in which the layer adds nothing.
func TestLayers(t *testing.T) {
	m := openOracle(t, "mha")
	plan, err := prune.Options{Ratio: 1.0 / 3}.LayerPlan(m.Config(), prune.Scores{Layers: []float64{2, 1, 3}})
	if err != nil {
		t.Fatal(err)
	}
	small := cut(t, m.Dense(), plan, prune.CutOptions{})
	if small.Config().Layers != 2 {
		t.Fatalf("%d layers", small.Config().Layers)
	}
	forms := map[string]transformer.Form{}
	for _, l := range m.Linears() {
		if l.Layer == 1 && (l.Kind == transformer.Output || l.Kind == transformer.Down) {
			forms[l.Name] = &transformer.Dense{Out: l.Out, In: l.In, W: make([]float32, l.Out*l.In)}
		}
	}
	silent, err := m.With(forms)
	if err != nil {
		t.Fatal(err)
	}
	if far := furthest(t, logits(t, silent, tokens(t, "mha", "forward")), logits(t, small.Dense(), tokens(t, "mha", "forward"))); far > 1e-5 {
		t.Errorf("logits differ by %.2g", far)
	}
}

// TestFactored: a variant held as factors is cut as factors, and gives what the masked variant gives.
func TestFactored(t *testing.T) {
	m := openOracle(t, "gqa")
	r := rand.New(rand.NewPCG(6, 6))
	forms := map[string]transformer.Form{}
	for i, l := range m.Linears() {
		if i%2 == 0 {
			continue
		}
		f := &transformer.Factored{Rank: 7, B: make([]float32, l.Out*7), A: make([]float32, 7*l.In)}
		for _, w := range [][]float32{f.A, f.B} {
			for j := range w {
				w[j] = float32(r.NormFloat64() / 8)
			}
		}
		if i%4 == 1 {
			f.Bias = make([]float32, l.Out)
			f.Bias[i%l.Out] = 0.5
		}
		forms[l.Name] = f
	}
	v, err := m.With(forms)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := prune.Options{Ratio: 0.5}.Plan(m.Config(), randomScores(m.Config(), 7))
	if err != nil {
		t.Fatal(err)
	}
	small := cut(t, v, plan, prune.CutOptions{})
	for name, f := range forms { // the mask: columns of A, or of the matrix
		l, _ := m.Linear(name)
		if l.Kind != transformer.Output && l.Kind != transformer.Down {
			continue
		}
		zeroColumns(f.(*transformer.Factored).A, l.In, m.Config(), l, plan)
	}
	for _, l := range m.Linears() {
		if _, ok := forms[l.Name]; ok || l.Kind != transformer.Output && l.Kind != transformer.Down {
			continue
		}
		w, _, err := m.Float32(l.Name + ".weight")
		if err != nil {
			t.Fatal(err)
		}
		zeroColumns(w, l.In, m.Config(), l, plan)
		forms[l.Name] = &transformer.Dense{Out: l.Out, In: l.In, W: w}
	}
	if v, err = m.With(forms); err != nil {
		t.Fatal(err)
	}
	if far := furthest(t, logits(t, v, tokens(t, "gqa", "forward")), logits(t, small.Dense(), tokens(t, "gqa", "forward"))); far > 1e-5 {
		t.Errorf("logits differ by %.2g", far)
	}
}

func zeroColumns(w []float32, in int, c *transformer.Config, l transformer.Linear, p *prune.Plan) {
	unit, list := 1, p.Layers[l.Layer].Channels
	if l.Kind == transformer.Output {
		unit, list = c.HeadDim*c.Heads/c.KVHeads, p.Layers[l.Layer].Heads
	}
	for i := range w {
		if !slices.Contains(list, i%in/unit) {
			w[i] = 0
		}
	}
}

// TestStock: equal layers make a directory that any program loads, layers that differ one that says what it is.
func TestStock(t *testing.T) {
	m := openOracle(t, "gqa")
	for _, c := range []struct {
		o     prune.Options
		stock bool
	}{{prune.Options{Ratio: 0.5}, true}, {prune.Options{Ratio: 0.5, ProtectLast: 1}, false}} {
		plan, err := c.o.Plan(m.Config(), randomScores(m.Config(), 1))
		if err != nil {
			t.Fatal(err)
		}
		small := cut(t, m.Dense(), plan, prune.CutOptions{})
		text, err := os.ReadFile(filepath.Join(small.Dir(), "config.json"))
		if err != nil {
			t.Fatal(err)
		}
		if stock := strings.Contains(string(text), `"model_type": "llama"`) && !strings.Contains(string(text), "pare"); stock != c.stock {
			t.Errorf("%+v: a stock model: %v, expected %v:\n%s", c.o, stock, c.stock, text)
		}
		if got, err := plan.Config(m.Config()); err != nil || got.Shape(0) != small.Config().Shape(0) || got.Shape(1) != small.Config().Shape(1) {
			t.Errorf("%+v: shapes %v and %v, %v", c.o, got.Shape(1), small.Config().Shape(1), err)
		}
	}
}

// TestBadPlans: a plan that does not fit the model is refused before anything is written.
func TestBadPlans(t *testing.T) {
	m := openOracle(t, "gqa")
	checked := 0
	for want, spoil := range map[string]func(p *prune.Plan){
		"at least one layer":                     func(p *prune.Plan) { p.Layers = nil },
		"found 1 after 1":                        func(p *prune.Plan) { p.Layers[0].Index = 1 },
		"found 2 after 0":                        func(p *prune.Plan) { p.Layers[1].Index = 2 },
		"layer 1, heads: expected at least one":  func(p *prune.Plan) { p.Layers[1].Heads = nil },
		"layer 0, heads: expected ascending":     func(p *prune.Plan) { p.Layers[0].Heads = []int{0, 2} },
		"layer 0, channels: expected ascending":  func(p *prune.Plan) { p.Layers[0].Channels = []int{3, 3} },
		"layer 1, channels: expected ascending":  func(p *prune.Plan) { p.Layers[1].Channels = []int{-1, 3} },
		"hidden channels: expected at least one": func(p *prune.Plan) { p.Hidden = []int{} },
		"hidden channels: expected ascending":    func(p *prune.Plan) { p.Hidden = []int{64} },
	} {
		plan := prune.Whole(m.Config())
		spoil(plan)
		dir := filepath.Join(t.TempDir(), "x")
		if err := prune.Cut(context.Background(), dir, m.Dense(), plan, prune.CutOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("expected an error with %q, found %v", want, err)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: something was written", want)
		}
		checked++
	}
	if checked != 9 {
		t.Errorf("checked %d", checked)
	}
}

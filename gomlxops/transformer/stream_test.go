package transformer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/internal/layer"
	"github.com/parelab/pare/gomlxops/internal/oracle"
)

// Tolerances of a float32 forward pass, from ../testdata/oracle/README.md.
const (
	float32Relative = 2e-4 // logits and hidden norms
	float32Loss     = 1e-4 // absolute
)

func TestLossesMatchOracle(t *testing.T) {
	for _, name := range oracleModels {
		m := openOracle(t, name)
		var want forwardOracle
		oracle.JSON(t, "models/"+name+"/forward.json", &want)
		for _, c := range []struct {
			batch string
			loss  float64
		}{{"forward", want.Loss}, {"long", want.Long.Loss}, {"heldout", want.HeldoutLoss}} {
			sequences := oracleTokens(t, name, c.batch)
			got, err := m.Dense().Losses(t.Context(), sequences, RunOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if got.Predictions != len(sequences[0])-1 || len(got.Sum) != len(sequences) {
				t.Fatalf("%s %s: %d sums of %d predictions", name, c.batch, len(got.Sum), got.Predictions)
			}
			if mean := got.mean(); !(math.Abs(mean-c.loss) <= float32Loss) {
				t.Errorf("%s %s: loss %v, want %v", name, c.batch, mean, c.loss)
			} else {
				t.Logf("%s %s: off by %.2g", name, c.batch, mean-c.loss)
			}
			if c.batch == "forward" {
				for i, sum := range got.Sum {
					if d := sum/float64(got.Predictions) - want.LossPerSequence[i]; !(math.Abs(d) <= float32Loss) {
						t.Errorf("%s sequence %d: loss off by %v", name, i, d)
					}
				}
			}
		}
	}
}

func (l *Losses) mean() float64 {
	sum := 0.0
	for _, s := range l.Sum {
		sum += s
	}
	return sum / float64(l.Predictions*len(l.Sum))
}

func TestLogitsMatchOracle(t *testing.T) {
	for _, name := range oracleModels {
		m := openOracle(t, name)
		vocab := m.Config().VocabSize
		var want forwardOracle
		oracle.JSON(t, "models/"+name+"/forward.json", &want)
		sequences := oracleTokens(t, name, "forward")
		length := len(sequences[0])
		got, err := m.Dense().Logits(t.Context(), sequences)
		if err != nil {
			t.Fatal(err)
		}
		if len(want.Logits) == 0 || len(want.Argmax) != len(sequences) {
			t.Fatalf("%s: the oracle has %d rows of logits, %d of argmax", name, len(want.Logits), len(want.Argmax))
		}
		for _, w := range want.Logits {
			at := (w.Batch*length + w.Pos) * vocab
			if off := relative(w.Values, widened(got[at:at+vocab])); !(off <= float32Relative) {
				t.Errorf("%s: logits of sequence %d, position %d off by %.2g", name, w.Batch, w.Pos, off)
			}
		}
		for s, row := range want.Argmax {
			for p, token := range row {
				at := (s*length + p) * vocab
				if best := slices.Index(got[at:at+vocab], slices.Max(got[at:at+vocab])); best != token {
					t.Errorf("%s: sequence %d, position %d: best token %d, want %d", name, s, p, best, token)
				}
			}
		}
		mean, std := moments(widened(got))
		if math.Abs(mean-want.LogitsMean) > float32Relative*want.LogitsStd || math.Abs(std-want.LogitsStd) > float32Relative*want.LogitsStd {
			t.Errorf("%s: logits have mean %v and deviation %v, want %v and %v", name, mean, std, want.LogitsMean, want.LogitsStd)
		}
		long, err := m.Dense().Logits(t.Context(), oracleTokens(t, name, "long"))
		if err != nil {
			t.Fatal(err)
		}
		if off := relative(want.Long.Logits, widened(long[len(long)-vocab:])); !(off <= float32Relative) {
			t.Errorf("%s: last logits of the long sequence off by %.2g", name, off)
		}
	}
}

func widened(values []float32) []float64 {
	wide := make([]float64, len(values))
	for i, v := range values {
		wide[i] = float64(v)
	}
	return wide
}

func moments(values []float64) (mean, std float64) {
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		std += (v - mean) * (v - mean) / float64(len(values))
	}
	return mean, math.Sqrt(std)
}

// hiddenOf returns the residual stream before the first block and after each, and after the final norm, as float64.
func hiddenOf(t *testing.T, m *Model, dtype dtypes.DType, sequences [][]int32) [][]float64 {
	t.Helper()
	b, err := gomlxops.Backend()
	if err != nil {
		t.Fatal(err)
	}
	c := m.Config()
	names, args := arguments(c, asTensors(t, m, dtype))
	exec := graph.MustNewExec(b, func(in []*graph.Node) []*graph.Node {
		w := Weights{}
		for i, name := range names {
			w[name] = in[i+1]
		}
		style, n, length := layer.For(b), len(sequences), len(sequences[0])
		h := graph.Gather(w[embeddingName], graph.Reshape(in[0], n*length, 1))
		d := newDecoder(c, style, n, length, layer.Constants(h, c.attentionTables(style, length)))
		out := []*graph.Node{h}
		for i := range c.Layers {
			h = d.block(h, w.block(c, i), nil)
			out = append(out, h)
		}
		out = append(out, d.RMSNorm(h, w[finalNormName], c.RMSNormEps))
		for i := range out {
			out[i] = graph.ConvertDType(out[i], dtypes.Float64)
		}
		return out
	})
	results, err := exec.Call(append([]any{tokenTensor(sequences)}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]float64
	for _, r := range results {
		out = append(out, tensors.MustCopyFlatData[float64](r))
	}
	return out
}

func TestHiddenMatchesOracle(t *testing.T) {
	for _, name := range oracleModels {
		m := openOracle(t, name)
		var want forwardOracle
		oracle.JSON(t, "models/"+name+"/forward.json", &want)
		sequences := oracleTokens(t, name, "forward")
		for _, c := range []struct {
			what   string
			hidden [][]float64
			tol    float64
		}{
			{"whole graph, Float64", hiddenOf(t, m, dtypes.Float64, sequences), 1e-9},
			{"whole graph, Float32", hiddenOf(t, m, dtypes.Float32, sequences), float32Relative},
			{"streamed", streamedHidden(t, m, sequences), float32Relative},
		} {
			for i, norm := range want.HiddenNorms {
				got, width := c.hidden[i], m.Config().HiddenSize
				if off := math.Abs(euclid(got)/norm - 1); !(off <= c.tol) {
					t.Errorf("%s, %s: norm after %d layers off by %.2g", name, c.what, i, off)
				}
				if off := math.Abs(total(got)-want.HiddenSums[i]) / norm; !(off <= c.tol) {
					t.Errorf("%s, %s: sum after %d layers off by %.2g of the norm", name, c.what, i, off)
				}
				last := (len(sequences[0]) - 1) * width
				if off := relative(want.HiddenLast[i], got[last:last+width]); !(off <= c.tol) {
					t.Errorf("%s, %s: last token after %d layers off by %.2g", name, c.what, i, off)
				}
			}
			if len(c.hidden) > len(want.HiddenNorms) {
				if off := math.Abs(euclid(c.hidden[len(want.HiddenNorms)])/want.FinalNorm - 1); !(off <= c.tol) {
					t.Errorf("%s, %s: final norm's output off by %.2g", name, c.what, off)
				}
			}
		}
		if len(want.HiddenNorms) != m.Config().Layers+1 {
			t.Errorf("%s: the oracle has %d hidden norms", name, len(want.HiddenNorms))
		}
	}
}

// streamedHidden takes the sequences through the blocks as Stream does, and looks between them.
func streamedHidden(t *testing.T, m *Model, sequences [][]int32) [][]float64 {
	t.Helper()
	r, err := m.Dense().newRun(sequences, 1, RunOptions{Batch: len(sequences)})
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	s, err := r.embed(r.spans[0])
	if err != nil {
		t.Fatal(err)
	}
	streams := []stream{s}
	out := [][]float64{widened(tensors.MustCopyFlatData[float32](s.h))}
	for l := range m.Config().Layers {
		if err := r.layer(t.Context(), l, streams); err != nil {
			t.Fatal(err)
		}
		out = append(out, widened(tensors.MustCopyFlatData[float32](streams[0].h)))
	}
	return out
}

func euclid(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v * v
	}
	return math.Sqrt(sum)
}

func total(values []float64) (sum float64) {
	for _, v := range values {
		sum += v
	}
	return sum
}

// identityFactors holds w exactly, as B = I, A = W or B = W, A = I, whichever has the smaller rank, with a bias of zeros.
func identityFactors(l Linear, w []float32) *Factored {
	identity := func(n int) []float32 {
		id := make([]float32, n*n)
		for i := range n {
			id[i*n+i] = 1
		}
		return id
	}
	if l.Out <= l.In {
		return &Factored{Rank: l.Out, B: identity(l.Out), A: w, Bias: make([]float32, l.Out)}
	}
	return &Factored{Rank: l.In, B: w, A: identity(l.In)}
}

func TestExactFactorsEqualDense(t *testing.T) {
	for _, name := range oracleModels {
		m := openOracle(t, name)
		forms := map[string]Form{}
		for _, l := range m.Linears() {
			w, _, err := m.Float32(l.Name + ".weight")
			if err != nil {
				t.Fatal(err)
			}
			forms[l.Name] = identityFactors(l, w)
		}
		v, err := m.With(forms)
		if err != nil {
			t.Fatal(err)
		}
		sequences := oracleTokens(t, name, "forward")
		dense, err := m.Dense().Logits(t.Context(), sequences)
		if err != nil {
			t.Fatal(err)
		}
		factored, err := v.Logits(t.Context(), sequences)
		if err != nil {
			t.Fatal(err)
		}
		if off := relative(widened(dense), widened(factored)); !(off <= 1e-6) {
			t.Errorf("%s: exact factors change the logits by %.2g", name, off)
		}
	}
}

// Factors of a different rank in every layer, and biases, against the dense products that they stand for.
func TestRanksMayDiffer(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 4))
	m := openOracle(t, "gqa")
	factored, products := map[string]Form{}, map[string]Form{}
	for _, l := range m.Linears() {
		f := &Factored{Rank: 3 + 2*l.Layer + len(l.Kind), B: gauss(rng, l.Out), A: nil, Bias: gauss(rng, l.Out)}
		f.B, f.A = gauss(rng, l.Out*f.Rank), gauss(rng, f.Rank*l.In)
		factored[l.Name], products[l.Name] = f, &Dense{Out: l.Out, In: l.In, W: multiplied(f, l), Bias: f.Bias}
	}
	sequences := oracleTokens(t, "gqa", "forward")[:2] // one a call
	var logits [2][]float32
	for i, forms := range []map[string]Form{factored, products} {
		v, err := m.With(forms)
		if err != nil {
			t.Fatal(err)
		}
		if logits[i], err = v.Logits(t.Context(), sequences); err != nil {
			t.Fatal(err)
		}
	}
	if off := relative(widened(logits[1]), widened(logits[0])); !(off <= float32Relative) {
		t.Errorf("logits of factors and of their products differ by %.2g", off)
	}
	if built := m.engine.graphs.built; built != 3+1 { // two factored blocks, one dense, one head
		t.Errorf("%d graphs were built for two factored shapes, one dense and one head", built)
	}
	dense, err := m.Dense().Logits(t.Context(), sequences)
	if err != nil {
		t.Fatal(err)
	}
	if relative(widened(dense), widened(logits[0])) < 0.01 {
		t.Error("replacing every linear changed nothing")
	}
}

func gauss(rng *rand.Rand, n int) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(rng.NormFloat64() * 0.1)
	}
	return values
}

func multiplied(f *Factored, l Linear) []float32 {
	w := make([]float32, l.Out*l.In)
	for i := range l.Out {
		for j := range l.In {
			sum := 0.0
			for k := range f.Rank {
				sum += float64(f.B[i*f.Rank+k]) * float64(f.A[k*l.In+j])
			}
			w[i*l.In+j] = float32(sum)
		}
	}
	return w
}

// Every block of one shape runs in one graph, and a second run builds none.
func TestEqualShapesAreBuiltOnce(t *testing.T) {
	m := openOracle(t, "mha")
	sequences := oracleTokens(t, "mha", "heldout")
	for range 2 {
		if _, err := m.Dense().Losses(t.Context(), sequences, RunOptions{Batch: 4}); err != nil {
			t.Fatal(err)
		}
		if built := m.engine.graphs.built; built != 2 {
			t.Errorf("%d graphs were built for %d equal layers and a head, want 2", built, m.Config().Layers)
		}
	}
}

// Neither the batch size, nor alignment, nor turns through the model change the losses.
func TestBatchesDoNotMatter(t *testing.T) {
	m := openOracle(t, "gqa")
	sequences := oracleTokens(t, "gqa", "heldout")
	want, err := m.Dense().Losses(t.Context(), sequences, RunOptions{Batch: len(sequences)})
	if err != nil {
		t.Fatal(err)
	}
	for _, opt := range []RunOptions{{}, {Batch: 1}, {Batch: 3}, {Batch: 5, Align: 4}, {Align: 1}} {
		got, err := m.Dense().Losses(t.Context(), sequences, opt)
		if err != nil {
			t.Fatal(err)
		}
		if off := relative(want.Sum, got.Sum); !(off <= 1e-6) {
			t.Errorf("%+v: losses differ by %.2g", opt, off)
		}
	}
}

// A head in pieces, the last of which overlaps, gives what a head in one piece gives.
func TestHeadInPieces(t *testing.T) {
	m := openOracle(t, "mha")
	sequences := oracleTokens(t, "mha", "forward")
	want, err := m.Dense().Losses(t.Context(), sequences, RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func(old int) { logitBytes = old }(logitBytes)
	logitBytes = 7 * 4 * m.Config().VocabSize // 7 rows of 20 to 60
	for _, batch := range []int{1, 2, 3} {
		got, err := m.Dense().Losses(t.Context(), sequences, RunOptions{Batch: batch})
		if err != nil {
			t.Fatal(err)
		}
		if off := relative(want.Sum, got.Sum); !(off <= 1e-6) {
			t.Errorf("batch %d: losses differ by %.2g", batch, off)
		}
	}
}

func TestPlan(t *testing.T) {
	for _, c := range []struct{ n, batch, align int }{{1, 8, 0}, {8, 8, 0}, {9, 8, 0}, {17, 4, 5}, {16, 100, 4}, {3, 1, 2}} {
		next := 0
		for _, s := range plan(c.n, c.batch, c.align) {
			if s.first != next || s.count < 1 || s.count > c.batch {
				t.Errorf("%+v: span %+v after %d", c, s, next)
			}
			if c.align > 0 && s.first/c.align != (s.first+s.count-1)/c.align {
				t.Errorf("%+v: span %+v crosses a multiple of %d", c, s, c.align)
			}
			next = s.first + s.count
		}
		if next != c.n {
			t.Errorf("%+v: %d sequences covered", c, next)
		}
	}
	if got := turns(plan(10, 2, 0), 100, 450); len(got) != 3 || len(got[0]) != 2 || len(got[2]) != 1 {
		t.Errorf("turns of at most 4 sequences: %v", got)
	}
	if got := turns(plan(3, 1, 0), 100, 1); len(got) != 3 {
		t.Errorf("a span larger than the limit must go alone: %v", got)
	}
}

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

// recorded keeps the progress.
type recorded struct {
	done, total []int
	stop        func()
}

func (r *recorded) Metric(string, int, float64) {}
func (r *recorded) Progress(_ string, done, total int) {
	r.done, r.total = append(r.done, done), append(r.total, total)
	if r.stop != nil {
		r.stop()
	}
}

func TestProgressEndsAtItsTotal(t *testing.T) {
	m := openOracle(t, "mha")
	rec := &recorded{}
	if _, err := m.Dense().Losses(t.Context(), oracleTokens(t, "mha", "heldout"), RunOptions{Batch: 3, Recorder: rec}); err != nil {
		t.Fatal(err)
	}
	last := len(rec.done) - 1
	if last < 0 || rec.done[last] != rec.total[last] || rec.total[0] != 3*(m.Config().Layers+1) || !slices.IsSorted(rec.done) {
		t.Errorf("progress %v of %v", rec.done, rec.total)
	}
}

func TestCancelStops(t *testing.T) {
	m := openOracle(t, "mha")
	ctx, cancel := context.WithCancel(t.Context())
	rec := &recorded{stop: cancel}
	_, err := m.Dense().Losses(ctx, oracleTokens(t, "mha", "heldout"), RunOptions{Batch: 1, Recorder: rec})
	if !errors.Is(err, context.Canceled) || len(rec.done) != 1 {
		t.Errorf("error %v after %d calls", err, len(rec.done))
	}
}

func TestSequencesThatCannotRun(t *testing.T) {
	m := openOracle(t, "mha")
	for _, c := range []struct {
		sequences [][]int32
		want      string
	}{
		{nil, "found no sequence"},
		{[][]int32{{}}, "sequence 0"},
		{[][]int32{{1}}, "at least 2"},
		{[][]int32{{1, 2, 3}, {1, 2}}, "sequence 1: expected 3 tokens"},
		{[][]int32{{1, 2, 3}, {1, 101, 2}}, "sequence 1, position 1"},
		{[][]int32{{-1, 2}}, "found -1"},
		{[][]int32{make([]int32, 129)}, "max_position_embeddings"},
	} {
		_, err := m.Dense().Losses(t.Context(), c.sequences, RunOptions{})
		if !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("error %v, want it to say %q", err, c.want)
		}
	}
}

func TestOverflowNamesLayerAndSequence(t *testing.T) {
	m := openOracle(t, "mha")
	l, err := m.Linear("model.layers.1.mlp.down_proj")
	if err != nil {
		t.Fatal(err)
	}
	huge := make([]float32, l.Out*l.In)
	for i := range huge {
		huge[i] = 3e38
	}
	v, err := m.With(map[string]Form{l.Name: &Dense{Out: l.Out, In: l.In, W: huge}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = v.Losses(t.Context(), oracleTokens(t, "mha", "forward"), RunOptions{})
	if s := fmt.Sprint(err); !strings.Contains(s, "layer 1") || !strings.Contains(s, "sequence 0") {
		t.Errorf("error %v, want layer 1 and sequence 0", err)
	}
}

// A variant's answer must follow its weights: a graph that froze them, as GoMLX does with variables, would not.
func TestWeightsAreNotFrozen(t *testing.T) {
	m := openOracle(t, "mha")
	sequences := oracleTokens(t, "mha", "forward")
	l := m.Linears()[0]
	w, _, err := m.Float32(l.Name + ".weight")
	if err != nil {
		t.Fatal(err)
	}
	loss := func() float64 {
		v, err := m.With(map[string]Form{l.Name: &Dense{Out: l.Out, In: l.In, W: w}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := v.Losses(t.Context(), sequences, RunOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return got.mean()
	}
	before := loss()
	clear(w)
	if after := loss(); math.Abs(after-before) < 1e-4 {
		t.Errorf("loss %v before and %v after the first linear became zero", before, after)
	}
}

package transformer

import (
	"math"
	"slices"
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
	for _, name := range allOracleModels {
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
	for _, name := range allOracleModels {
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
		h := w.embed(c, graph.Reshape(in[0], n*length, 1), n, length)
		out := []*graph.Node{h}
		for i := range c.Layers {
			dims := c.attentionDims(i, n, length)
			d := newDecoder(c, style, dims, layer.Constants(h, c.attentionTables(style, dims)))
			h = d.block(h, w.block(c, i), nil)
			out = append(out, h)
		}
		d := &decoder{Style: style, c: c}
		out = append(out, d.norm(FinalNorm, h, w.finalNorm(c)))
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
	for _, name := range allOracleModels {
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

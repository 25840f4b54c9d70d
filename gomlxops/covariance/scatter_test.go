package covariance

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/transformer"
)

// A sum of float32 products, in stretches of 192 in a batch of at most 2,048, is off by a few roundings of the largest entry.
const float32Batch = 2e-6

// narrowed rounds rows to float32, and returns them in one piece and, exactly, as rows.
func narrowed(x [][]float64) (flat []float32, exact [][]float64) {
	for _, row := range x {
		wide := make([]float64, len(row))
		for i, v := range row {
			flat = append(flat, float32(v))
			wide[i] = float64(float32(v))
		}
		exact = append(exact, wide)
	}
	return flat, exact
}

// gatherHost is gather, through the host's form of the probe.
func gatherHost(t *testing.T, flat []float32, dim, groups, batchRows int) *Stats {
	t.Helper()
	s := newStats(0, transformer.MLPIn, dim, groups)
	p := &probe{length: 1}
	size := len(flat) / dim / groups
	for k := range groups {
		for from := 0; from < size; from += batchRows {
			part := flat[(k*size+from)*dim : (k*size+min(from+batchRows, size))*dim]
			if err := p.addTokens(s, k, k*size+from, part); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

func TestScatterMatchesTwins(t *testing.T) {
	eachWidth(t, func(width string) {
		rng := rand.New(rand.NewPCG(9, 0))
		for _, c := range []struct{ n, d, groups, batch int }{
			{2, 1, 1, 2}, {12, 7, 2, 6}, {60, 15, 4, 4}, {64, 16, 2, 32}, {66, 17, 2, 33}, {130, 33, 1, 65}, {40, 48, 1, 1},
			{100, 65, 2, 7}, {300, 130, 1, 300}, {tokensPerScatter + 130, 5, 1, 3 * tokensPerScatter},
		} {
			flat, x := narrowed(rows(rng, c.n, c.d))
			s := gatherHost(t, flat, c.d, c.groups, c.batch)
			what := func(name string) string { return fmt.Sprint(width, " ", c, " ", name) }
			expect(t, what("mean"), s.Mean(), twinMean(x), 1e-7) // x − c is rounded to float32
			expect(t, what("SCM"), s.SCM(), twinSCM(x), float32Batch)
			expect(t, what("PCM"), s.PCM(), twinPCM(x, c.groups), float32Batch)
			abs := make([]float64, c.d)
			for _, row := range x {
				for i, v := range row {
					abs[i] += math.Abs(v) / float64(c.n)
				}
			}
			expect(t, what("mean |x|"), s.AbsMean, abs, 1e-6)
			if s.Count() != c.n {
				t.Errorf("%s: %d tokens", what("count"), s.Count())
			}
		}
	})
}

// As TestMeanFarFromZero: float32 holds 12345.678 to 1e-3, so the spread here is a hundred times that.
func TestScatterOfMeanFarFromZero(t *testing.T) {
	eachWidth(t, func(width string) {
		rng := rand.New(rand.NewPCG(10, 0))
		all := rows(rng, 300, 20)
		for _, row := range all {
			for i := range row {
				row[i] = 12345.678 + 0.1*rng.NormFloat64()
			}
		}
		flat, x := narrowed(all)
		s := gatherHost(t, flat, 20, 4, 50)
		expect(t, width+" mean", s.Mean(), twinMean(x), 1e-11)
		expect(t, width+" SCM", s.SCM(), twinSCM(x), 1e-5)
		expect(t, width+" PCM", s.PCM(), twinPCM(x, 4), 1e-5)
	})
}

// The form for accelerators and the host's agree, on this backend.
func TestFormsAgree(t *testing.T) {
	m := openOracle(t, "gqa")
	tokens := calibTokens(t, "gqa")
	var found [2]*Moments
	for i, inGraph := range []bool{false, true} {
		moments, _, err := prepare(m.Dense(), tokens, Options{Groups: 4})
		if err != nil {
			t.Fatal(err)
		}
		p, err := newProbe(moments)
		if err != nil {
			t.Fatal(err)
		}
		p.inGraph = inGraph
		if err := m.Dense().Stream(t.Context(), tokens, transformer.RunOptions{Batch: 3, Align: p.perGroup, Probe: p}); err != nil {
			t.Fatal(err)
		}
		if err := moments.complete(); err != nil {
			t.Fatal(err)
		}
		found[i] = moments
	}
	for i, s := range found[0].Stats {
		graph := found[1].Stats[i]
		expect(t, s.name()+" mean", s.Mean(), graph.Mean(), 1e-6)
		expect(t, s.name()+" mean |x|", s.AbsMean, graph.AbsMean, 1e-6)
		expect(t, s.name()+" SCM", s.SCM(), graph.SCM(), float32Batch)
		expect(t, s.name()+" PCM", s.PCM(), graph.PCM(), float32Batch)
	}
}

func TestScatterDoesNotDependOnProcessors(t *testing.T) {
	flat, _ := narrowed(rows(rand.New(rand.NewPCG(11, 0)), 200, 150))
	want := gatherHost(t, flat, 150, 2, 64)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	expect(t, "one processor", gatherHost(t, flat, 150, 2, 64).Within, want.Within, 0)
}

func TestAddTokensNamesWhatIsNotFinite(t *testing.T) {
	eachWidth(t, func(width string) {
		const length, dim = 4, 20
		for _, c := range []struct {
			value float64
			want  string
		}{{math.NaN(), "sequence 7, token 2: activations are not finite"}, {math.Inf(-1), "sequence 7, token 2:"}, {3e38, "too large"}, {1, ""}} {
			for _, channel := range []int{3, 18} {
				p := &probe{length: length}
				x := make([]float32, 3*length*dim)
				x[6*dim+channel] = float32(c.value)
				err := p.addTokens(newStats(1, transformer.MLPMid, dim, 1), 0, 6, x)
				if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
					t.Errorf("%s, %v: got %v, want %q", width, c.value, err, c.want)
				}
			}
		}
	})
}

// An activation inside a block that overflows is reported with its site, although the residual stream behind the block is not
// finite either. Only token 5 has something in channel 0, and only that channel is blown up.
func TestCollectNamesTheSite(t *testing.T) {
	m := overflowing(t)
	tokens := [][]int32{{1, 2, 3, 4}, {4, 3, 2, 1}, {1, 2, 5, 3}, {5, 1, 1, 1}}
	for batch := range 3 {
		_, err := Collect(t.Context(), m.Dense(), tokens, Options{Batch: batch + 1})
		if err == nil || !strings.Contains(err.Error(), "layer 0, mlp_mid") || !strings.Contains(err.Error(), "sequence 2, token 2: activations") {
			t.Errorf("batches of %d: %v", batch+1, err)
		}
	}
	collect(t, m, tokens[:2], Options{}) // the control
}

// overflowing is a model of two layers whose first MLP leaves float32's range for token 5.
func overflowing(t *testing.T) *transformer.Model {
	const hidden = 32
	c := transformer.Config{ModelType: "llama", VocabSize: 8, HiddenSize: hidden, IntermediateSize: 48, Layers: 2, Heads: 2,
		KVHeads: 2, HeadDim: 16, MaxPositions: 64, RopeTheta: 10000, NormEps: 1e-5, TieEmbeddings: true, BOS: -1, EOS: -1}
	weights := c.Init(1)
	embedding := weights["model.embed_tokens.weight"]
	for id := range c.VocabSize {
		embedding[id*hidden] = 0
	}
	embedding[5*hidden] = 1
	clear(weights["model.layers.0.self_attn.o_proj.weight"]) // attention moves nothing to other tokens
	for _, name := range []string{"gate", "up"} {
		weights["model.layers.0.mlp."+name+"_proj.weight"][0] = 1e30
	}
	return savedModel(t, &c, weights)
}

// TestScatterOfUnusualSample: the tokens that the point c is taken from are as far from the others as Samuelson's inequality lets them, so that
// |r| is 2.6 σ, and the mean is far from zero besides.
func TestScatterOfUnusualSample(t *testing.T) {
	eachWidth(t, func(width string) {
		rng := rand.New(rand.NewPCG(12, 0))
		all := rows(rng, 1600, 35)
		for token, row := range all {
			for i := range row {
				row[i] = 50 + 0.01*row[i]
				if token%sampleEvery == 0 {
					row[i] += float64(10 * (1 + i%3))
				}
			}
		}
		flat, x := narrowed(all)
		s := gatherHost(t, flat, 35, 2, 800)
		expect(t, width+" mean", s.Mean(), twinMean(x), 1e-7)
		expect(t, width+" SCM", s.SCM(), twinSCM(x), 2*float32Batch) // up to 8 times the scatter is summed
		expect(t, width+" PCM", s.PCM(), twinPCM(x, 2), 2*float32Batch)
	})
}

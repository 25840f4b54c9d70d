package covariance

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/parelab/pare/gomlxops/internal/oracle"
	"github.com/parelab/pare/gomlxops/linalg"
	"github.com/parelab/pare/gomlxops/transformer"
)

// The forward pass and the products are float32; the reference is float64.
const float32Pass = 2e-6

func calibTokens(t *testing.T, name string) [][]int32 {
	t.Helper()
	var tokens map[string][][]int32
	oracle.JSON(t, "models/"+name+"/tokens.json", &tokens)
	if len(tokens["calib"]) != 16 {
		t.Fatalf("%s: %d calibration sequences", name, len(tokens["calib"]))
	}
	return tokens["calib"]
}

func collect(t *testing.T, m *transformer.Model, sequences [][]int32, opt Options) *Moments {
	t.Helper()
	moments, err := Collect(context.Background(), m.Dense(), sequences, opt)
	if err != nil {
		t.Fatal(err)
	}
	return moments
}

func TestCollectMatchesReference(t *testing.T) {
	for _, name := range oracleModels {
		m := openOracle(t, name)
		calib := oracle.Tensors(t, "models/"+name+"/calib.safetensors")
		tokens := calibTokens(t, name)
		by := map[int]*Moments{16: collect(t, m, tokens, Options{Groups: 16})}
		for _, groups := range []int{2, 4, 8} {
			by[groups] = collect(t, m, tokens, Options{Groups: groups, Batch: 3}) // 3 divides no group
		}
		worst := map[string]float64{}
		compare := func(what string, l transformer.Linear, got, want []float64) {
			d := apart(t, got, want)
			worst[what] = max(worst[what], d)
			if d > float32Pass {
				t.Errorf("%s %s %s: differs by %.2g", name, l.Name, what, d)
			}
		}
		for _, l := range m.Linears() {
			w := weight(t, m, l)
			s, err := by[4].Input(l)
			if err != nil {
				t.Fatal(err)
			}
			compare("input mean", l, s.Mean(), calib[l.Name+".input_mean"].Data)
			compare("input mean |x|", l, s.AbsMean, calib[l.Name+".input_absmean"].Data)
			compare("input second moment", l, s.SecondMoment(), oracle.Unpack(calib[l.Name+".input_second_moment"].Data, l.In))
			scm, err := by[4].SCM(w, l)
			if err != nil {
				t.Fatal(err)
			}
			compare("output mean", l, scm.Mean, calib[l.Name+".output_mean"].Data)
			compare("output SCM", l, scm.Cov, oracle.Unpack(calib[l.Name+".output_scm"].Data, l.Out))
			compare("output SCM eigenvalues", l, eigenvalues(t, scm.Cov, l.Out), calib[l.Name+".output_scm_eig"].Data)
			for groups, moments := range by {
				pcm, err := moments.PCM(w, l)
				if err != nil {
					t.Fatal(err)
				}
				key := fmt.Sprintf("%s.output_pcm_eig_m%d", l.Name, groups)
				if groups == 4 {
					key = l.Name + ".output_pcm_eig"
					compare("output PCM", l, pcm.Cov, oracle.Unpack(calib[l.Name+".output_pcm"].Data, l.Out))
				}
				compare("output PCM eigenvalues", l, eigenvalues(t, pcm.Cov, l.Out), calib[key].Data)
			}
		}
		if len(worst) != 8 {
			t.Errorf("%s: %d quantities compared", name, len(worst))
		}
		t.Logf("%s: worst difference, relative to the largest entry: %v", name, worst)
	}
}

func eigenvalues(t *testing.T, a []float64, n int) []float64 {
	t.Helper()
	values, _, err := linalg.Eigh(a, n)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// One pass with sixteen groups answers for two, four and eight as passes with those numbers do.
func TestRegroupMatchesCollect(t *testing.T) {
	m := openOracle(t, "gqa")
	tokens := calibTokens(t, "gqa")
	fine := collect(t, m, tokens, Options{Groups: 16})
	for _, groups := range []int{1, 2, 8} {
		coarse, err := fine.Regroup(groups)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range collect(t, m, tokens, Options{Groups: groups}).Stats {
			expect(t, fmt.Sprint(groups, s.name(), " PCM"), coarse.Stats[i].PCM(), s.PCM(), 1e-6)
			expect(t, fmt.Sprint(groups, s.name(), " SCM"), coarse.Stats[i].SCM(), s.SCM(), 1e-6)
		}
	}
}

func TestCollectRecordsItsSource(t *testing.T) {
	m := openOracle(t, "mha")
	tokens := calibTokens(t, "mha")
	a := collect(t, m, tokens, Options{Data: "digest of data"})
	digest, err := m.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if a.Model != digest || a.Data != "digest of data" || a.Sequences != 16 || a.Length != 32 || a.Groups != 1 || a.Replaced != 0 {
		t.Errorf("recorded %+v", *a)
	}
	if len(a.Stats) != m.Config().Layers*len(transformer.Sites) {
		t.Errorf("%d sites", len(a.Stats))
	}
	b := collect(t, m, tokens, Options{Batch: 5})
	if a.Digest() != b.Digest() {
		t.Error("batching changed the digest")
	}
	if c := collect(t, m, tokens[1:], Options{}); c.Digest() == a.Digest() {
		t.Error("other tokens did not change the digest")
	}
	tiny := collect(t, m, [][]int32{tokens[0][:10]}, Options{})
	if short := tiny.Warnings(); len(short) != len(transformer.Sites) || short[0].Sequences != 5 {
		t.Errorf("10 tokens for 48 channels: warned %v", short)
	}
}

func TestCollectRefuses(t *testing.T) {
	m := openOracle(t, "mha")
	tokens := calibTokens(t, "mha")
	for _, c := range []struct {
		name      string
		sequences [][]int32
		opt       Options
		want      string
	}{
		{"nothing", nil, Options{}, "at least one"},
		{"groups", tokens, Options{Groups: 5}, "take 4 groups or 20 sequences"},
		{"negative", tokens, Options{Groups: -1}, "positive"},
		{"one token", [][]int32{{1}, {2}}, Options{Groups: 2}, "two tokens"},
		{"unequal", [][]int32{{1, 2}, {3}}, Options{}, "sequence 1"},
		{"vocabulary", [][]int32{{1, 101}}, Options{}, "101"},
	} {
		_, err := Collect(context.Background(), m.Dense(), c.sequences, c.opt)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Collect(ctx, m.Dense(), tokens, Options{}); err == nil {
		t.Error("a cancelled context was no error")
	}
}

// A site that is not finite is named with the sequence and token.
func TestObserveNamesWhatIsNotFinite(t *testing.T) {
	const length, dim = 4, 2
	p := &probe{stats: map[place]*Stats{{1, transformer.MLPMid}: newStats(1, transformer.MLPMid, dim, 2)}, perGroup: 3, length: length, inGraph: true}
	out := func(change func(all [outputs][]float32)) []*tensors.Tensor {
		all := [outputs][]float32{outMean: {1, 2}, outResidual: {0, 0}, outAbsMean: {1, 2}, outScatter: {1, 0, 0, 1}, outTokens: make([]float32, 2*length)}
		change(all)
		shapes := [outputs][]int{{1, dim}, {1, dim}, {1, dim}, {dim, dim}, {2 * length}}
		var ts []*tensors.Tensor
		for i, v := range all {
			ts = append(ts, tensors.FromFlatDataAndDimensions(v, shapes[i]...))
		}
		return ts
	}
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	same := func([outputs][]float32) {}
	for _, c := range []struct {
		name  string
		layer int
		first int
		out   []*tensors.Tensor
		want  string
	}{
		{"good", 1, 1, out(same), ""},
		{"token", 1, 1, out(func(all [outputs][]float32) { all[outTokens][6] = nan }), "sequence 2, token 2: activations are not finite"},
		{"overflow", 1, 1, out(func(all [outputs][]float32) { all[outScatter][3] = inf }), "too large"},
		{"across groups", 1, 2, out(same), "groups 0 to 1"},
		{"layer", 2, 1, out(same), "a site of the model"},
	} {
		err := p.Observe(c.layer, transformer.MLPMid, c.first, 2, c.out)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
	if n := p.stats[place{1, transformer.MLPMid}].Count(); n != 2*length {
		t.Errorf("%d tokens were counted, 8 were good", n)
	}
}
